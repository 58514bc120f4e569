"""S7: an open issue of AWS Health in a stack's region holds automatic runs, and its end lets them go."""

import pytest

from chalicelib.flows.ingest import explain, ingest
from chalicelib.models.decision import Outcome


def event(world, number=1, *, over=None, **detail):
    stack = world.parts.engine.stacks["prod"]
    given = {
        "eventArn": f"arn:aws:health:{stack.region}::event/ECS/AWS_ECS_OPERATIONAL_ISSUE/1",
        "service": "ECS",
        "eventTypeCode": "AWS_ECS_OPERATIONAL_ISSUE",
        "eventTypeCategory": "issue",
        "statusCode": "open",
        **detail,
    }
    return {
        "version": "0",
        "id": f"0e5c7b1a-4d0f-4d1e-9a55-00000000{number:04}",
        "detail-type": "AWS Health Event",
        "source": "aws.health",
        "account": stack.account,
        "time": "2026-11-02T09:00:00Z",
        "region": stack.region,
        "resources": [],
        "detail": given,
        **(over or {}),
    }


def test_an_open_issue_holds_automatic_runs_until_it_is_closed_s7(world):
    said = ingest(world.parts, event(world))
    assert said.outcome is not Outcome.INVALID
    held = world.fire("e1").parts[0]
    assert held.outcome is Outcome.HOLD
    brake = next(guard for guard in held.guards if guard.guard == "fleet_brake")
    assert "AWS_ECS_OPERATIONAL_ISSUE in " in brake.because
    ingest(world.parts, event(world, 2, statusCode="closed"))
    assert world.parts.engine.ledgers.read_fleet().health_events == ()


@pytest.mark.parametrize(
    "change",
    [
        {"over": {"account": "999999999999"}},
        {"over": {"region": "ap-southeast-2"}},
        {"eventTypeCategory": "scheduledChange"},
        {"eventTypeCode": "AWS_ECS_TASK_RETIREMENT"},
    ],
    ids=["account", "region", "planned", "one task's own"],
)
def test_what_is_another_s_or_not_the_region_s_holds_nobody_s2(world, change):
    ingest(world.parts, event(world, **change))
    assert world.parts.engine.ledgers.read_fleet().health_events == ()


def test_told_twice_it_is_one_and_explained_it_is_none(world):
    explain(world.parts, event(world))
    assert world.parts.engine.ledgers.read_fleet().health_events == ()
    for number in (1, 2):
        ingest(world.parts, event(world, number))
    (issue,) = world.parts.engine.ledgers.read_fleet().health_events
    assert issue.said.startswith("AWS_ECS_OPERATIONAL_ISSUE in ")


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        ("arn:aws:health:us-east-1::event/ECS/AWS_ECS_OPERATIONAL_ISSUE/1", "us-east-1"),
        ("arn:aws-us-gov:health:us-gov-west-1::event/ECS/AWS_ECS_OPERATIONAL_ISSUE/1", "us-gov-west-1"),
        ("arn:aws:health:global::event/IAM/AWS_IAM_OPERATIONAL_ISSUE/1", None),
        ("arn:aws:health:::event/IAM/AWS_IAM_OPERATIONAL_ISSUE/1", None),
        ("something else", None),
    ],
)
def test_an_issue_is_of_the_region_that_its_own_arn_names_else_everybodys_s7(world, arn, region):
    """EventBridge delivers events of one region, and of global services, in a second one too."""
    ingest(world.parts, event(world, eventArn=arn))
    (issue,) = world.parts.engine.ledgers.read_fleet().health_events
    assert issue.region == region
    assert issue.said == f"AWS_ECS_OPERATIONAL_ISSUE in {region or 'all regions'}"
    held = world.fire("e1").parts[0].outcome is Outcome.HOLD
    assert held is (region is None)
