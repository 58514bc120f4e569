"""RDS snapshot events. They name the snapshot, not the database; only a failed one fires."""

from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, text, texts
from chalicelib.signals.keys import arn_keys
from chalicelib.signals.origin import Event, make
from chalicelib.signals.rds_event import source_identifier


def read_rds_snapshot(event: Event) -> Signal:
    detail = event.detail
    categories, message = texts(detail.get("EventCategories")), text(detail.get("Message"), REASON_LIMIT)
    failed = "failure" in categories
    return make(
        event.origin,
        SignalKind.RDS_SNAPSHOT,
        SignalState.FIRING if failed else SignalState.INFO,
        name=detail.get("EventID"),
        resource=source_identifier(detail, event.resources),
        reason=message,
        keys=arn_keys(detail.get("SourceArn")),
        facts={
            "event_id": text(detail.get("EventID")),
            "categories": categories,
            "message": message,
            "source_type": text(detail.get("SourceType")),
            "source_arn": text(detail.get("SourceArn"), REASON_LIMIT),
        },
    )
