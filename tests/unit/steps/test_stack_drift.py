"""stack.drift: what is no longer as Steward left it, by whom, and what was changed past Steward."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from chalicelib.aws.cloudtrail import TrailEvent
from chalicelib.errors import AwsDenied
from chalicelib.models.left import LeftChange, Stands
from chalicelib.steps.probes.stack_drift import Drift, DriftParams


def left(world, stands, **over):
    given = {
        "run_id": "run-7",
        "step": "more",
        "at": world.now - timedelta(hours=5),
        "what": "desired count of ECS service churn",
        "resource": "churn-cluster/churn",
        "sentence": "Scale churn from 2 to 4 tasks",
        "stands": stands,
        "detail": "the desired count is 2",
    }
    return LeftChange(**(given | over))


def call(world, name="UpdateService", *, ago=1.0, by="dana", agent="aws-cli/2.31.0", error=None, named="churn"):
    at = world.now - timedelta(hours=ago)
    return TrailEvent(f"e{ago}{by}{name}", at, "ecs.amazonaws.com", name, by, agent, error, frozenset({named}))


@pytest.fixture
def read(world):
    def read(*made, calls=(), denied=None):
        def changes(since, until, **_):
            if denied:
                raise denied
            return [each for each in calls if since <= each.at <= until], True

        world.others["cloudtrail"] = SimpleNamespace(changes=changes, about=lambda *_: ([], True))
        return Drift().read(world.ctx(left_changes=lambda: made), DriftParams())

    return read


def test_what_is_as_steward_left_it_is_no_drift(world, read):
    output = read(left(world, Stands.AS_LEFT))
    assert (output.checked, output.reverted, output.differs, output.outside) == (1, (), (), ())


def test_what_somebody_put_back_is_named_with_the_run_and_who_touched_it_last(world, read):
    before, after, other = call(world, ago=6), call(world, ago=1), call(world, ago=2, by="kim", named="churn-db")
    (drifted,) = read(left(world, Stands.REVERTED), calls=[before, after, other]).reverted
    assert (drifted.run, drifted.by, drifted.now) == ("run-7", "dana", "the desired count is 2")


def test_what_is_neither_as_before_nor_as_left_is_told_apart(world, read):
    output = read(left(world, Stands.DIFFERS))
    assert (output.reverted, [each.by for each in output.differs]) == ((), [None])


def test_changes_by_others_are_told_and_not_steward_s_own_nor_refused_ones_nor_aws_at_work_for_the_owner(world, read):
    calls = [
        call(world, ago=1, by="dana"),
        call(world, ago=2, by="steward-advance/steward-more", agent="Boto3 mlflow-steward"),
        call(world, ago=3, by="eve", error="AccessDenied"),
        call(world, ago=4, by="AWSServiceRoleForApplicationAutoScaling_ECSService/AutoScaling"),
        call(world, ago=5, by="ecs.amazonaws.com"),
        call(world, ago=6, by="kim", named="another-service"),
        call(world, ago=30, by="long ago"),
    ]
    assert [change.by for change in read(calls=calls).outside] == ["dana"]


def test_without_cloudtrail_drift_is_still_seen_and_what_was_not_read_is_said_s3(world, read):
    output = read(left(world, Stands.REVERTED), denied=AwsDenied("cloudtrail:LookupEvents", "AccessDenied", "no"))
    assert (output.skipped, len(output.reverted), output.outside) == (None, 1, ())
    assert "cloudtrail:LookupEvents answers AccessDenied" in output.unread[0]


def test_what_could_not_be_looked_at_is_no_drift_s3(world, read):
    denied = AwsDenied("cloudtrail:LookupEvents", "AccessDenied", "no")
    output = read(left(world, Stands.UNKNOWN, detail="not reachable from here: no"), denied=denied)
    assert (output.checked, output.reverted, output.differs) == (0, (), ())
    assert output.skipped.startswith("not reachable from here")
