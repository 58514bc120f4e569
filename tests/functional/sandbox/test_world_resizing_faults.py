"""The world's RDS changes class and storage as RDS does: in its time, with its outage, with its refusals."""

import pytest
from botocore.exceptions import ClientError

from chalicelib.steps.checks import CHECKS
from chalicelib.steps.probes.rds_describe_instance import DatabaseOutput
from steward.sandbox import place
from steward.sandbox.world import World


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def modify(world, **asked):
    client = world.session().client("rds")
    return client.modify_db_instance(DBInstanceIdentifier=place.DATABASE, ApplyImmediately=True, **asked)


def instance(world):
    return world.session().client("rds").describe_db_instances(DBInstanceIdentifier=place.DATABASE)["DBInstances"][0]


def test_a_class_is_in_force_after_minutes_and_a_failover(world):
    modify(world, DBInstanceClass="db.t3.small")
    now = instance(world)
    assert (now["DBInstanceStatus"], now["PendingModifiedValues"]) == ("modifying", {"DBInstanceClass": "db.t3.small"})
    world.advance(310)
    assert (instance(world)["DBInstanceStatus"], world.database.answers) == ("rebooting", False)
    world.advance(60)
    now = instance(world)
    assert (now["DBInstanceStatus"], now["DBInstanceClass"]) == ("available", "db.t3.small")
    assert now["PendingModifiedValues"] == {}


def test_storage_is_optimized_for_a_while_and_stays_as_it_is_for_six_hours(world):
    modify(world, AllocatedStorage=22)
    world.advance(130)
    assert (instance(world)["DBInstanceStatus"], instance(world)["AllocatedStorage"]) == ("storage-optimization", 22)
    world.advance(3600)
    assert instance(world)["DBInstanceStatus"] == "available"
    with pytest.raises(ClientError, match="previous storage change is being optimized"):
        modify(world, AllocatedStorage=40)
    world.advance(6 * 3600)
    modify(world, AllocatedStorage=40)


@pytest.mark.parametrize(
    "asked", [{"AllocatedStorage": 21}, {"AllocatedStorage": 10}, {"DBInstanceClass": "db.x.nano"}]
)
def test_what_rds_does_not_have_is_declined(world, asked):
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        modify(world, **asked)


def test_while_it_is_at_one_change_it_takes_no_other(world):
    modify(world, AllocatedStorage=40)
    with pytest.raises(ClientError, match="InvalidDBInstanceState"):
        modify(world, DBInstanceClass="db.t3.small")


def test_storage_grew_lately_is_in_force_and_told_as_an_event(world):
    world.break_with("storage-grew-lately")
    assert instance(world)["AllocatedStorage"] == 40
    told = world.session().client("rds").describe_events(SourceIdentifier=place.DATABASE, SourceType="db-instance")
    assert "modification to allocated storage" in told["Events"][-1]["Message"]


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        ({"status": "available"}, "true"),
        ({"status": "storage-optimization"}, "true"),
        ({"status": "modifying"}, "false"),
        ({"status": "available", "pending": ("DBInstanceClass",)}, "false"),
    ],
)
def test_database_steady_wants_it_available_and_nothing_pending(facts, answer):
    output = DatabaseOutput(applicable=True, id="db", **facts)
    assert CHECKS["database_steady"].judge(output, "").answer.value == answer
    nothing = CHECKS["database_steady"].judge(DatabaseOutput(applicable=False), "")
    assert nothing.answer.value == "not_applicable"
