"""Standing freeze windows: over midnight, in their own zone, across the clock changes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.guards.freeze import standing_freeze
from chalicelib.models.stack import Stack
from chalicelib.models.words import utc


def stack(*windows: dict) -> Stack:
    return Stack.model_validate(
        {"stack": "blue", "region": "eu-west-2", "ecs": {"cluster": "c", "service": "s"}, "freeze": list(windows)}
    )


def frozen_until(windows: list[dict], now: str) -> datetime | None:
    result = standing_freeze(stack(*windows), utc(now), automatic=True)
    return None if result.passed else result.retry_at


NIGHT = {"from": "22:00", "until": "06:00"}
FRIDAY_NIGHT = {"days": ["fri"], **NIGHT}


@pytest.mark.parametrize(
    ("window", "now", "until"),
    [
        ({"from": "09:00", "until": "17:00"}, "2026-11-03T08:59:59Z", None),
        ({"from": "09:00", "until": "17:00"}, "2026-11-03T09:00:00Z", "2026-11-03T17:00:00Z"),
        ({"from": "09:00", "until": "17:00"}, "2026-11-03T17:00:00Z", None),
        (NIGHT, "2026-11-03T23:00:00Z", "2026-11-04T06:00:00Z"),
        (NIGHT, "2026-11-04T05:59:59Z", "2026-11-04T06:00:00Z"),
        (NIGHT, "2026-11-04T12:00:00Z", None),
        # The day is the one on which the window begins.
        (FRIDAY_NIGHT, "2026-11-06T23:00:00Z", "2026-11-07T06:00:00Z"),
        (FRIDAY_NIGHT, "2026-11-07T05:00:00Z", "2026-11-07T06:00:00Z"),
        (FRIDAY_NIGHT, "2026-11-06T05:00:00Z", None),
        (FRIDAY_NIGHT, "2026-11-07T23:00:00Z", None),
        # The same time twice is a whole day.
        ({"days": ["sun"], "from": "00:00", "until": "00:00"}, "2026-11-08T12:00:00Z", "2026-11-09T00:00:00Z"),
        # In the window's own zone.
        (
            {"from": "09:00", "until": "17:00", "timezone": "Asia/Kolkata"},
            "2026-11-03T03:30:00Z",
            "2026-11-03T11:30:00Z",
        ),
        (
            {"from": "22:00", "until": "06:00", "timezone": "America/New_York"},
            "2026-07-04T02:30:00Z",
            "2026-07-04T10:00:00Z",
        ),
        # London goes back at 02:00 on 25 October 2026: the hour from 01:00 comes twice, and is frozen twice.
        (
            {"from": "00:30", "until": "01:30", "timezone": "Europe/London"},
            "2026-10-25T00:00:00Z",
            "2026-10-25T01:30:00Z",
        ),
    ],
)
def test_a_window_holds_from_its_start_to_its_end_in_its_zone(window, now, until):
    assert frozen_until([window], now) == (utc(until) if until else None)


def test_a_window_that_would_end_in_the_hour_that_is_left_out_still_ends():
    # London goes forward at 01:00 on 29 March 2026.
    window = {"from": "00:00", "until": "01:30", "timezone": "Europe/London"}
    end = frozen_until([window], "2026-03-29T00:15:00Z")
    assert end is not None
    assert utc("2026-03-29T00:15:00Z") < end <= utc("2026-03-29T01:30:00Z")


def test_a_planned_freeze_holds_once():
    planned = {"from": "2026-12-20T00:00:00Z", "until": "2027-01-04T08:00:00Z", "reason": "holidays"}
    assert frozen_until([planned], "2026-12-24T18:00:00Z") == utc("2027-01-04T08:00:00Z")
    assert frozen_until([planned], "2027-01-04T08:00:00Z") is None


def test_people_may_act_in_a_freeze_window():
    assert standing_freeze(stack(NIGHT), utc("2026-11-03T23:00:00Z"), automatic=False).passed


def test_windows_that_touch_are_one():
    windows = [{"from": "22:00", "until": "02:00"}, {"from": "02:00", "until": "05:00", "reason": "backup"}]
    assert frozen_until(windows, "2026-11-03T23:00:00Z") == utc("2026-11-04T05:00:00Z")


def test_windows_that_leave_no_gap_never_end():
    result = standing_freeze(stack({"from": "00:00", "until": "00:00"}), utc("2026-11-03T23:00:00Z"), automatic=True)
    assert not result.passed
    assert result.retry_at is None
    assert "leave no gap" in result.because


@pytest.mark.parametrize("name", ["Europe/Lundun", "Europe", "../../etc/passwd", "", "/etc/localtime"])
def test_a_zone_that_is_none_refuses_and_says_what_it_lacks(name):
    window = {"from": "00:00", "until": "00:01", "timezone": name}
    result = standing_freeze(stack(window), utc("2026-11-03T12:00:00Z"), automatic=True)
    assert not result.passed
    assert result.because.startswith(f"lacks the time zone {name}")


clock = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}")
window = st.fixed_dictionaries(
    {
        "from": clock,
        "until": clock,
        "timezone": st.sampled_from(["UTC", "Europe/London", "America/New_York", "Asia/Kolkata"]),
        "days": st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, unique=True),
    }
)


@settings(max_examples=100, deadline=None)
@given(windows=st.lists(window, min_size=1, max_size=3), minutes=st.integers(0, 365 * 24 * 60))
def test_retry_at_is_honest(windows, minutes):
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    frozen = stack(*windows)
    result = standing_freeze(frozen, now, automatic=True)
    if result.retry_at is None:
        return
    assert result.retry_at > now
    assert standing_freeze(frozen, result.retry_at, automatic=True).passed
    assert not standing_freeze(frozen, result.retry_at - timedelta(seconds=1), automatic=True).passed
