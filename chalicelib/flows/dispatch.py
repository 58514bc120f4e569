"""From the Ledger's outbox to running executions: idempotent, by whoever gets there (intake or sweep)."""

from chalicelib.engine.admission import run_of
from chalicelib.errors import StoreError
from chalicelib.flows.parts import Parts
from chalicelib.guards.admit import release, sent
from chalicelib.guards.fleet import free
from chalicelib.models.ledger import Outgoing


def dispatch_outbox(parts: Parts, stack: str) -> int:
    started = 0
    for outgoing in parts.engine.ledgers.read(stack).outbox:
        try:
            run, _ = parts.engine.runs.create(run_of(outgoing))
        except StoreError as error:
            if error.retryable:
                raise
            _take_back(parts, stack, outgoing, error)
            continue
        parts.driver.start(run.id, run.generation)
        parts.engine.ledgers.update(stack, lambda ledger, run_id=run.id: (sent(ledger, run_id), None))  # type: ignore[misc]
        started += 1
    return started


def _take_back(parts: Parts, stack: str, outgoing: Outgoing, error: StoreError) -> None:
    """A run that cannot be stored (too large) never will be: it must not keep its slot for ever."""
    run_id = outgoing.run_id
    parts.telemetry.failure("a run could not be made", error, run=run_id, runbook=outgoing.runbook)
    now = parts.clock.now()
    parts.engine.ledgers.update(
        stack, lambda ledger: (sent(release(ledger, run_id, outgoing.runbook, now, 0), run_id), None)
    )
    parts.engine.ledgers.update_fleet(lambda fleet: (free(fleet, run_id), None))
