"""From the Ledger's outbox to running executions: idempotent, by whoever gets there (intake or sweep)."""

from chalicelib.engine.admission import run_of
from chalicelib.flows.parts import Parts
from chalicelib.guards.admit import sent


def dispatch_outbox(parts: Parts, stack: str) -> int:
    started = 0
    for outgoing in parts.engine.ledgers.read(stack).outbox:
        run, _ = parts.engine.runs.create(run_of(outgoing))
        parts.driver.start(run.id, run.generation)
        run_id = outgoing.run_id
        parts.engine.ledgers.update(stack, lambda ledger, run_id=run_id: (sent(ledger, run_id), None))  # type: ignore[misc]
        started += 1
    return started
