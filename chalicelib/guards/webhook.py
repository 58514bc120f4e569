"""May this webhook be believed: whose credential, is the signature right, is it fresh, which stack (S2, S28).

Pure. Secrets and the time come in as arguments, every comparison takes the same time whatever it finds,
and what cannot be decided is refused.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from chalicelib.models.webhook import SecretPair

OVERLAP = timedelta(hours=24)
"""How long the previous secret still counts after a rotation."""
WINDOW_S = 300
"""How old a signature's time may be, as Slack itself recommends; and how far a clock may be ahead."""
STALE_AFTER = timedelta(hours=1)
LEAST_SECRET, MOST_SECRET = 16, 4096
SIGNATURE, TIMESTAMP = "x-grafana-alerting-signature", "x-grafana-alerting-timestamp"
SLACK_SIGNATURE, SLACK_TIMESTAMP = "x-slack-signature", "x-slack-request-timestamp"


def bearer(header: str) -> str | None:
    kind, _, token = header.strip().partition(" ")
    token = token.strip()
    return token if kind.lower() == "bearer" and LEAST_SECRET <= len(token) <= MOST_SECRET else None


def accepted(pair: SecretPair, now: datetime) -> tuple[str, ...]:
    """An empty secret, or one that could be guessed, is never right."""
    rotating = pair.rotated_at is not None and now - pair.rotated_at < OVERLAP
    both = (pair.current, pair.previous if rotating else None)
    return tuple(one.strip() for one in both if one and len(one.strip()) >= LEAST_SECRET)


def speaker(token: str | None, offered: Mapping[str, SecretPair], now: datetime) -> str | None:
    """The name of the credential whose secret this is. All are compared, and each takes the same time."""
    if token is None:
        return None
    found = [name for name, pair in offered.items() for one in accepted(pair, now) if _same(token, one)]
    return found[0] if found else None


def slack_signer(
    body: bytes, headers: Mapping[str, str], offered: Mapping[str, SecretPair], now: datetime
) -> tuple[str | None, str]:
    """The credential that signed exactly these bytes, or why there is none."""
    signature, stamp = headers.get(SLACK_SIGNATURE), headers.get(SLACK_TIMESTAMP)
    if not signature or not stamp:
        return None, "it is not signed"
    if why := _untimely(stamp, now):
        return None, why
    found = [
        name for name, pair in offered.items() for one in accepted(pair, now) if _slack_says(one, body, headers, now)
    ]
    return (found[0], "") if found else (None, "its signature is of another secret or another body")


def grafana_doubt(body: bytes, headers: Mapping[str, str], pair: SecretPair, now: datetime) -> str | None:
    """Why Grafana's signature over the body and its time is not believed."""
    signature, stamp = headers.get(SIGNATURE), headers.get(TIMESTAMP)
    if not signature:
        return "it is not signed"
    if not stamp:
        return "its signature has no time: set Grafana's timestamp header to X-Grafana-Alerting-Timestamp"
    if why := _untimely(stamp, now):
        return why
    signed = stamp.encode() + b":" + body
    right = [
        _same(signature, hmac.new(one.encode(), signed, hashlib.sha256).hexdigest()) for one in accepted(pair, now)
    ]
    return None if any(right) else "its signature is of another secret or another body"


def choose_stack(label: str | None, allowed: Collection[str], known: Collection[str]) -> tuple[str | None, str]:
    """Labels choose only among the stacks that the credential may speak for; without one, where it has but one."""
    if label is None and len(allowed) != 1:
        return None, "it names no stack: its credential speaks for several, so it needs the label steward_stack"
    stack = label if label is not None else next(iter(allowed))
    if stack not in allowed:
        return None, f"its credential may not speak for {stack[:80]!r}"
    if stack not in known:
        return None, f"no stack {stack!r} is under care"
    return stack, ""


def doubt_of_time(starts_at: datetime | None, ends_at: datetime | None, resolved: bool, now: datetime) -> str | None:
    """Alertmanager cannot sign, so an alert's own times say whether it is being told now."""
    if starts_at is None:
        return "it does not say when it began, so it cannot be told from one of long ago"
    told_at = ends_at if resolved and ends_at else starts_at
    if told_at - now > timedelta(seconds=WINDOW_S):
        return f"it is of {told_at:%Y-%m-%d %H:%M} UTC, which is still to come"
    if now - told_at > STALE_AFTER:
        return f"stale: it is of {told_at:%Y-%m-%d %H:%M} UTC, and was not heard within the hour"
    return None


def _untimely(stamp: str, now: datetime) -> str | None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):  # noqa: PLR2004  # seconds since 1970
        return "its signature has no time that can be read"
    off = now.timestamp() - int(stamp)
    if abs(off) > WINDOW_S:
        return f"its signature is {abs(off):.0f} s {'old' if off > 0 else 'ahead'}, more than {WINDOW_S}"
    return None


def _slack_says(secret: str, body: bytes, headers: Mapping[str, str], now: datetime) -> bool:
    from slack_sdk.signature import SignatureVerifier  # 99 ms, and only Slack's own requests need it

    try:
        verifier = SignatureVerifier(secret, _At(now))  # type: ignore[arg-type]  # it wants a class; only now() is asked
        return verifier.is_valid_request(body, dict(headers))
    except (ValueError, TypeError):  # a time that is no number, a body or a signature that is no text
        return False


class _At:
    """slack_sdk's clock, standing still."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> float:
        return self._now.timestamp()


def _same(one: str, other: str) -> bool:
    """Digests have one length, so not even that is told by the time it takes."""
    first, second = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (one, other))
    return hmac.compare_digest(first, second)
