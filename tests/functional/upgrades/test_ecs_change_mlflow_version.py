"""The service on another MLflow: one line changes, and nothing goes back over a migration."""

import json

import pytest

from chalicelib.aws.ecs_revisions import difference
from chalicelib.aws.gateways import Aws
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import ChangeProgress, ChangeState
from chalicelib.steps.actions.ecs_change_mlflow_version import ChangeMlflowVersion
from chalicelib.steps.actions.ecs_pause_service import PauseService
from chalicelib.steps.actions.mlflow_upgrade_schema import UpgradeSchema
from steward.sandbox import place

ACTION = ChangeMlflowVersion()


@pytest.fixture
def same_schema(site):
    site.world.break_with("older-mlflow", version="3.6.0")
    return site


def test_s11_the_new_revision_differs_in_the_version_alone(same_schema):
    (change,) = same_schema.plan(ACTION, version="3.7.0")
    former = same_schema.ctx().aws.ecs.revision(change.parameters["former"])
    done = same_schema.carry_out(ACTION, change)
    assert "completed" in done.detail
    ecs = Aws(same_schema.world.session(), place.REGION).ecs
    now = ecs.revision(ecs.service(place.CLUSTER, place.SERVICE).task_definition)
    ((path, (before, after)),) = difference(former, now).items()
    assert path == "containerDefinitions/mlflow/command"
    assert before.replace("==3.6.0", "==3.7.0") == after
    assert {task.mlflow for task in same_schema.world.service.live()} == {"3.7.0"}


def test_s29_the_plan_shows_versions_and_no_command(same_schema):
    (change,) = same_schema.plan(ACTION, version="3.7.0")
    said = json.dumps(change.model_dump(mode="json"))
    assert "MLflow 3.6.0 to 3.7.0" in change.sentence
    assert "base64" not in said
    assert change.write_back == "task definition of ECS service fraud-scoring-mlflow: MLflow 3.6.0 to 3.7.0"


def test_s34_without_a_migration_it_can_be_undone(same_schema):
    (change,) = same_schema.plan(ACTION, version="3.7.0")
    same_schema.carry_out(ACTION, change)
    same_schema.carry_out(ACTION, same_schema.undo(change))
    assert {task.mlflow for task in same_schema.world.service.live()} == {"3.6.0"}


def test_s10_over_a_migration_there_is_no_undo_and_before_it_no_rollout(older):
    (change,) = older.plan(ACTION, version="3.17.2")
    assert change.undo is None
    assert "S10" in change.sentence
    look = ACTION.look(older.ctx(), change)
    assert look.standing.value == "drifted"
    assert "migrate it unasked, or not start" in look.detail


def test_s10_nor_once_this_run_has_migrated(older):
    migration = older.plan(UpgradeSchema(), version="3.17.2")
    older.world.database.schema = "dc11669786a5"
    older.made += [(change, None) for change in migration]
    (change,) = older.plan(ACTION, version="3.17.2")
    assert change.undo is None


def test_what_the_circuit_breaker_took_back_is_not_deployed_again(site):
    site.world.break_with("older-mlflow", version="3.6.0", new_tasks="die", circuit_breaker="rollback")
    (change,) = site.plan(ACTION, version="3.7.0")
    with pytest.raises(StepFailed, match="runs fraud-scoring-mlflow:2 again: the circuit breaker"):
        site.carry_out(ACTION, change)
    site.world.advance(900)
    sent = [call for call in site.world.mutations() if call.operation == "UpdateService"]
    assert len(sent) == 1
    assert {task.mlflow for task in site.world.service.live()} == {"3.6.0"}


def test_what_would_not_come_up_is_refused_and_the_same_version_is_no_change(site):
    assert site.plan(ACTION, version="3.17.2") == ()
    site.world.break_with("older-mlflow", lacks="secret_key")
    with pytest.raises(StepRefused, match="would not come up"):
        site.plan(ACTION, version="3.17.2")


def test_s13_once_migrated_it_finishes_and_before_that_it_stands_aside_like_any_other(older):
    planned = [change for action in (ACTION, PauseService()) for change in _planned(older, action)]
    pause = older.plan(PauseService())
    assert not any(action_of(change).finishes(older.ctx(), change) for change in (*planned, *pause))
    migrated = planned[0].model_copy(update={"precondition": {"verb": "db_upgrade"}})
    states = {}
    for state in (ChangeState.STARTED, ChangeState.DONE):
        ctx = older.ctx(made=lambda state=state: ((migrated, ChangeProgress(state=state)),))
        states[state] = [action_of(change).finishes(ctx, change) for change in (*planned, *pause)]
    assert not any(states[ChangeState.STARTED])
    assert states[ChangeState.DONE] == [True] * len(planned) + [False] * len(pause)


def action_of(change):
    return ACTION if change.action == ACTION.name else PauseService()


def _planned(site, action):
    return site.plan(action, version="3.17.2") if action is ACTION else site.plan(action, paused=False)
