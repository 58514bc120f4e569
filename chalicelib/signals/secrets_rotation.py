"""Secrets Manager: rotations and changed values, as CloudTrail tells them. A failed rotation fires."""

from chalicelib.models.signal import ROTATION_FAILED, Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, mapping, text
from chalicelib.signals.keys import arn_keys, key, secret_name
from chalicelib.signals.origin import Event, make

_CHANGES = frozenset(
    {"PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage", "RotateSecret", "CancelRotateSecret"}
)


def read_secret_event(event: Event) -> Signal:
    detail = event.detail
    name = text(detail.get("eventName")) or ""
    secret = _secret_id(event)
    if "Rotation" not in name and name not in _CHANGES:
        return make(event.origin, SignalKind.UNKNOWN, name=name, resource=secret)
    return make(
        event.origin,
        SignalKind.SECRETS_ROTATION,
        SignalState.FIRING if name == ROTATION_FAILED else SignalState.INFO,
        name=name,
        resource=secret,
        reason=text(detail.get("errorMessage"), REASON_LIMIT),
        keys=(*key("secret", secret_name(secret)), *arn_keys(secret)),
        facts={"event_name": name, "secret": secret, "error_code": text(detail.get("errorCode"))},
    )


def _secret_id(event: Event) -> str | None:
    """`SecretId` in what Secrets Manager adds, `secretId` in what a caller asked for."""
    added, asked = mapping(event.detail.get("additionalEventData")), mapping(event.detail.get("requestParameters"))
    given = (added.get("SecretId"), asked.get("secretId"), asked.get("SecretId"), *event.resources[:1])
    return next((found for one in given if (found := text(one, REASON_LIMIT))), None)
