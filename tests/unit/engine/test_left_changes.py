"""What Steward last changed for good, and how it stands: asked of the action that made it, with rights to read only."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from chalicelib.engine.left_changes import left_changes
from chalicelib.errors import AwsDenied
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.left import Stands
from chalicelib.models.stack import Stack
from chalicelib.models.step_index import Permission
from chalicelib.models.words import utc
from chalicelib.steps.step import Look, Standing, StepContext

NOW = utc("2026-11-20T12:00:00+00:00")
STACK = Stack.model_validate({"stack": "churn", "region": "eu-west-2", "ecs": {"cluster": "c", "service": "churn"}})
RIGHTS = (
    Permission(action="ecs:DescribeServices", resource="*", why="look"),
    Permission(action="ecs:UpdateService", resource="*", why="act"),
)


class Scale:
    """An action that says of every Change what the test wants."""

    permissions = RIGHTS

    def __init__(self, standing=Standing.ALREADY, error=None):
        self.standing, self.error, self.asked = standing, error, []

    def look(self, ctx, change):
        self.asked.append((ctx.run_id, ctx.step_id, change.sentence))
        if self.error:
            raise self.error
        return Look(standing=self.standing, detail="seen")


class Sessions:
    def __init__(self):
        self.asked = []

    def for_stack(self, stack, run_id, step, permissions, *, plan_mode=False):
        self.asked.append(([permission.action for permission in permissions], plan_mode))
        return object()


def change(sentence="Scale churn from 2 to 4 tasks", *, action="ecs.scale_service", write_back=True):
    what = "desired count of ECS service churn" if action == "ecs.scale_service" else "task definition of churn"
    return Change(
        step="more",
        action=action,
        operation="ecs:UpdateService",
        parameters={},
        resource="c/churn",
        sentence=sentence,
        write_back=f"{what}: 4 (was 2)" if write_back else None,
    )


class History:
    """Runs with their Changes; each run is one step."""

    def __init__(self):
        self.rows, self.records = [], {}

    def add(self, run_id, hours_ago, *changes, do="ecs.scale_service", live=False, state=ChangeState.DONE):
        at = NOW - timedelta(hours=hours_ago)
        progress = tuple(ChangeProgress(state=state, done_at=at) for _ in changes)
        status = SimpleNamespace(is_live=live)
        self.rows.insert(0, SimpleNamespace(id=run_id, status=status, first_action_at=at, changed_at=at))
        self.records[run_id] = [SimpleNamespace(id="more", do=do, changes=changes, progress=progress)]

    def recent(self, stack, *, since, limit):
        assert since < NOW
        return SimpleNamespace(rows=[row for row in self.rows if row.changed_at >= since][:limit])

    def steps(self, run_id):
        return self.records[run_id]


@pytest.fixture
def history():
    return History()


@pytest.fixture
def look(history):
    def look(action=None, **more):
        actions = {"ecs.scale_service": action or Scale(), **more}
        look.sessions = Sessions()
        ports = SimpleNamespace(runs=history, actions=actions, sessions=look.sessions)
        ctx = StepContext(stack=STACK, run_id="now", step_id="drift", now=NOW, aws=None, http=None)
        return left_changes(ports, ctx)

    return look


@pytest.mark.parametrize(
    ("standing", "stands"),
    [
        (Standing.ALREADY, Stands.AS_LEFT),
        (Standing.READY, Stands.REVERTED),
        (Standing.DRIFTED, Stands.DIFFERS),
    ],
)
def test_how_it_stands_is_what_the_action_s_own_look_says(history, look, standing, stands):
    history.add("run-7", 5, change())
    action = Scale(standing)
    (left,) = look(action)
    assert (left.stands, left.run_id, left.what) == (stands, "run-7", "desired count of ECS service churn")
    assert action.asked == [("run-7", "more", "Scale churn from 2 to 4 tasks")]


def test_it_looks_with_rights_to_read_only_s21(history, look):
    history.add("run-7", 5, change())
    look()
    assert look.sessions.asked == [(["ecs:DescribeServices"], True)]


def test_of_each_thing_only_what_was_set_last_is_looked_at(history, look):
    history.add("run-7", 9, change("first"))
    history.add("run-8", 5, change("second"))
    assert [left.sentence for left in look()] == ["second"]


def test_another_thing_of_the_same_resource_is_looked_at_too(history, look):
    history.add("run-7", 9, change("count"))
    history.add("run-8", 5, change("revision", action="ecs.change_task_definition"))
    told = look(**{"ecs.change_task_definition": Scale()})
    assert {left.sentence for left in told} == {"count", "revision"}


def test_what_was_undone_since_is_left_alone_s34(history, look):
    history.add("run-7", 9, change())
    history.add("run-8", 5, change("undo: Scale", write_back=False), do="undo_changes")
    assert look() == ()


def test_a_change_that_is_not_for_good_hides_nothing(history, look):
    history.add("run-7", 9, change("for good"))
    history.add("run-8", 5, change("one more for a moment", write_back=False))
    assert [left.sentence for left in look()] == ["for good"]


def test_what_a_run_is_still_at_and_what_was_never_done_is_no_drift(history, look):
    history.add("run-7", 9, change(), state=ChangeState.UNCHANGED)
    history.add("run-8", 5, change(), live=True)
    history.add("run-9", 24 * 30, change())
    assert look() == ()


@pytest.mark.parametrize("error", [AwsDenied("ecs:DescribeServices", "AccessDenied", "no")])
def test_what_cannot_be_looked_at_is_unknown_s3(history, look, error):
    history.add("run-7", 5, change())
    (left,) = look(Scale(error=error))
    assert left.stands is Stands.UNKNOWN
    assert left.detail.startswith("not reachable from here")


def test_a_change_of_an_action_that_is_gone_is_unknown_too(history, look):
    history.add("run-7", 5, change(action="ecs.forgotten"))
    (left,) = look()
    assert left.stands is Stands.UNKNOWN
