"""Whether a signal may be acted on at all: an event is a hint, and it must be this stack's (S2)."""

from datetime import datetime, timedelta

from chalicelib.guards.results import at, passes, refuses
from chalicelib.models.decision import GuardResult
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.stack import Stack

STALE_AFTER = timedelta(hours=1)

_FROM_AWS = frozenset(
    {
        SignalKind.ALARM,
        SignalKind.ALARM_CONFIG,
        SignalKind.ECS_TASK,
        SignalKind.ECS_SERVICE,
        SignalKind.ECS_DEPLOYMENT,
        SignalKind.ECS_CONTAINER_INSTANCE,
        SignalKind.RDS_EVENT,
        SignalKind.RDS_SNAPSHOT,
        SignalKind.BACKUP,
        SignalKind.SECRETS_ROTATION,
    }
)
"""What AWS itself tells always says its account and region; the others speak by their own credentials."""


def calls_for_work(signal: Signal) -> bool:
    """Nothing is wrong, and yet there is something to do: a rotated secret is read by tasks that start after it."""
    return signal.kind is SignalKind.SECRETS_ROTATION and signal.state is SignalState.INFO and signal.echo_of is None


def trust(
    signal: Signal, stack: Stack, now: datetime, *, own_account: str | None = None, reconsidering: bool = False
) -> tuple[GuardResult, ...]:
    """`own_account` is where a stack lives that names no account. A held signal that is looked at again
    is as old as it is: its incident is still firing, so only its first hearing can be stale."""
    return (
        _tied(signal, stack),
        _same("account", signal, signal.account, stack.account or own_account),
        _same("region", signal, signal.region, stack.region),
        _echo(signal),
        _actionable(signal),
        passes("stale", "heard before, and held") if reconsidering else _fresh(signal, now),
    )


def _tied(signal: Signal, stack: Stack) -> GuardResult:
    if signal.stack == stack.stack:
        return passes("stack", f"it is about {stack.stack}")
    return refuses("stack", f"it is tied to {signal.stack or 'no stack'}, not to {stack.stack}")


def _same(guard: str, signal: Signal, said: str | None, wanted: str | None) -> GuardResult:
    if said is None:
        if signal.kind in _FROM_AWS:
            return refuses(guard, f"lacks the {guard}, which every {signal.kind.value} event names")
        return passes(guard, f"a {signal.kind.value} signal names no {guard}; its credential speaks for it")
    if wanted is None:
        return refuses(guard, f"lacks the {guard} of the stack to compare with")
    if said != wanted:
        return refuses(guard, f"it comes from {guard} {said}; the stack is in {wanted}")
    return passes(guard, f"it comes from the stack's {guard} {wanted}")


def _echo(signal: Signal) -> GuardResult:
    if signal.echo_of:
        return refuses("echo", f"Steward's own doing, in run {signal.echo_of}")
    return passes("echo", "not of our own making")


def _actionable(signal: Signal) -> GuardResult:
    """Muted, suppressed and switched-off alarms say so here (S6); asking by hand is acting."""
    if signal.actionable or signal.kind in {SignalKind.MANUAL, SignalKind.SCHEDULE} or calls_for_work(signal):
        return passes("actionable", "it asks for something to be done")
    return refuses("actionable", signal.reason or "it does not ask for anything to be done")


def _fresh(signal: Signal, now: datetime) -> GuardResult:
    age = now - signal.occurred_at
    if age > STALE_AFTER:
        return refuses(
            "stale", f"it happened at {at(signal.occurred_at)}, {int(age.total_seconds())} s before we heard"
        )
    return passes("stale", "it has just happened")
