"""Blast radius, stand-aside and losses: what cannot be told refuses."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.guards.live import blast_radius, losses, stand_aside
from chalicelib.models.change import Change
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.runbook import BlastRadius

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


def change(tasks: int | None = 1, out_of: int | None = 4, **facts) -> Change:
    return Change(
        step="restart",
        action="ecs.restart_tasks",
        operation="ecs:StopTask",
        parameters={},
        resource="c/s",
        sentence="stop a task",
        touches={} if tasks is None else {"tasks": tasks},
        out_of={} if out_of is None else {"tasks": out_of},
        **facts,
    )


@pytest.mark.parametrize(
    ("radius", "changes", "passed"),
    [
        ("50%", [change(), change()], True),
        ("50%", [change(), change(), change()], False),
        ("50%", [change(3)], False),
        ("50%", [change(out_of=3), change(out_of=3)], False),  # 50% of 3 is 1
        ("50%", [change(out_of=1)], False),
        ("0%", [change()], False),
        ("100%", [change(4)], True),
        (2, [change(), change()], True),
        (2, [change(3)], False),
        ("50%", [change(None, None)], True),
        ("50%", [], True),
        # Where the counts differ, the smaller fleet is the true one.
        ("50%", [change(out_of=4), change(out_of=2)], False),
    ],
)
def test_all_changes_of_a_plan_count_together(radius, changes, passed):
    assert blast_radius(BlastRadius(tasks=radius), changes).passed is passed


def test_without_a_declared_radius_one_may_be_touched():
    assert blast_radius(None, [change()]).passed
    refused = blast_radius(None, [change(), change()])
    assert not refused.passed
    assert refused.because == "touches 2 of 4 tasks; no blastRadius is declared for tasks, which allows 1"


def test_touching_without_saying_out_of_how_many_refuses():
    refused = blast_radius(BlastRadius(tasks="100%"), [change(), change(out_of=None)])
    assert not refused.passed
    assert refused.because == "lacks out of how many tasks step restart takes its own"


def test_a_count_below_nothing_cannot_make_room():
    assert not blast_radius(BlastRadius(tasks=1), [change(3), change(-2)]).passed


def test_every_kind_that_is_touched_is_counted():
    both = change().model_copy(update={"touches": {"tasks": 1, "instances": 2}, "out_of": {"tasks": 4, "instances": 9}})
    refused = blast_radius(BlastRadius(tasks="50%"), [both])
    assert not refused.passed
    assert refused.because.startswith("touches 2 of 9 instances")


def check(answer: Answer, name: str = "deployment_in_progress") -> CheckResult:
    return CheckResult(check=name, answer=answer, because="seen")


@pytest.mark.parametrize("answer", [Answer.FALSE, Answer.NOT_APPLICABLE])
def test_nothing_in_the_way_passes_s6(answer):
    assert all(result.passed for result in stand_aside([check(answer)]))


def test_somebody_else_at_work_refuses_and_may_be_looked_at_again_s6():
    (result,) = stand_aside([check(Answer.TRUE)], now=NOW)
    assert not result.passed
    assert result.guard == "stand_aside.deployment_in_progress"
    assert result.retry_at == NOW + timedelta(minutes=5)


def test_a_check_that_could_not_tell_refuses_and_says_what_it_lacked_s6():
    (result,) = stand_aside([check(Answer.UNKNOWN)], now=NOW)
    assert not result.passed
    assert result.because == "lacks an answer: seen"


def test_a_check_that_was_asked_for_and_not_made_refuses_s6():
    results = stand_aside([check(Answer.FALSE)], asked=("deployment_in_progress", "database_failing_over"))
    assert [(result.guard, result.passed) for result in results] == [
        ("stand_aside.deployment_in_progress", True),
        ("stand_aside.database_failing_over", False),
    ]


def test_what_is_lost_for_good_needs_a_yes_s1_s19():
    lossy = [change(loses="the users on the task's own disk"), change()]
    assert losses([change()], approved=False).passed
    assert losses(lossy, approved=True).passed
    refused = losses(lossy, approved=False)
    assert not refused.passed
    assert "the users on the task's own disk" in refused.because
