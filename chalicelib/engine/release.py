"""How a run ends, and what is recorded once it is over: the Ledger's slot, the incident. Each step is idempotent and
repeated (by the run itself, else by sweep) until the run says it is done. No crash leaves a lock."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.engine import incidents
from chalicelib.engine.journal import Journal, Note, to_status
from chalicelib.engine.moves import Finish
from chalicelib.engine.ports import Ports
from chalicelib.errors import StaleWrite
from chalicelib.guards.admit import release as release_slot
from chalicelib.guards.fleet import free, note_failed
from chalicelib.models.incident import Incident, IncidentState
from chalicelib.models.run import Run, RunStatus, Verdict

MOST_TRIES = 8


class Releaser:
    def __init__(self, ports: Ports, journal: Journal) -> None:
        self._ports = ports
        self._journal = journal

    def finish(self, run: Run, move: Finish, now: datetime) -> Run:
        if run.status is RunStatus.AWAITING_APPROVAL and run.approvals:
            self._ports.approvals.supersede(run.id, run.approvals)  # nothing to an answered one
        word = move.verdict.value if move.verdict else move.status.value
        notes: list[Note] = [("verdict" if move.verdict else "ended", f"{word}: {move.outcome}", {})]
        return self._journal.save(
            run,
            now,
            notes,
            **to_status(run, move.status),
            verdict=move.verdict,
            outcome=move.outcome,
            needs_person=move.needs_person,
            ended_at=now,
            wake_at=now,
        )

    def release(self, run: Run, part: str, now: datetime) -> Run:
        if part == "ledger":
            self._leases(run)
            self._ledger(run, now)
        elif part == "incident":
            self._incident(run, lambda incident: incidents.after_run(incident, run, now))
        released = run.released.model_copy(update={part: True})
        return self._journal.save(run, now, released=released, wake_at=now)

    def adopt(self, run: Run, now: datetime) -> None:
        self._incident(run, lambda incident: incidents.adopted(incident, run.id, now))

    def mirror(self, run: Run, now: datetime) -> None:
        """The incident shows what its run is doing."""
        state = {
            RunStatus.AWAITING_APPROVAL: IncidentState.AWAITING,
            RunStatus.VERIFYING: IncidentState.VERIFYING,
        }.get(run.status, IncidentState.ACTING)

        def follow_run(incident: Incident) -> Incident:
            mine = incident.run_id == run.id and incident.state is not state
            return incidents.move(incident, state, now) if mine else incident

        self._incident(run, follow_run)

    def _leases(self, run: Run) -> None:
        """A worker that died holding a step of a run that then ended some other way."""
        for record in self._ports.runs.steps(run.id):
            if record.lease:
                self._ports.runs.save_step(record.model_copy(update={"lease": None}))

    def _ledger(self, run: Run, now: datetime) -> None:
        cooldown = run.runbook.guards.cooldown
        self._ports.ledgers.update(
            run.stack, lambda ledger: (release_slot(ledger, run.id, run.runbook.runbook, now, cooldown), None)
        )
        failed = run.verdict is Verdict.FAILED
        ended = run.ended_at or now  # the same at every repetition, so that one failure counts once

        self._ports.ledgers.update_fleet(
            lambda fleet: (note_failed(free(fleet, run.id), run.stack, ended) if failed else free(fleet, run.id), None)
        )

    def _incident(self, run: Run, change: Callable[[Incident], Incident]) -> None:
        for _ in range(MOST_TRIES):
            incident = self._ports.incidents.get(run.incident_id) if run.incident_id else None
            if incident is None:
                return
            after = change(incident)
            if after == incident:
                return
            try:
                self._ports.incidents.save(after)
            except StaleWrite:
                continue
            return
        raise StaleWrite(f"incident {run.incident_id}")
