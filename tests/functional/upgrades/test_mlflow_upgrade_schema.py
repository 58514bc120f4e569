"""`mlflow db upgrade` of the new MLflow, after a snapshot, and proved by the revision."""

import json

import pytest

from chalicelib.errors import StepFailed
from chalicelib.net.database_login import NoDatabases
from chalicelib.steps.actions.mlflow_upgrade_schema import UpgradeSchema
from steward.sandbox import place

ACTION = UpgradeSchema()


def test_s12_the_task_installs_the_new_version_and_the_override_holds_no_secret(older):
    (change,) = older.plan(ACTION, version="3.17.2")
    (line,) = change.parameters["overrides"]["containerOverrides"][0]["command"][2:]
    assert line.startswith("pip install 'mlflow[auth]==3.17.2' psycopg2-binary")
    assert "mlflow db upgrade" in line
    assert place.DATABASE_PASSWORD not in json.dumps(change.model_dump(mode="json"))
    assert "from schema da6fb0208061 to dc11669786a5" in change.sentence
    assert "only the snapshot brings it back" in change.loses  # S19


def test_s19_without_a_snapshot_of_this_very_run_nothing_is_migrated(older):
    (change,) = older.plan(ACTION, version="3.17.2")
    assert "S19" in ACTION.look(older.ctx(), change).detail
    older.snapshot_taken()
    assert ACTION.look(older.ctx(), change).standing.value == "ready"
    assert "S19" in ACTION.look(older.ctx(run_id="r-another"), change).detail


def test_the_revision_proves_it_and_a_second_time_it_is_already_done(older):
    older.snapshot_taken()
    (change,) = older.plan(ACTION, version="3.17.2")
    done = older.carry_out(ACTION, change)
    assert (done.facts["schema_before"], done.facts["schema_now"]) == ("da6fb0208061", "dc11669786a5")
    assert older.world.database.schema == "dc11669786a5"
    assert ACTION.look(older.ctx(), change).standing.value == "already"
    assert older.plan(ACTION, version="3.17.2") == ()


def test_an_exit_code_of_zero_over_another_schema_is_a_failure(older):
    older.snapshot_taken()
    (change,) = older.plan(ACTION, version="3.17.2")
    odd = change.model_copy(update={"precondition": {**change.precondition, "wanted": "17e22815139b"}})
    with pytest.raises(StepFailed, match="and yet the schema is dc11669786a5"):
        older.carry_out(ACTION, odd)


def test_what_fails_quotes_alembic(site):
    site.world.break_with("older-mlflow", migration="half")
    site.snapshot_taken()
    (change,) = site.plan(ACTION, version="3.17.2")
    with pytest.raises(StepFailed, match=r"exit code 1.*Running upgrade da6fb0208061 -> 89d3d66ed43f"):
        site.carry_out(ACTION, change)


def test_a_schema_that_moved_since_the_plan_stops_it(older):
    older.snapshot_taken()
    (change,) = older.plan(ACTION, version="3.17.2")
    older.world.database.schema = "89d3d66ed43f"
    assert "no longer da6fb0208061" in ACTION.look(older.ctx(), change).detail


def test_where_mlflow_comes_with_the_image_its_revision_is_registered_first(site):
    site.world.break_with("older-mlflow", image=True)
    site.snapshot_taken()
    register, migrate = site.plan(ACTION, version="3.17.2", image="ghcr.io/example/mlflow:3.17.2")
    assert migrate.parameters["taskDefinition"].endswith(":3")
    site.carry_out(ACTION, register)
    assert ACTION.look(site.ctx(), register).standing.value == "already"
    assert "unchanged" in type(ACTION.apply(site.ctx(), register, site.made[-1][1])).__name__.lower()
    site.carry_out(ACTION, migrate)
    assert site.world.database.schema == "dc11669786a5"
    assert {task.mlflow for task in site.world.service.live()} == {"3.13.0"}


def test_another_revision_registered_meanwhile_stops_it(site):
    site.world.break_with("older-mlflow", image=True)
    register, _ = site.plan(ACTION, version="3.17.2", image="ghcr.io/example/mlflow:3.17.2")
    newest = site.world.definitions.find(place.FAMILY)
    site.world.definitions.register({**newest, "cpu": "1024"}, site.world.clock.now())
    assert "somebody has registered" in ACTION.look(site.ctx(), register).detail


def test_s3_what_cannot_be_seen_from_here_is_said_and_still_migrated_on_a_yes(older):
    older.snapshot_taken()
    blind = older.ctx(databases=NoDatabases())
    (change,) = ACTION.plan(blind, ACTION.Params(version="3.17.2"))
    assert "from schema not seen from here" in change.sentence
    assert ACTION.look(blind, change).standing.value == "ready"
