"""What is not believed is recorded as an invalid decision, and costs next to nothing however often it comes.

Whoever has no credential can send what he likes as often as he likes: such refusals are one record a source,
reason and minute. Those of a credential are one record for each thing that was said.
"""

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.flows.ingest import conclude
from chalicelib.flows.parts import Parts
from chalicelib.models.decision import Outcome, SignalDecision
from chalicelib.models.problem import Rejected
from chalicelib.models.shape import content_hash
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.notify.inert import one_line
from chalicelib.store.decisions import archive_key


@dataclass(frozen=True)
class Refusal:
    source: str
    why: str
    status: int
    credential: str | None = None
    content: Any = None
    """What tells two refusals of one credential apart; only its hash is kept."""

    def as_rejected(self) -> Rejected:
        return Rejected(self.status, one_line(self.why, 300))


def record(parts: Parts, refusal: Refusal) -> str:
    """The event's id. What was sent is not archived: whoever sent it was not believed, and it may hold anything."""
    now = parts.clock.now()
    who = [
        refusal.source,
        refusal.credential or "nobody",
        refusal.why if refusal.credential is None else refusal.content,
    ]
    when = now.strftime("%Y-%m-%dT%H:%M") if refusal.credential is None else ""
    event_id = f"webhook-{content_hash([*who, when])[:40]}"
    claim = parts.decisions.receive(event_id, now)
    if not claim.is_ours:
        return event_id
    why = one_line(refusal.why, 300)
    signal = Signal(
        id=event_id,
        kind=SignalKind.INVALID,
        state=SignalState.INFO,
        name=f"webhook of {refusal.source}",
        source="api",
        occurred_at=now,
        reason=why,
        facts={"credential": refusal.credential, "status": refusal.status},
    )
    note = json.dumps({"steward": "refused webhook", "source": refusal.source, "status": refusal.status}).encode()
    where = parts.archive.put(archive_key(event_id, now), note)
    decision = claim.decision.model_copy(update={"archived_at": where})
    conclude(parts, decision, (SignalDecision(signal=signal, outcome=Outcome.INVALID, reasons=(why,)),), now)
    return event_id
