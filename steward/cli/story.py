"""Tells one scenario: lets the world break, watches Steward, and keeps what happened as a timeline.

It only watches. What Steward does is decided in the product, and whether that is what was promised
is for the reader (and the tests) to see.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from shlex import quote
from typing import Any

from chalicelib.flows import query
from chalicelib.models.change import ChangeState
from chalicelib.models.decision import Decision, Outcome, SignalDecision
from chalicelib.models.incident import Incident
from chalicelib.models.run import Run, RunStatus
from chalicelib.models.signal import SignalKind, SignalState
from chalicelib.models.summary import Summary
from steward.sandbox.faults import FAULTS
from steward.sandbox.scenarios import NOTHING_CAME_S, WELL_FOR_S, Scenario, begin, is_told, say_yes
from steward.sandbox.simulation import SWEEP_EVERY_S, Simulation

Json = dict[str, Any]
TICK_S = 5


@dataclass(frozen=True)
class Beat:
    """One thing that happened, when, to whom."""

    at: datetime
    what: str
    """`world`, `broken`, `signal`, `decision`, `guard`, or the word of a run's moment."""
    text: str
    facts: Json = field(default_factory=dict)

    def as_json(self) -> Json:
        return {"at": self.at.isoformat(), "what": self.what, "text": self.text, "facts": self.facts}


class Story:
    def __init__(
        self, scenario: Scenario, sim: Simulation, tell: Callable[[Beat], None], tick: Callable[[datetime], None]
    ) -> None:
        self.scenario, self.sim = scenario, sim
        self.beats: list[Beat] = []
        self._tell, self._tick = tell, tick
        self._seen: dict[str, int] = {}
        self._decided: set[str] = set()
        sim.on_decision = self._decision
        sim.on_move = self._moves

    def play(self) -> None:
        sim, scenario = self.sim, self.scenario
        self._say("world", f"{sim.world.stack().stack} is well: {self._health()}")
        sim.pass_time(WELL_FOR_S)
        fault = sim.world.break_with(scenario.fault)
        self._say("broken", fault.sentence, fault=fault.name)
        if scenario.by_hand:
            self._until(lambda: False, scenario.by_hand.after_s)
            begin(sim, scenario)
        if self._until(lambda: bool(sim.runs()), NOTHING_CAME_S):
            self._until(self._is_over, scenario.lasts_s)
        self._say("world", f"now: {self._health()}")

    def _is_over(self) -> bool:
        if self.scenario.says_yes and say_yes(self.sim):
            return False
        return not self.scenario.to_the_end and is_told(self.sim)

    def _until(self, done: Callable[[], bool], limit_s: int) -> bool:
        begun = self.sim.world.clock.now()
        while not done():
            now = self.sim.world.clock.now()
            if (now - begun).total_seconds() >= limit_s:
                return False
            self._tick(now)
            self.sim.pass_time(TICK_S)
            if self.sim.world.clock.now().timestamp() % SWEEP_EVERY_S < TICK_S:
                self._reconsidered()
        return True

    def _health(self) -> str:
        world = self.sim.world
        live, now = world.service.live(), world.clock.now()
        serving = sum(task.answers(now) and not task.hung for task in live)
        ringing = [alarm.name for alarm in world.alarms.all() if alarm.state.value == "ALARM"]
        alarms = f"{', '.join(ringing)} in ALARM" if ringing else "all alarms OK"
        return f"{serving} of {world.service.desired} tasks serve, {alarms}"

    def _say(self, what: str, text: str, **facts: object) -> None:
        self._add(Beat(self.sim.world.clock.now(), what, text, facts))

    def _add(self, beat: Beat) -> None:
        self.beats.append(beat)
        self._tell(beat)

    def _reconsidered(self) -> None:
        """Sweep's own decisions about what was held; they come by no event."""
        for decision in reversed(self.sim.parts.decisions.recent(limit=10).rows):
            if decision.predecessor:
                self._decision(decision)

    def _decision(self, decision: Decision) -> None:
        if decision.event_id in self._decided:
            return
        self._decided.add(decision.event_id)
        for part in decision.parts:
            self._part(part, decision.received_at, again=bool(decision.predecessor))

    def _part(self, part: SignalDecision, at: datetime, *, again: bool) -> None:
        signal = part.signal
        if signal.state is SignalState.INFO and signal.kind is not SignalKind.MANUAL:
            return  # what ECS and RDS tell all day long
        what = " ".join(str(word) for word in (signal.kind.value, signal.name, signal.state.value) if word)
        if not again:
            facts = {"fingerprint": signal.fingerprint, "resource": signal.resource, "stack": signal.stack}
            self._add(Beat(at, "signal", what, facts))
        why = "; ".join(part.reasons)
        if part.incident_id and part.outcome is not Outcome.IGNORE:
            self._add(Beat(at, "incident", f"incident {part.incident_id}", {"incident": part.incident_id}))
        decided = {"outcome": part.outcome.value, "runbook": part.runbook, "run": part.run_id, "again": again}
        self._add(Beat(at, "decision", f"{'looked at again: ' if again else ''}{part.outcome.value}: {why}", decided))
        for guard in part.guards:
            sentence = f"{guard.guard}: {guard.because}"
            self._add(Beat(at, "guard", sentence, {"passed": guard.passed, "guard": guard.guard}))

    def _moves(self, run_id: str) -> None:
        if run_id not in self._seen:  # its decision was perhaps sweep's, and belongs before it
            self._seen[run_id] = 0
            self._reconsidered()
        for moment in self.sim.parts.engine.runs.moments(run_id, after=self._seen[run_id]):
            self._seen[run_id] = moment.seq
            self._add(Beat(moment.at, moment.what, moment.text, {"run": run_id, **moment.facts}))
            if moment.what == "planned":
                self._plan(run_id, moment.at)

    def _plan(self, run_id: str, at: datetime) -> None:
        for change in query.plan_of(self.sim.parts, run_id)["changes"]:
            facts = {key: change[key] for key in ("operation", "parameters", "resource", "loses", "undo")}
            self._add(Beat(at, "would_change", change["sentence"], {"run": run_id, **facts}))

    # -- what it came to -----------------------------------------------------------------------

    def main_run(self) -> Run | None:
        """The one that the story is about: that changed something, else that asks, else the last."""
        runs = self.sim.runs()
        acted = [run for run in runs if run.first_action_at]
        asking = [run for run in runs if run.status is RunStatus.AWAITING_APPROVAL]
        return next(reversed(acted or asking or runs), None)

    def main_incident(self, run: Run | None) -> Incident | None:
        incidents = self.sim.parts.engine.incidents
        if run is not None and run.incident_id:
            return incidents.get(run.incident_id)
        return next((i for stack in self.sim.parts.engine.stacks for i in incidents.open_of(stack)), None)

    def summary(self, run: Run | None) -> Summary | None:
        sent = self.sim.channel.sent
        return next((s for s in reversed(sent) if run and s.run_id == run.id), sent[-1] if sent else None)

    def changes(self) -> list[Json]:
        counts: dict[str, int] = {}
        for call in self.sim.world.mutations():
            name = f"{call.service}:{call.operation}"
            counts[name] = counts.get(name, 0) + 1
        return [{"operation": name, "count": count} for name, count in counts.items()]

    def as_json(self) -> Json:
        run = self.main_run()
        incident, summary = self.main_incident(run), self.summary(run)
        whole = query.whole(self.sim.parts, run.id) if run else None
        return {
            "scenario": self.scenario.name,
            "fault": self.scenario.fault,
            "promise": self.scenario.promise,
            "incident": incident.model_dump(mode="json") if incident else None,
            "run": {key: value for key, value in whole.items() if key != "timeline"} if whole else None,
            "verdict": run.verdict.value if run and run.verdict else None,
            "runs": [{**query.brief(each), **self._found(each)} for each in self.sim.runs()],
            "changes": self.changes(),
            "counts": self.counts(),
            "timeline": [beat.as_json() for beat in self.beats],
            "summary": summary.model_dump(mode="json") if summary else None,
        }

    def _found(self, run: Run) -> Json:
        """What its records say beside the outcome: the diagnosis, what was changed, who was asked and said what."""
        records = self.sim.parts.engine.runs.steps(run.id)
        said = next((record.output for record in records if record.diagnosis), None) or {}
        approval = self.sim.parts.engine.approvals.current(run.id)
        done: dict[str, int] = {}
        for change, progress in ((c, p) for r in records for c, p in zip(r.changes, r.progress, strict=True)):
            if progress.state in {ChangeState.STARTED, ChangeState.DONE}:
                done[change.operation] = done.get(change.operation, 0) + 1
        return {
            "diagnosis": {key: said[key] for key in ("outcome", "cause", "confidence")} if said else None,
            "changed": done,
            "approval": {"state": approval.state.value, "by": approval.answered_by} if approval else None,
        }

    def counts(self) -> dict[str, int]:
        """How often the trouble spoke, and what was made of it."""
        said = [beat for beat in self.beats if beat.what == "decision"]
        fired = [beat for beat in self.beats if beat.what == "signal" and beat.text.endswith("firing")]
        outcomes = {o.value: sum(b.facts["outcome"] == o.value for b in said) for o in Outcome}
        return {"firing": len(fired), **{name: count for name, count in outcomes.items() if count}}


def sentence_of(fault: str) -> str:
    return FAULTS[fault].sentence


def next_commands(told: Json) -> Iterable[tuple[str, str]]:
    """What to type next; the same seed makes the same world, so that the run is found again."""
    on = f"--on sandbox:{told['fault']}"
    run = told["run"]
    if run and run["status"] == "awaiting_approval":
        yield f'steward runs approve {run["id"]} --reason "…" {on}', "say yes, and watch what then happens"
        yield f'steward runs reject {run["id"]} --reason "…" {on}', "say no: nothing is changed"
    elif run and (run["approval"] or {}).get("state") == "approved":
        yield f'steward runs approve {run["id"]} --reason "…" {on}', "in a fresh world, asked and not yet answered"
    if run:
        given = "".join(f" --input {quote(f'{name}={value}')}" for name, value in run["inputs"].items())
        yield f"steward runs show {run['id']} {on}", "every move, probe and change"
        yield f"steward run {run['runbook']} --stack {run['stack']}{given} --plan {on}", "the plan only"
    yield f"steward decisions list {on}", "every decision with its guards: also why nothing was done"
    yield "steward sandbox up --detach", "a world that stays up; then `steward sandbox break FAULT`"
