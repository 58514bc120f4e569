"""Advance: one move of one run. Woken by Step Functions or the local loop; decides from the store."""

from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from chalicelib.engine.conductor import View, next_move
from chalicelib.engine.executor import Executor
from chalicelib.engine.meanwhile import halted
from chalicelib.engine.moves import Release
from chalicelib.engine.planning import index_of
from chalicelib.errors import StaleWrite
from chalicelib.flows import measure
from chalicelib.flows.parts import Parts
from chalicelib.flows.summarize import tell_the_end, tell_what_is_due
from chalicelib.models.incident import Incident
from chalicelib.models.run import Run, RunStatus
from chalicelib.models.signal import SignalKind

MOST_MOVES = 2000
"""Of one generation: 25,000 history events end an execution; a move is worth about ten of them."""
LONGEST_SLEEP_S = 3600
"""A ring that got lost costs at most this, also where people may take days to answer."""


@dataclass(frozen=True)
class Next:
    """What the machine does now: `advance`, `sleep`, `succeed` or `fail`."""

    kind: str
    run_id: str
    generation: int
    until: datetime | None = None
    version: int = 0
    """Of the run as it was when this was decided: the doorbell is hung up on that one only."""

    def as_state(self, now: datetime) -> dict[str, object]:
        # Rounded up: waking a little too early would only mean to lie down again.
        left = ceil((self.until - now).total_seconds()) if self.until else 1
        state = {"next": self.kind, "run_id": self.run_id, "generation": self.generation, "version": self.version}
        return {**state, "seconds": max(1, min(left, LONGEST_SLEEP_S))}


def advance(parts: Parts, run_id: str, generation: int, worker: str) -> Next:
    now = parts.clock.now()
    run = parts.engine.runs.get(run_id)
    if run is None:
        return Next("fail", run_id, generation)
    if run.generation != generation:  # a newer execution has taken over; this one ends silently
        return Next("succeed", run_id, generation)
    if run.moves - run.moves_before >= MOST_MOVES and run.status.is_live:
        return hand_over(parts, run)
    parts.telemetry.bind(run_id=run.id, incident_id=run.incident_id, stack=run.stack)
    incident = parts.engine.incidents.get(run.incident_id) if run.incident_id else None
    try:
        run = tell_what_is_due(parts, run, now)
        view = look_at(parts, run, incident, now)
        move = next_move(view)
        if isinstance(move, Release) and move.part == "summary":
            run = tell_the_end(parts, run, now)
            view = replace(view, run=run)
        done = Executor(parts.engine).perform(move, view, _alarms(run, incident), worker)
        if run.status.is_live and not done.run.status.is_live:
            measure.run_ended(parts.telemetry, done.run)
    except StaleWrite:
        return Next("advance", run_id, generation)  # somebody wrote first: read again, decide again
    kind = "succeed" if done.over else "sleep" if done.sleep_until else "advance"
    return Next(kind, run_id, generation, done.sleep_until, done.run.version)


def look_at(parts: Parts, run: Run, incident: Incident | None, now: datetime) -> View:
    records = parts.engine.runs.steps(run.id)
    ordered = tuple(sorted(records, key=lambda record: index_of(run.runbook, record.id)))
    approval = parts.engine.approvals.current(run.id) if run.status is RunStatus.AWAITING_APPROVAL else None
    return View(
        run=run,
        steps=ordered,
        now=now,
        approval=approval,
        halted=halted(parts.engine, run.stack) if run.status.is_live else None,
        recovered=incident is not None and not incident.firing,
        rivals=_rivals(parts, run),
        high_risk=parts.engine.high_risk,
    )


def _rivals(parts: Parts, run: Run) -> int:
    """Incidents that were told to wait for this run; a rotation has time."""
    if not any(step.do == "wait_until" for step in run.runbook.steps):
        return 0
    others = parts.engine.incidents.open_of(run.stack)
    waiting = (other for other in others if other.id != run.incident_id and other.reconsider_at)
    return sum(any(source.kind is not SignalKind.SECRETS_ROTATION for source in other.firing) for other in waiting)


def _alarms(run: Run, incident: Incident | None) -> tuple[str, ...]:
    firing = tuple(source.alarm for source in incident.firing if source.alarm) if incident else ()
    return tuple(dict.fromkeys((*run.alarms, *firing)))


def hand_over(parts: Parts, run: Run) -> Next:
    """The next execution takes the run on; the write decides who raised the generation."""
    now = parts.clock.now()
    try:
        # `wake_at` moves it off the due index, so that the next sweep does not start yet another.
        raised = {
            "generation": run.generation + 1,
            "moves_before": run.moves,
            "token": None,
            "wake_at": now,
        }
        newer = parts.engine.runs.save(run.model_copy(update=raised))
    except StaleWrite:
        return Next("advance", run.id, run.generation)
    parts.driver.start(newer.id, newer.generation)
    return Next("succeed", run.id, run.generation)


def lie_down(parts: Parts, run_id: str, version: int, token: str) -> None:
    """Sleep, as Step Functions does it: hang the doorbell up on the very version of the run that was
    decided on. Is it another by now, then something came that could not know this bell: ring oneself.

    The same holds for a worker that starts so late that its Sleep is over: it must not take the place
    of the bell of a later one."""
    run = parts.engine.runs.get(run_id)
    if run is not None and run.token == token:  # delivered twice
        return
    if run is None or run.version != version or (run.wake_at and run.wake_at <= parts.clock.now()):
        parts.driver.ring(run_id, token)
        return
    try:
        # Lying down counts as a move, since it makes history events like one.
        parts.engine.runs.save(run.model_copy(update={"token": token, "moves": run.moves + 1}))
    except StaleWrite:
        parts.driver.ring(run_id, token)
