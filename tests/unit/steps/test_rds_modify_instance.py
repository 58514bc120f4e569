"""rds.modify_instance: what RDS would refuse is refused before anybody is asked, and S34: what it was is kept."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from chalicelib.aws.rds import DbEvent
from chalicelib.errors import AwsDenied, StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.steps.actions.rds_modify_instance import ModifyInstance, ModifyParams
from chalicelib.steps.step import Done, Pending, Standing

STEP = ModifyInstance()
GREW = "Finished applying modification to allocated storage"


class Database:
    """The one instance, as a test sets it, and what was asked of RDS."""

    def __init__(self, world):
        self.found = replace(
            world.ctx().aws.rds.instance("churn-db"), status="available", instance_class="db.t3.micro",
            allocated_gib=20, pending=(), multi_az=True, cluster=None,
        )  # fmt: skip
        self.told: list[DbEvent] = []
        self.asked: list[dict] = []

    def set(self, **over):
        self.found = replace(self.found, **over)

    def ctx(self, world, **over):
        ctx = world.ctx(**over)
        ctx.aws.rds = SimpleNamespace(instance=lambda _name: self.found, events=self._events)
        ctx.aws.rds_restores = SimpleNamespace(modify_instance=lambda name, **asked: self.asked.append(asked))
        return ctx

    def _events(self, _name, *, cluster, since, until):
        assert not cluster
        return tuple(event for event in self.told if since <= event.at <= until)


@pytest.fixture
def database(world):
    return Database(world)


@pytest.fixture
def plan(world, database):
    return lambda **params: STEP.plan(database.ctx(world), ModifyParams(**params))


def undo_of(change: Change) -> Change:
    assert change.undo
    wanted = {"parameters": change.undo.parameters, "precondition": change.undo.precondition, "undo": None}
    return change.model_copy(update=wanted)


def test_a_class_is_planned_with_what_it_costs_and_what_to_write_back(plan):
    (change,) = plan(instance_class="db.t3.small")
    assert change.parameters["DBInstanceClass"] == "db.t3.small"
    assert change.precondition == {"DBInstanceClass": "db.t3.micro"}
    assert "no database for about a minute" in change.sentence
    assert change.write_back == "class of RDS instance churn-db: db.t3.small (was db.t3.micro)"


def test_without_a_standby_the_outage_is_said_to_be_longer(plan, database):
    database.set(multi_az=False)
    assert "several minutes" in plan(instance_class="db.t3.small")[0].sentence


def test_what_is_already_so_is_no_change(plan):
    assert plan(instance_class="db.t3.micro") == plan(storage_gib=20) == ()


def test_s34_the_undo_of_a_class_puts_back_what_was_and_not_over_somebody_else_s(world, database, plan):
    (change,) = plan(instance_class="db.t3.small")
    undo = undo_of(change)
    database.set(instance_class="db.t3.small")
    assert STEP.look(database.ctx(world), undo).standing is Standing.READY
    database.set(instance_class="db.m6g.large")
    look = STEP.look(database.ctx(world), undo)
    assert (look.standing, "somebody changed it" in look.detail) == (Standing.DRIFTED, True)


def test_s34_storage_cannot_be_undone_and_the_reason_is_given(world, database, plan):
    (change,) = plan(storage_gib=40)
    database.set(allocated_gib=40)
    look = STEP.look(database.ctx(world), undo_of(change))
    assert look.standing is Standing.DRIFTED
    assert "storage only grows" in look.detail


@pytest.mark.parametrize(
    ("gib", "over", "why"),
    [
        (21, {}, "write 22 or more"),
        (20, {"allocated_gib": 40}, "storage only grows"),
        (40, {"status": "storage-optimization"}, "six hours begin after it"),
        (40, {"status": "modifying"}, "cannot be changed now"),
        (40, {"pending": ("DBInstanceClass",)}, "waits for another change: DBInstanceClass"),
        (40, {"cluster": "churn"}, "belongs to the cluster churn"),
    ],
)
def test_what_rds_would_refuse_of_storage_is_refused_when_planned(plan, database, gib, over, why):
    database.set(**over)
    with pytest.raises(StepRefused, match=why):
        plan(storage_gib=gib)


def test_a_tenth_more_is_enough_and_a_full_disk_may_grow(plan, database):
    database.set(status="storage-full")
    assert plan(storage_gib=22)[0].parameters["AllocatedStorage"] == 22
    database.set(allocated_gib=105)
    assert plan(storage_gib=116)


@pytest.mark.parametrize(
    "message", [GREW, "Finished applying autoscaling-initiated modification to allocated storage."]
)
def test_six_hours_must_lie_between_two_changes_of_storage_whoever_made_the_last(world, plan, database, message):
    database.told = [DbEvent(world.now - timedelta(hours=5, minutes=59), ("configuration change",), message)]
    with pytest.raises(StepRefused, match="six hours in between: from 2026-11-20 12:01 UTC on"):
        plan(storage_gib=40)
    database.told = [DbEvent(world.now - timedelta(hours=6, seconds=1), ("configuration change",), message)]
    assert plan(storage_gib=40)


def test_when_rds_does_not_say_what_happened_lately_nothing_is_planned(world, database):
    ctx = database.ctx(world)

    def denied(*_asked, **_more):
        raise AwsDenied("rds:DescribeEvents", "AccessDenied", "no")

    ctx.aws.rds.events = denied
    with pytest.raises(AwsDenied):
        STEP.plan(ctx, ModifyParams(storage_gib=40))


def test_a_class_waits_for_a_database_that_is_available(plan, database):
    database.set(status="backing-up")
    with pytest.raises(StepRefused, match="only while it is available"):
        plan(instance_class="db.t3.small")


def test_a_stack_on_aurora_is_told_why_not(world, database):
    world.stack["database"] = {"cluster": "churn"}
    with pytest.raises(StepRefused, match="Aurora's storage grows by itself"):
        STEP.plan(database.ctx(world), ModifyParams(storage_gib=40))


def test_it_is_asked_for_once_and_followed_until_it_is_in_force(world, database, plan):
    (change,) = plan(instance_class="db.t3.small")
    progress = ChangeProgress(started_at=world.now, before=STEP.look(database.ctx(world), change).before)
    assert isinstance(STEP.apply(database.ctx(world), change, progress), Pending)
    database.set(pending=("DBInstanceClass",), status="modifying")
    assert isinstance(STEP.apply(database.ctx(world), change, progress), Pending)
    database.set(pending=(), status="rebooting", instance_class="db.t3.small")
    assert isinstance(STEP.apply(database.ctx(world), change, progress), Pending)
    database.set(status="available")
    assert isinstance(STEP.apply(database.ctx(world), change, progress), Done)
    assert database.asked == [{"DBInstanceClass": "db.t3.small"}]


def test_somebody_else_s_class_on_the_way_is_a_failure_and_not_overwritten(world, database, plan):
    (change,) = plan(instance_class="db.t3.small")
    database.set(instance_class="db.m6g.large")
    with pytest.raises(StepFailed, match=r"somebody gave churn-db db\.m6g\.large"):
        STEP.apply(database.ctx(world), change, ChangeProgress(before={"was": "db.t3.micro"}))
    assert database.asked == []


def test_look_stands_off_while_another_change_waits(world, database, plan):
    (change,) = plan(storage_gib=40)
    database.set(pending=("MasterUserPassword",))
    assert STEP.look(database.ctx(world), change).standing is Standing.DRIFTED
    database.set(pending=(), allocated_gib=40)
    assert STEP.look(database.ctx(world), change).standing is Standing.ALREADY


@pytest.mark.parametrize("params", [{}, {"instance_class": "db.t3.small", "storage_gib": 40}, {"instance_class": "x"}])
def test_one_thing_at_a_time_and_by_its_name(params):
    with pytest.raises(ValidationError):
        ModifyParams(**params)
