"""S10: back over a migration only beside a database that this run has restored."""

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.steps.actions.ecs_change_mlflow_version import ChangeMlflowVersion
from chalicelib.steps.actions.ecs_return_to_former import ReturnToFormer
from chalicelib.steps.actions.mlflow_upgrade_schema import UpgradeSchema
from steward.sandbox import place

ACTION, ROLL, MIGRATE = ReturnToFormer(), ChangeMlflowVersion(), UpgradeSchema()


@pytest.fixture
def broken(site):
    """Migrated, and the new MLflow does not come up."""
    site.world.break_with("older-mlflow", new_tasks="die")
    site.snapshot_taken()
    site.carry_out(MIGRATE, site.plan(MIGRATE, version="3.17.2")[0])
    with pytest.raises(StepFailed):
        site.carry_out(ROLL, site.plan(ROLL, version="3.17.2")[0])
    return site


def restored(site):
    change = Change(
        step="restore", action="rds.restore_snapshot", operation="rds:RestoreDBInstanceFromDBSnapshot",
        parameters={}, resource=place.DATABASE, sentence="restore",
    )  # fmt: skip
    site.made.append((change, ChangeProgress(state="done")))


def test_s10_it_is_refused_while_the_database_of_before_is_not_restored(broken):
    with pytest.raises(StepRefused, match="S10"):
        broken.plan(ACTION)


def test_the_former_revision_is_named_again_and_what_serves_goes_on_serving(broken):
    restored(broken)
    (change,) = broken.plan(ACTION)
    assert "MLflow 3.13.0, over the migration" in change.sentence
    before = {task.id for task in broken.world.service.live() if task.mlflow == "3.13.0"}
    done = broken.carry_out(ACTION, change)
    assert "again" in done.detail
    broken.world.advance(600)
    assert before <= {task.id for task in broken.world.service.live()}
    assert ACTION.look(broken.ctx(), change).standing.value == "already"
    assert "already" in ACTION.apply(broken.ctx(), change, ChangeProgress()).detail


def test_a_service_that_is_on_it_still_is_left_alone(older):
    assert older.plan(ACTION) == ()


def test_somebody_who_deployed_meanwhile_is_not_overruled(broken):
    restored(broken)
    (change,) = broken.plan(ACTION)
    newest = broken.world.definitions.find(place.FAMILY)
    made = broken.world.definitions.register({**newest, "cpu": "1024"}, broken.world.clock.now())
    broken.world.service.deploy(made["taskDefinitionArn"], broken.world.clock.now())
    assert ACTION.look(broken.ctx(), change).standing.value == "drifted"
