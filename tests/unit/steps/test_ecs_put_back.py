"""ecs.put_back: what this run made on the service is undone last first, by the actions that made it (S34)."""

import pytest

from chalicelib.models.change import Change, ChangeProgress, ChangeState, Undo
from chalicelib.steps.actions.ecs_put_back import PutBack
from chalicelib.steps.step import NoParams, Standing, Unchanged

STEP = PutBack()


def made(world, number, state, *, undo=True, resource=None, started=True):
    change = Change(
        step="s",
        action="ecs.scale_service",
        operation="ecs:UpdateService",
        parameters={"desiredCount": number},
        resource=resource or world.ctx().stack.service_ref,
        undo=Undo(operation="ecs:UpdateService", parameters={"desiredCount": number - 1}) if undo else None,
        sentence=f"to {number}",
    )
    return change, ChangeProgress(state=state, started_at=world.now if started else None)


def plan(world, *pairs):
    return STEP.plan(world.ctx(made=lambda: pairs), NoParams())


def test_last_first_with_what_each_change_said_of_its_undo(world):
    changes = plan(world, made(world, 3, ChangeState.DONE), made(world, 4, ChangeState.STARTED))
    assert [change.parameters["desiredCount"] for change in changes] == [3, 2]
    assert {change.action for change in changes} == {"ecs.scale_service"}
    assert changes[0].sentence == "put back: to 4"


@pytest.mark.parametrize(
    ("state", "more", "count"),
    [
        (ChangeState.FAILED, {}, 1),
        (ChangeState.FAILED, {"started": False}, 0),
        (ChangeState.UNCHANGED, {}, 0),
        (ChangeState.DONE, {"undo": False}, 0),
        (ChangeState.DONE, {"resource": "database churn-db"}, 0),
    ],
)
def test_only_what_may_have_been_done_to_the_service_and_can_be_undone(world, state, more, count):
    assert len(plan(world, made(world, 3, state, **more))) == count


def test_without_anything_made_nothing_is_put_back(world):
    assert plan(world) == ()


def test_it_applies_nothing_itself(world):
    change, progress = made(world, 3, ChangeState.DONE)
    assert STEP.look(world.ctx(), change).standing is Standing.DRIFTED
    assert isinstance(STEP.apply(world.ctx(), change, progress), Unchanged)
