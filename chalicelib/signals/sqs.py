"""SQS batches: every record is judged on its own, so that a poison one never takes the others with it."""

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.signals.fields import REASON_LIMIT, Body, decode, mapping, moment, number, text
from chalicelib.signals.keys import account_of, parse_arn, region_of
from chalicelib.signals.origin import Arrival, Opener, make, origin_of


def read_record(record: Body, arrival: Arrival, open_inner: Opener) -> tuple[Signal, ...]:
    body = record.get("body")
    if not isinstance(body, str):
        raise SignalRejected("an SQS record without a body")
    carried = arrival._replace(road="sqs", id=text(record.get("messageId")) or arrival.id, depth=arrival.depth + 1)
    inner = decode(body)
    if isinstance(inner, dict):
        opened = open_inner(inner, carried)
        # JSON of no family is somebody's message; an event of no family stays an event.
        strange = all(one.kind is SignalKind.UNKNOWN and one.source == "sqs" for one in opened)
        return (_message(record, carried),) if strange and "detail-type" not in inner else opened
    if inner is None and body.lstrip()[:1] in ("{", "["):
        raise SignalRejected("the body of an SQS message starts like JSON and is none")
    return (_message(record, carried),)


def _message(record: Body, carried: Arrival) -> Signal:
    queue = parse_arn(record.get("eventSourceARN"))
    attributes = mapping(record.get("attributes"))
    origin = origin_of(
        record,
        carried,
        "sqs",
        at=moment(number(attributes.get("SentTimestamp"))),
        account=queue.account if queue else account_of(None),
        region=queue.region if queue else region_of(record.get("awsRegion")),
    )
    return make(
        origin,
        SignalKind.SQS_MESSAGE,
        reason=record.get("body"),
        facts={
            "queue": queue.name if queue else None,
            "message": text(record.get("body"), REASON_LIMIT),
            "receive_count": number(attributes.get("ApproximateReceiveCount")),
        },
    )
