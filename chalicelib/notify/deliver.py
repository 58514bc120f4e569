"""Delivers one Summary to the channels of a stack: tries again, records, never raises, holds nothing.

Waiting and jitter come in as functions; a caller that must not wait hands in one that does not.
"""

from collections.abc import Callable, Mapping, Sequence

from chalicelib.errors import DeliveryFailed
from chalicelib.models.stack import Stack
from chalicelib.models.summary import Delivery, Severity, Summary
from chalicelib.notify.channels import Channel

DEFAULT = "default"

# A stack's channels may be keyed by how bad it is; what is not keyed goes to `default`.
_KEYS = {
    Severity.CRITICAL: ("critical",),
    Severity.WARNING: ("warning",),
    Severity.GOOD: ("good", "info"),
    Severity.INFO: ("info",),
}
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_ERROR_LIMIT = 300


def channels_for(stack: Stack, severity: Severity, tell: str = DEFAULT) -> tuple[str, ...]:
    """The runbook's list (`tell.channels`), and on top of it the stack's list for this severity.

    Critical adds, it never takes away: the people of `default` hear bad news too.
    """
    named = stack.channels.get(tell) or stack.channels[DEFAULT]
    keyed = next((stack.channels[key] for key in _KEYS[severity] if key in stack.channels), ())
    if severity in {Severity.INFO, Severity.GOOD} and keyed and tell == DEFAULT:
        named = ()  # a list of its own for good news means: not to everybody
    return tuple(dict.fromkeys((*named, *keyed)))


def deliver(
    summary: Summary,
    channels: Mapping[str, Channel],
    names: Sequence[str],
    *,
    attempts: int = 3,
    wait: Callable[[float], None],
    jitter: Callable[[], float],
) -> tuple[Delivery, ...]:
    """One Delivery per name, in order. `jitter` answers 0 to 1.

    All channels get their first try before any gets a second: one that hangs back delays nobody.
    """
    results: dict[str, Delivery] = {}
    waiting = list(dict.fromkeys(names))
    for attempt in range(1, max(1, attempts) + 1):
        if attempt > 1:
            wait(min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (attempt - 2)) * (0.5 + jitter() / 2))
        again = []
        for name in waiting:
            results[name], retryable = _try_once(summary, channels.get(name), name, attempt)
            if retryable:
                again.append(name)
        waiting = again
        if not waiting:
            break
    return tuple(results[name] for name in dict.fromkeys(names))


def _try_once(summary: Summary, channel: Channel | None, name: str, attempt: int) -> tuple[Delivery, bool]:
    if channel is None:
        return Delivery(channel=name, ok=False, attempts=attempt, error="no such channel is set up"), False
    try:
        channel.send(summary)
    except DeliveryFailed as exc:
        return Delivery(channel=name, ok=False, attempts=attempt, error=exc.why[:_ERROR_LIMIT]), exc.retryable
    except Exception as exc:  # noqa: BLE001  # boundary: a bug in one channel must not hold the others or the run
        return Delivery(channel=name, ok=False, attempts=attempt, error=f"{type(exc).__name__}"), False
    return Delivery(channel=name, ok=True, attempts=attempt), False
