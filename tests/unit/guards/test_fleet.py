"""The fleet's guards: S7."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.guards.fleet import (
    FleetAdmission,
    brake,
    free,
    issue_closed,
    issue_opened,
    note_failed,
    note_firing,
    prune,
    reserve,
)
from chalicelib.models.decision import GuardResult
from chalicelib.models.ledger import AdmissionRequest, Fleet, FleetLimits, Freeze, OpenIssue, Stop
from chalicelib.models.words import Autonomy

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
LIMITS = FleetLimits(stacks=100)


def wanted(run_id: str = "r1", **facts) -> AdmissionRequest:
    given = {
        "stack": "blue",
        "runbook": "service-down",
        "event_id": "e1",
        "automatic": True,
        "autonomy": Autonomy.AUTO,
        "acts": True,
        "cooldown_s": 900,
        "max_runs": 3,
        "max_runs_per_s": 3600,
    }
    return AdmissionRequest(run_id=run_id, **{**given, **facts})


def result(admission: FleetAdmission, guard: str) -> GuardResult:
    return next(found for found in admission.results if found.guard == guard)


def firing(*stacks: str, at: datetime = NOW) -> Fleet:
    fleet = Fleet()
    for stack in stacks:
        fleet = note_firing(fleet, stack, at)
    return fleet


def test_no_more_runs_at_once_than_allowed_people_included_s7():
    fleet = Fleet()
    for n in range(3):
        fleet = reserve(fleet, wanted(f"r{n}"), LIMITS, NOW + timedelta(minutes=n)).fleet
    answer = reserve(fleet, wanted("r9", automatic=False), LIMITS, NOW + timedelta(minutes=3))
    assert not answer.admitted
    assert result(answer, "fleet_limit").retry_at == NOW + timedelta(hours=1)
    assert reserve(free(fleet, "r1"), wanted("r9"), LIMITS, NOW).admitted


def test_a_reservation_nobody_came_back_for_ends_by_itself():
    fleet = reserve(Fleet(), wanted(), FleetLimits(max_concurrent=1, stacks=9), NOW, 60).fleet
    limits = FleetLimits(max_concurrent=1, stacks=9)
    assert not reserve(fleet, wanted("r2"), limits, NOW + timedelta(seconds=59)).admitted
    assert reserve(fleet, wanted("r2"), limits, NOW + timedelta(seconds=60)).admitted


def test_reserving_again_for_the_same_run_renews_and_takes_no_second_place():
    limits = FleetLimits(max_concurrent=1, stacks=9)
    fleet = reserve(Fleet(), wanted(), limits, NOW).fleet
    renewed = reserve(fleet, wanted(), limits, NOW + timedelta(minutes=30)).fleet
    assert [(r.run_id, r.until) for r in renewed.active] == [("r1", NOW + timedelta(minutes=90))]


def test_what_only_looks_reserves_nothing():
    assert reserve(Fleet(), wanted(acts=False), LIMITS, NOW).fleet.active == ()


def test_three_stacks_within_ten_minutes_brake_automatic_runs_s7():
    fleet = note_firing(firing("a", "b"), "c", NOW + timedelta(minutes=9))
    answer = reserve(fleet, wanted(), LIMITS, NOW + timedelta(minutes=9))
    assert not answer.admitted
    assert result(answer, "fleet_brake").retry_at == NOW + timedelta(minutes=10)
    assert "3 of 100 stacks fired within 600 s" in result(answer, "fleet_brake").because
    assert reserve(fleet, wanted(), LIMITS, NOW + timedelta(minutes=10)).admitted


def test_the_brake_does_not_hold_people_or_plans_s7():
    fleet = firing("a", "b", "c")
    assert reserve(fleet, wanted(automatic=False), LIMITS, NOW).admitted
    assert reserve(fleet, wanted(acts=False), LIMITS, NOW).admitted


def test_a_stack_that_flaps_is_one_stack_s7():
    fleet = Fleet()
    for n in range(10):
        fleet = note_firing(fleet, "a", NOW + timedelta(seconds=n))
    assert len(fleet.firing) == 1
    assert brake(fleet, LIMITS, NOW + timedelta(seconds=10)).passed


@pytest.mark.parametrize(
    ("stacks", "fired", "brakes"),
    [
        (1, 1, False),
        (2, 1, False),
        (3, 1, False),
        (2, 2, True),
        (6, 2, True),
        (7, 2, False),
        (10, 3, True),
        (50, 2, False),
    ],
)
def test_thirty_percent_brake_but_never_one_stack_alone_s7(stacks, fired, brakes):
    fleet = firing(*(f"s{n}" for n in range(fired)))
    assert brake(fleet, FleetLimits(stacks=stacks), NOW).passed is not brakes


def test_a_share_that_is_exactly_met_brakes_whatever_the_floating_point_says_s7():
    limits = FleetLimits(brake_stacks=1000, brake_share=0.07, stacks=100)
    assert limits.brake_share * limits.stacks > 7
    assert not brake(firing(*"abcdefg"), limits, NOW).passed


def test_an_open_health_event_brakes_until_it_closes_s7():
    issue = OpenIssue(event="arn:aws:health:eu-west-2::event/ECS/1", said="ECS-eu-west-2", at=NOW)
    fleet = issue_opened(issue_opened(Fleet(), issue), issue)
    answer = reserve(fleet, wanted(), LIMITS, NOW)
    assert not answer.admitted
    assert result(answer, "fleet_brake").retry_at is None
    assert "ECS-eu-west-2" in result(answer, "fleet_brake").because
    assert reserve(issue_closed(fleet, issue.event), wanted(), LIMITS, NOW).admitted
    assert reserve(fleet, wanted(automatic=False), LIMITS, NOW).admitted
    assert not reserve(issue_closed(fleet, "another"), wanted(), LIMITS, NOW).admitted


def test_an_issue_in_another_region_holds_nobody_here_s7():
    fleet = issue_opened(Fleet(), OpenIssue(event="e", said="ECS in us-east-1", at=NOW, region="us-east-1"))
    assert not reserve(fleet, wanted(region="us-east-1"), LIMITS, NOW).admitted
    assert reserve(fleet, wanted(region="eu-west-2"), LIMITS, NOW).admitted
    assert not reserve(fleet, wanted(), LIMITS, NOW).admitted  # whose region is not known


def test_an_issue_without_a_region_also_one_noted_before_regions_were_holds_all_s7():
    old = Fleet.model_validate({"health_events": [{"event": "e", "said": "IAM", "at": NOW}]})
    for region in ("us-east-1", "eu-west-2"):
        assert not reserve(old, wanted(region=region), LIMITS, NOW).admitted


def test_a_run_in_a_region_without_trouble_brings_no_second_page_for_one_that_has_some_s7():
    fleet = issue_opened(Fleet(), OpenIssue(event="e", said="ECS", at=NOW, region="us-east-1"))
    paged = fleet.model_copy(update={"paged_at": NOW})
    assert reserve(paged, wanted(region="eu-west-2"), LIMITS, NOW).fleet.paged_at == NOW
    again = issue_opened(paged, OpenIssue(event="e2", said="EC2", at=NOW, region="us-east-1"))
    assert again.paged_at == NOW
    elsewhere = issue_opened(paged, OpenIssue(event="e3", said="ECS", at=NOW, region="eu-west-2"))
    assert elsewhere.paged_at is None
    assert reserve(Fleet(paged_at=NOW), wanted(region="eu-west-2"), LIMITS, NOW).fleet.paged_at is None


def test_an_issue_of_which_nothing_more_is_heard_holds_nobody_for_ever_s7():
    fleet = issue_opened(Fleet(), OpenIssue(event="e", said="ECS", at=NOW))
    assert not reserve(fleet, wanted(), LIMITS, NOW + timedelta(hours=23)).admitted
    assert reserve(fleet, wanted(), LIMITS, NOW + timedelta(days=1)).admitted


def test_three_failed_verdicts_stop_automatic_runs_until_they_are_old_s7():
    fleet = Fleet()
    for n in range(3):
        fleet = note_failed(fleet, "blue", NOW + timedelta(minutes=n))
    answer = reserve(fleet, wanted(), LIMITS, NOW + timedelta(minutes=5))
    assert not answer.admitted
    assert result(answer, "failed_verdicts").retry_at == NOW + timedelta(hours=6)
    assert reserve(fleet, wanted(automatic=False), LIMITS, NOW + timedelta(minutes=5)).admitted
    assert reserve(fleet, wanted(), LIMITS, NOW + timedelta(hours=6)).admitted


def test_one_failure_told_twice_counts_once():
    fleet = note_failed(note_failed(Fleet(), "blue", NOW), "blue", NOW)
    assert len(fleet.failed) == 1


def test_a_stop_of_all_holds_everybody_and_a_freeze_of_all_what_is_automatic_s8():
    stopped = Fleet(stop=Stop(by="anna", reason="audit"))
    for facts in ({}, {"automatic": False}, {"acts": False}):
        answer = reserve(stopped, wanted(**facts), LIMITS, NOW)
        assert not answer.admitted
        assert result(answer, "stop").because == "anna stopped all stacks: audit"
    frozen = Fleet(freezes=(Freeze(by="ben", reason="launch", until=NOW + timedelta(hours=1)),))
    assert result(reserve(frozen, wanted(), LIMITS, NOW), "freeze").retry_at == NOW + timedelta(hours=1)
    assert reserve(frozen, wanted(automatic=False), LIMITS, NOW).admitted


def test_limits_that_allow_nothing_refuse_for_good():
    none = FleetLimits(max_concurrent=0, max_failed=0, stacks=9)
    answer = reserve(Fleet(), wanted(), none, NOW)
    assert result(answer, "fleet_limit").retry_at is None
    assert result(answer, "failed_verdicts").retry_at is None
    assert not answer.admitted


def test_one_page_an_episode_and_a_new_one_for_the_next_s7():
    braking = firing("a", "b", "c").model_copy(update={"paged_at": NOW})
    later = NOW + timedelta(minutes=5)
    assert note_firing(braking, "d", later).paged_at == NOW
    over = reserve(braking, wanted(), LIMITS, NOW + timedelta(minutes=10))
    assert over.fleet.paged_at is None
    assert note_firing(braking, "a", NOW + timedelta(hours=2)).paged_at is None


def test_pruning_forgets_what_is_over():
    fleet = reserve(firing("a"), wanted(), LIMITS, NOW).fleet
    fleet = note_failed(fleet, "a", NOW)
    assert prune(fleet, NOW + timedelta(days=8)) == Fleet()


@settings(max_examples=150, deadline=None)
@given(
    ages=st.lists(st.integers(0, 1200), min_size=1, max_size=8),
    failures=st.lists(st.integers(0, 1200), max_size=5),
    ends=st.lists(st.integers(1, 1200), max_size=5),
    stacks=st.integers(1, 30),
)
def test_retry_at_is_honest_s7(ages, failures, ends, stacks):
    limits = FleetLimits(stacks=stacks, failed_within_s=900)
    fleet = Fleet()
    for n, age in enumerate(ages):
        fleet = note_firing(fleet, f"s{n}", NOW - timedelta(seconds=age))
    for age in failures:
        fleet = note_failed(fleet, "s0", NOW - timedelta(seconds=age))
    for n, end in enumerate(ends):
        roomy = FleetLimits(max_concurrent=99, max_failed=99, stacks=1000, brake_stacks=99)
        fleet = reserve(fleet, wanted(f"x{n}"), roomy, NOW, end).fleet
    for refusal in reserve(fleet, wanted(), limits, NOW).results:
        if refusal.passed:
            continue
        assert refusal.retry_at > NOW
        assert result(reserve(fleet, wanted(), limits, refusal.retry_at), refusal.guard).passed
        just_before = reserve(fleet, wanted(), limits, refusal.retry_at - timedelta(microseconds=1))
        assert not result(just_before, refusal.guard).passed
