"""S3 object events from EventBridge. They are news about a bucket, never by themselves trouble."""

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.signals.fields import REASON_LIMIT, integer, mapping, text
from chalicelib.signals.keys import key, parse_arn
from chalicelib.signals.origin import Event, make


def read_s3_object(event: Event) -> Signal:
    detail, thing = event.detail, mapping(event.detail.get("object"))
    arn = parse_arn(next(iter(event.resources), None))
    bucket = text(mapping(detail.get("bucket")).get("name")) or (arn.resource if arn else None)
    if bucket is None:
        raise SignalRejected("an S3 event that names no bucket")
    return make(
        event.origin,
        SignalKind.S3_OBJECT,
        name=event.detail_type,
        resource=bucket,
        reason=detail.get("reason"),
        keys=key("bucket", bucket),
        facts={
            "bucket": bucket,
            "key": text(thing.get("key"), REASON_LIMIT),
            "size": integer(thing.get("size")),
            "version_id": text(thing.get("version-id")),
            "deletion_type": text(detail.get("deletion-type")),
            "requester": text(detail.get("requester")),
            "why": text(detail.get("reason")),
        },
    )
