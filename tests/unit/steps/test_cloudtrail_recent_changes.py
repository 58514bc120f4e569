"""cloudtrail.recent_changes: who changed this stack's resources, and no other stack's."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from chalicelib.aws.cloudtrail import TrailEvent
from chalicelib.errors import AwsDenied
from chalicelib.steps.probes.cloudtrail_recent_changes import ChangesParams, RecentChanges


@pytest.fixture
def trail(world):
    events = []

    def add(name, *named, minutes=10, source="ecs", agent="console", error=None):
        at = world.now - timedelta(minutes=minutes)
        by = "Deployers/alice"
        events.append(
            TrailEvent(f"e{len(events)}", at, f"{source}.amazonaws.com", name, by, agent, error, frozenset(named))
        )

    twin = SimpleNamespace(changes=lambda *_: (list(events), True), about=lambda *_: ([], True), add=add)
    world.others["cloudtrail"] = twin
    return twin


def read(world, **params):
    return RecentChanges().read(world.ctx(), ChangesParams(**params))


def test_changes_of_this_stack_s_resources_are_told_newest_first(world, trail):
    trail.add("UpdateService", "churn", "churn-cluster", minutes=30)
    trail.add("ModifyDBInstance", "churn-db", source="rds", error="InvalidParameterValue", minutes=5)
    trail.add(
        "DeleteTargetGroup", "arn:aws:elasticloadbalancing:r:1:targetgroup/churn-tg/0123", agent="x mlflow-steward"
    )
    output = read(world)
    assert [change.event for change in output.changes] == [
        "rds:ModifyDBInstance",
        "ecs:DeleteTargetGroup",
        "ecs:UpdateService",
    ]
    assert [change.says_steward for change in output.changes] == [False, True, False]
    assert (output.changes[0].error, output.changes[0].by) == ("InvalidParameterValue", "Deployers/alice")
    assert (output.complete, output.count) == (True, 3)


def test_a_name_inside_another_name_and_a_read_are_passed_over(world, trail):
    trail.add("UpdateService", "churn-two")
    trail.add("ModifyDBInstance", "arn:aws:rds:eu-west-2:1:db:other-churn-db")
    trail.add("DescribeServices", "churn")
    assert read(world).changes == ()


def test_in_a_busy_region_names_are_asked_for_as_well_and_it_says_that_there_may_be_more(world, trail):
    trail.add("UpdateService", "churn")
    only = trail.changes()[0][0]
    trail.changes = lambda *_: ([], False)
    trail.about = lambda name, *_: ([only] if name == "churn" else [], True)
    output = read(world)
    assert (output.count, output.complete) == (1, False)


def test_s3_a_denial_is_skipped(world, trail):
    def denied(*_):
        raise AwsDenied("cloudtrail:LookupEvents", "AccessDeniedException", "no")

    trail.changes = denied
    output = read(world)
    assert "cloudtrail:LookupEvents" in (output.skipped or "")
    assert output.complete is False
