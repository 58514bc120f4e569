"""The stop flag (S8) and the freezes people set: on a stack's ledger and on the fleet's alike."""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.guards.results import at, passes, refuses
from chalicelib.models.decision import GuardResult
from chalicelib.models.ledger import Freeze, Stop


def not_stopped(stop: Stop | None, what: str, *, only_plans: bool = False) -> GuardResult:
    """Time does not heal a stop: people resume. A plan changes nothing, and while all is stopped people
    want to see most what would be done."""
    if stop is None:
        return passes("stop", f"nobody has stopped {what}")
    said = f"{stop.by} stopped {what}: {stop.reason}"
    return passes("stop", f"only a plan, though {said}") if only_plans else refuses("stop", said)


def not_frozen(freezes: Iterable[Freeze], what: str, now: datetime, *, automatic: bool) -> GuardResult:
    """A freeze keeps anything from starting by itself; people may still act."""
    running = [freeze for freeze in freezes if freeze.until > now]
    if not running:
        return passes("freeze", f"{what} is not frozen")
    longest = max(running, key=lambda freeze: freeze.until)
    said = f"{longest.by} froze {what} until {at(longest.until)}: {longest.reason}"
    return (
        refuses("freeze", said, longest.until)
        if automatic
        else passes("freeze", f"asked for by a person, though {said}")
    )
