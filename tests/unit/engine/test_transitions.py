"""The status tables are ENGINE.md's, and an illegal pair is an error that names both."""

from enum import StrEnum
from itertools import product

import pytest

from chalicelib.engine.journal import to_status
from chalicelib.engine.transitions import INCIDENT, RUN, STEP, follow
from chalicelib.errors import IllegalTransition
from chalicelib.models.incident import IncidentState as I
from chalicelib.models.run import Run
from chalicelib.models.run import RunStatus as R
from chalicelib.models.run import StepStatus as S
from chalicelib.models.runbook import Runbook
from chalicelib.models.words import utc

TABLES = [(RUN, R.ADMITTED), (STEP, S.WAITING), (INCIDENT, I.OPEN)]
ALL = [(table, before, after) for table, start in TABLES for before, after in product(type(start), type(start))]


@pytest.mark.parametrize(("table", "before", "after"), ALL, ids=lambda value: getattr(value, "value", ""))
def test_a_pair_is_either_in_the_table_or_an_error_that_names_both(table, before, after):
    if before == after or after in table[before]:
        assert follow(table, before, after) is after
        return
    with pytest.raises(IllegalTransition) as caught:
        follow(table, before, after)
    assert before.value in str(caught.value)
    assert after.value in str(caught.value)
    assert type(before).__name__ in str(caught.value)


@pytest.mark.parametrize(("table", "start"), TABLES, ids=["run", "step", "incident"])
def test_every_status_is_in_the_table_and_can_be_reached(table, start):
    reached, new = {start}, {start}
    while new:
        new = {after for before in new for after in table[before]} - reached
        reached |= new
    assert reached == set(type(start)) == set(table)


@pytest.mark.parametrize(("table", "start"), TABLES, ids=["run", "step", "incident"])
def test_from_every_status_an_end_can_be_reached(table, start: StrEnum):
    ends = {status for status in table if not table[status]} or {S.FAILED}
    ends |= {S.DONE, S.UNCHANGED, S.SKIPPED, S.FAILED} & set(table)
    can_end = set(ends)
    for _ in table:
        can_end |= {status for status in table if table[status] & can_end}
    assert can_end == set(table)


ENGINE_RUN = [
    (R.ADMITTED, R.PLANNING),
    (R.PLANNING, R.FINISHED), (R.PLANNING, R.STOPPED), (R.PLANNING, R.AWAITING_APPROVAL), (R.PLANNING, R.RUNNING),
    (R.AWAITING_APPROVAL, R.STOPPED), (R.AWAITING_APPROVAL, R.FINISHED), (R.AWAITING_APPROVAL, R.PLANNING),
    (R.RUNNING, R.SLEEPING), (R.RUNNING, R.VERIFYING), (R.SLEEPING, R.RUNNING),
    (R.VERIFYING, R.FINISHED), (R.RUNNING, R.CANCELLING), (R.CANCELLING, R.CANCELLED),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), ENGINE_RUN)
def test_the_run_table_has_what_engine_md_has(before, after):
    assert after in RUN[before]


@pytest.mark.parametrize("status", [status for status in R if status.is_live])
def test_every_live_run_can_be_stopped_and_cancelled(status):
    """S8"""
    assert R.STOPPED in RUN[status]
    assert {R.CANCELLED, R.CANCELLING} & RUN[status]


@pytest.mark.parametrize("status", [status for status in R if not status.is_live])
def test_what_is_over_stays_over(status):
    assert RUN[status] == frozenset()


ENGINE_INCIDENT = [
    (I.OPEN, I.ACTING), (I.OPEN, I.AWAITING), (I.ACTING, I.VERIFYING), (I.OPEN, I.QUIET), (I.VERIFYING, I.QUIET),
    (I.QUIET, I.OPEN), (I.QUIET, I.CLOSED), (I.VERIFYING, I.NEEDS_HUMAN), (I.NEEDS_HUMAN, I.CLOSED),
    (I.AWAITING, I.ACTING),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), ENGINE_INCIDENT)
def test_the_incident_table_has_what_engine_md_has(before, after):
    assert after in INCIDENT[before]


def test_only_a_quiet_incident_or_one_left_to_people_is_closed():
    assert {state for state in I if I.CLOSED in INCIDENT[state]} == {I.QUIET, I.NEEDS_HUMAN}


def test_a_step_is_planned_before_it_is_applied_and_a_failed_one_stays_failed():
    assert S.APPLYING not in STEP[S.WAITING] | STEP[S.CLAIMED]
    assert STEP[S.FAILED] == frozenset()
    assert S.PLANNED not in STEP[S.APPLYING], "planned anew after a crash, a restart would stop other tasks"


def test_a_sleeping_run_goes_on_from_where_it_lay_down():
    body = {"runbook": "mend", "title": "Mend it", "on": [{"manual": {}}], "steps": [{"id": "a", "do": "x.y"}]}
    at = utc("2026-11-02T09:00:00+00:00")
    run = Run(
        id="r", stack="s", stack_version="v", runbook=Runbook.model_validate(body), runbook_hash="h", event_id="e",
        started_by="me", created_at=at, changed_at=at, status=R.SLEEPING, before_sleep=R.PLANNING,
    )  # fmt: skip
    assert to_status(run, R.AWAITING_APPROVAL) == {"status": R.AWAITING_APPROVAL, "before_sleep": None}
    with pytest.raises(IllegalTransition):
        to_status(run.model_copy(update={"before_sleep": R.RUNNING}), R.ADMITTED)
