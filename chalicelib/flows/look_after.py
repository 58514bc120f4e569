"""What drills have left behind: sweep finds it in history and has it deleted, by a run like any other (S16)."""

from datetime import datetime

from chalicelib.flows.parts import Parts
from chalicelib.flows.start import Request, start
from chalicelib.models.history import Creation, MadeKind

CLEARS = "clear-restored"
_THROW_AWAY = (MadeKind.INSTANCE, MadeKind.CLUSTER, MadeKind.SIDE_COPY)
_MINUTES = 5
"""Not every minute: it does not change so fast, and every question is a query to the store."""


def is_time(now: datetime) -> bool:
    return now.minute % _MINUTES == 0


def overdue(parts: Parts, stack: str, now: datetime) -> tuple[Creation, ...]:
    """S16: what should be gone by now, whichever run made it."""
    history = parts.engine.history
    found = (one for kind in _THROW_AWAY for one in history.creations(stack, kind))
    return tuple(one for one in found if one.delete_after is not None and one.delete_after <= now)


def clear(parts: Parts, stack: str, now: datetime) -> bool:
    """By a run like any other, at most one an hour: stopped or held it is asked for again in the next."""
    left = overdue(parts, stack, now)
    if not left or CLEARS not in parts.runbooks:
        return False
    why = f"{left[0].id} of run {left[0].run_id} should be gone since {left[0].delete_after:%Y-%m-%d %H:%M} UTC"
    key = f"{CLEARS}-{stack}-{now:%Y%m%d%H}"
    decision = start(parts, Request(CLEARS, stack, "sweep", reason=why, key=key))
    return any(part.run_id for part in decision.parts)
