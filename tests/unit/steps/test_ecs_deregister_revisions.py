"""ecs.deregister_revisions: S14 by name, S18 not while anything is doubted, and never one that somebody may need."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from chalicelib.aws.ecs_shapes import CompletedDeployment, TaskDefinition
from chalicelib.errors import AwsError, StepRefused
from chalicelib.models.change import ChangeProgress
from chalicelib.steps.actions.ecs_deregister_revisions import DeregisterRevisions, RevisionParams
from chalicelib.steps.step import Standing
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable

STEP = DeregisterRevisions()
ARN = "arn:aws:ecs:eu-west-2:123456789012:task-definition/churn"


class Families:
    def __init__(self):
        self.there = [f"{ARN}:{number}" for number in range(30, 0, -1)]
        self.used = set()
        self.calls = []

    def active(self, family):
        assert family == "churn"
        return tuple(self.there)

    def in_use(self, family):
        return frozenset(self.used)

    def deregister(self, arn):
        self.calls.append(arn)
        self.there.remove(arn)


def ctx_of(world, **over):
    return world.ctx(**({"history": History(MemoryTable())} | over))


@pytest.fixture
def families(world):
    made = Families()
    world.others["ecs_families"] = made
    world.completed = [CompletedDeployment(f"{ARN}:25", world.now)]
    for number in range(1, 31):
        registered = world.now - timedelta(days=400 - number)
        world.definitions[f"{ARN}:{number}"] = TaskDefinition(
            f"{ARN}:{number}", "churn", number, None, None, (), frozenset(), registered, True
        )
    return made


def plan(world, **params):
    changes = STEP.plan(ctx_of(world), RevisionParams(**params))
    return [int(arn.rsplit(":", 1)[-1]) for change in changes for arn in change.parameters["taskDefinitions"]]


def test_the_newest_ones_stay_and_so_does_what_the_service_runs(world, families):
    assert plan(world) == [number for number in range(1, 21) if number != 7]


def test_what_anything_uses_or_was_the_last_good_one_stays(world, families):
    families.used = {f"{ARN}:3", f"{ARN}:4"}
    world.completed = [CompletedDeployment(f"{ARN}:9", world.now)]
    assert not {3, 4, 7, 9} & set(plan(world))


def test_where_ecs_has_forgotten_the_last_good_one_those_just_before_what_runs_stay(world, families):
    for completed in ([], [CompletedDeployment(f"{ARN}:7", world.now)]):
        world.completed = completed
        assert plan(world, keep=3) == [1, 2, 3, *range(8, 28)]
        assert plan(world, keep=10) == list(range(8, 21))


def test_what_uses_them_cannot_be_read_and_none_is_deregistered(world, families):
    def unreadable(family):
        raise AwsError("events:ListTargetsByRule", "AccessDeniedException", "not allowed")

    (change,) = STEP.plan(ctx_of(world), RevisionParams())
    families.in_use = unreadable
    with pytest.raises(AwsError):
        STEP.plan(ctx_of(world), RevisionParams())
    with pytest.raises(AwsError):
        STEP.apply(ctx_of(world), change, ChangeProgress())
    assert families.calls == []


def test_what_is_young_or_does_not_say_how_old_it_is_stays(world, families):
    for number, registered in ((1, None), (2, world.now - timedelta(days=89))):
        old = world.definitions[f"{ARN}:{number}"]
        world.definitions[f"{ARN}:{number}"] = replace(old, registered_at=registered)
    assert plan(world)[:2] == [3, 4]


def test_it_takes_the_oldest_first_and_no_more_than_its_limit(world, families):
    assert plan(world, most=5) == [1, 2, 3, 4, 5]


def test_what_came_into_use_since_the_plan_is_left_and_said(world, families):
    (change,) = STEP.plan(ctx_of(world), RevisionParams(most=3))
    families.used = {f"{ARN}:2"}
    done = STEP.apply(ctx_of(world), change, ChangeProgress())
    assert families.calls == [f"{ARN}:1", f"{ARN}:3"]
    assert done.facts == {"removed": 2, "left_in_use": 1}
    assert "1 came into use and were left" in done.detail


def test_a_second_attempt_goes_on_where_the_first_one_died(world, families):
    (change,) = STEP.plan(ctx_of(world), RevisionParams(most=3))
    families.deregister(f"{ARN}:1")
    done = STEP.apply(ctx_of(world), change, ChangeProgress())
    assert families.calls == [f"{ARN}:1", f"{ARN}:2", f"{ARN}:3"]
    assert done.facts["removed"] == 3
    assert STEP.look(ctx_of(world), change).standing is Standing.ALREADY


def test_with_nothing_old_there_is_nothing_to_change(world, families):
    families.there = families.there[:10]
    assert plan(world) == []


def test_s18_nothing_is_pruned_during_an_open_incident(world, families):
    with pytest.raises(StepRefused, match="S18"):
        STEP.plan(ctx_of(world, open_incidents=lambda: ("unhealthy hosts",)), RevisionParams())


@pytest.mark.parametrize("params", [{"keep": 2}, {"older_than_days": 13}, {"older_than_days": 0}, {"most": 101}])
def test_limits_that_would_take_too_much_are_refused(params):
    with pytest.raises(ValidationError):
        RevisionParams(**params)
