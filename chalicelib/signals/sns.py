"""SNS: records for Lambda, and the body of an HTTP delivery (or of an SQS message).

The topic goes on with what the message carried, since a stack believes only its own topics (S2).
A subscription confirmation is recorded and never fetched. The signature of an HTTP delivery is
checked where it arrives, before it comes here.
"""

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.signals.fields import REASON_LIMIT, Body, decode, labels, mapping, moment, text
from chalicelib.signals.keys import parse_arn
from chalicelib.signals.origin import Arrival, Opener, make, origin_of

_CONFIRMATIONS = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})


def is_notification(payload: Body) -> bool:
    kind = payload.get("Type")
    return "TopicArn" in payload or (kind in ("Notification", *_CONFIRMATIONS) and "Message" in payload)


def read_record(record: Body, arrival: Arrival, open_inner: Opener) -> tuple[Signal, ...]:
    notification = record.get("Sns")
    if not isinstance(notification, dict):
        raise SignalRejected("an SNS record without its Sns part")
    return read_notification(notification, arrival, open_inner)


def read_notification(notification: Body, arrival: Arrival, open_inner: Opener) -> tuple[Signal, ...]:
    message = notification.get("Message")
    carried = _carried(notification, arrival)
    if text(notification.get("Type")) in _CONFIRMATIONS:
        return (_confirmation(notification, carried),)
    if not isinstance(message, str):
        raise SignalRejected("an SNS notification without a Message")
    inner = decode(message)
    if isinstance(inner, dict):
        return open_inner(inner, carried)
    if inner is None and message.lstrip()[:1] in ("{", "["):
        raise SignalRejected("the Message of an SNS notification starts like JSON and is none")
    return (_plain(notification, carried),)


def _carried(notification: Body, arrival: Arrival) -> Arrival:
    message_id = notification.get("MessageId")
    return arrival._replace(
        road="sns",
        id=message_id if isinstance(message_id, str) else arrival.id,
        # Without a topic nobody can say whether it is believed: the empty one is listed by no stack.
        topic=text(notification.get("TopicArn"), 1024) or "unknown",
        depth=arrival.depth + 1,
    )


def _plain(notification: Body, carried: Arrival) -> Signal:
    topic = parse_arn(carried.topic)
    attributes = mapping(notification.get("MessageAttributes"))
    origin = origin_of(
        notification,
        carried,
        "sns",
        at=moment(notification.get("Timestamp")),
        account=topic.account if topic else None,
        region=topic.region if topic else None,
    )
    return make(
        origin,
        SignalKind.SNS_MESSAGE,
        name=notification.get("Subject"),
        reason=notification.get("Message"),
        facts={
            "topic": carried.topic,
            "subject": text(notification.get("Subject")),
            "message": text(notification.get("Message"), REASON_LIMIT),
            "attributes": labels({name: mapping(one).get("Value") for name, one in attributes.items()}) or None,
        },
    )


def _confirmation(notification: Body, carried: Arrival) -> Signal:
    """Neither the token nor the address is kept: nothing here may ever follow it."""
    origin = origin_of(notification, carried, "sns", at=moment(notification.get("Timestamp")))
    topic = parse_arn(carried.topic)
    return make(
        origin,
        SignalKind.SNS_SUBSCRIPTION,
        name=notification.get("Type"),
        reason=f"somebody asks to connect topic {topic.name if topic else 'unknown'}; Steward does not follow it",
        facts=labels({"topic": carried.topic, "type": notification.get("Type")}),
    )
