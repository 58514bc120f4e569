"""The standing freeze windows of a stack: times in which nothing starts by itself.

Pure but for one thing: `zoneinfo` reads the time zone's file, once a zone, from the system or from
the `tzdata` package. A zone that is not there refuses.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from chalicelib.guards.results import at, passes, refuses
from chalicelib.models.decision import GuardResult
from chalicelib.models.stack import FreezeWindow, OneFreeze, Stack, Weekday

_GUARD = "freeze"
_MOST_IN_A_ROW = 400
"""Windows that follow each other without a gap; after this many, it never ends."""


class _NoSuchZoneError(Exception):
    """Only inside this file: what is frozen cannot be told."""


def standing_freeze(stack: Stack, now: datetime, *, automatic: bool) -> GuardResult:
    if not automatic:
        return passes(_GUARD, "asked for by a person")
    try:
        ends = _end_of(stack.freeze, now)
        if ends is None:
            return passes(_GUARD, "outside of every freeze window")
        return _frozen(ends, _last_end(stack.freeze, ends[0]))
    except _NoSuchZoneError as exc:
        return refuses(_GUARD, f"lacks the time zone {exc}, so it cannot tell whether this is a freeze window")


def _frozen(ends: tuple[datetime, str], last: datetime | None) -> GuardResult:
    if last is None:
        return refuses(_GUARD, f"{ends[1]}: the freeze windows leave no gap, so it never ends")
    return refuses(_GUARD, f"{ends[1]}, until {at(last)}", last)


def _last_end(windows: tuple[FreezeWindow | OneFreeze, ...], end: datetime) -> datetime | None:
    """The first moment at which no window holds: one may begin where another ends."""
    for _ in range(_MOST_IN_A_ROW):
        following = _end_of(windows, end)
        if following is None:
            return end
        end = following[0]
    return None


def _end_of(windows: tuple[FreezeWindow | OneFreeze, ...], now: datetime) -> tuple[datetime, str] | None:
    """When the longest of the windows that hold now ends, and its reason."""
    ends = [(end, window.reason) for window in windows if (end := _window_end(window, now))]
    return max(ends, default=None, key=lambda entry: entry[0])


def _window_end(window: FreezeWindow | OneFreeze, now: datetime) -> datetime | None:
    if isinstance(window, OneFreeze):
        return window.until if window.start <= now < window.until else None
    zone = _zone(window.timezone)
    today = now.astimezone(zone).date()
    # Yesterday's window may reach over midnight into today.
    spans = [_span(window, day, zone) for day in (today - timedelta(days=1), today) if _weekday(day) in window.days]
    return max((end for start, end in spans if start <= now < end), default=None)


def _span(window: FreezeWindow, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """In UTC, because times in one zone compare by the clock on the wall, which goes back once a year.
    Where an hour comes twice, the window begins with the first and ends with the second."""
    start, until = time.fromisoformat(window.start), time.fromisoformat(window.until)
    last_day = day if start < until else day + timedelta(days=1)
    begins = datetime.combine(day, start, zone).replace(fold=0)
    ends = datetime.combine(last_day, until, zone).replace(fold=1)
    return begins.astimezone(UTC), ends.astimezone(UTC)


def _weekday(day: date) -> Weekday:
    return list(Weekday)[day.weekday()]


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:  # not found, not a zone's name, not readable
        raise _NoSuchZoneError(name) from exc
