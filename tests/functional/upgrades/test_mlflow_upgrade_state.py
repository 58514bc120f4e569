"""What has become of an upgrade: proved, refuted, or not to be seen from here."""

import pytest

from chalicelib.errors import StepFailed
from chalicelib.net.database_login import NoDatabases
from chalicelib.steps.actions.ecs_change_mlflow_version import ChangeMlflowVersion
from chalicelib.steps.actions.mlflow_upgrade_schema import UpgradeSchema
from chalicelib.steps.probes.mlflow_upgrade_state import UpgradeState, upgrade_judged
from steward.sandbox import place

PROBE, MIGRATE, ROLL = UpgradeState(), UpgradeSchema(), ChangeMlflowVersion()


def judged(site, **over):
    return upgrade_judged(PROBE.read(site.ctx(**over), PROBE.Params()))[0].value


def migrated(site):
    site.snapshot_taken()
    (change,) = site.plan(MIGRATE, version="3.17.2")
    site.carry_out(MIGRATE, change)


def test_s5_in_place_needs_the_version_the_schema_and_a_steady_service(older):
    assert judged(older) == "false"  # nothing was begun
    migrated(older)
    found = older.read(PROBE)
    assert (found.version_now, found.migrated, found.in_place, found.needs_restore) == ("3.13.0", True, False, True)
    older.carry_out(ROLL, older.plan(ROLL, version="3.17.2")[0])
    found = older.read(PROBE)
    assert (found.version_now, found.in_place, found.needs_restore) == ("3.17.2", True, False)
    assert judged(older) == "true"
    older.world.service.desired = 3
    assert judged(older) == "false"


def test_s10_what_does_not_come_up_over_a_migration_needs_the_database_of_before(site):
    site.world.break_with("older-mlflow", new_tasks="die")
    migrated(site)
    with pytest.raises(StepFailed):
        site.carry_out(ROLL, site.plan(ROLL, version="3.17.2")[0])
    found = site.read(PROBE)
    assert (found.in_place, found.needs_restore) == (False, True)


def test_s10_an_old_mlflow_on_a_complete_new_schema_needs_the_database_of_before(site):
    """Its rollout was refused, or the migration failed after its last commit."""
    site.world.break_with("older-mlflow", migration="late")
    with pytest.raises(StepFailed):
        migrated(site)
    found = site.read(PROBE)
    assert (found.schema_now, found.in_place, found.needs_restore) == (found.schema_wanted, False, True)
    assert "that of MLflow 3.17.2: tasks of 3.13.0 that run go on, and none that starts comes up" in found.detail


def test_it_says_which_revision_the_service_is_back_on(site):
    site.world.break_with("older-mlflow", version="3.6.0", new_tasks="die", circuit_breaker="rollback")
    before = site.world.service.primary.definition.rsplit("/", 1)[-1]
    with pytest.raises(StepFailed):
        site.carry_out(ROLL, site.plan(ROLL, version="3.7.0")[0])
    found = site.read(PROBE)
    assert f"MLflow 3.6.0 answers and finds its database; the service runs {before} as before" in found.detail
    assert "none that starts" not in found.detail


def test_an_mlflow_that_is_to_stay_needs_no_restore_once_its_schema_is_the_one_it_wants(site):
    site.world.break_with("schema-left-behind")
    site.world.upgrade_tasks.ends = "late"
    site.snapshot_taken()
    (change,) = site.plan(MIGRATE)
    with pytest.raises(StepFailed):
        site.carry_out(MIGRATE, change)
    assert site.read(PROBE).needs_restore is False


def test_a_half_done_migration_needs_it_too(site):
    site.world.break_with("older-mlflow", migration="half")
    with pytest.raises(StepFailed):
        migrated(site)
    assert site.read(PROBE).needs_restore is True


def test_s3_with_a_server_out_of_reach_only_a_schema_stuck_half_way_proves_that_it_needs_it(site):
    site.world.break_with("older-mlflow", migration="half")
    with pytest.raises(StepFailed):
        migrated(site)
    stack = site.world.stack().model_copy(update={"url": None})
    assert PROBE.read(site.ctx(stack=stack), PROBE.Params()).needs_restore is True


def test_s3_with_a_server_out_of_reach_a_whole_migration_proves_nothing(older):
    migrated(older)
    stack = older.world.stack().model_copy(update={"url": None})
    assert PROBE.read(older.ctx(stack=stack), PROBE.Params()).needs_restore is None


def test_a_migration_that_changed_nothing_needs_no_restore(site):
    site.world.break_with("older-mlflow", migration="fails")
    with pytest.raises(StepFailed):
        migrated(site)
    found = site.read(PROBE)
    assert (found.migrated, found.needs_restore) == (False, False)


def test_s3_a_database_out_of_reach_supports_no_restore(older):
    migrated(older)
    found = PROBE.read(older.ctx(databases=NoDatabases()), PROBE.Params())
    assert (found.migrated, found.needs_restore) == (None, None)


def test_s3_a_server_that_cannot_be_asked_from_here_is_unknown(older):
    migrated(older)
    stack = older.world.stack().model_copy(update={"url": None})
    assert judged(older, stack=stack) == "unknown"


def test_a_server_that_answers_503_is_not_in_place(older):
    migrated(older)
    older.world.database.stop(older.world.clock.now())
    found = older.read(PROBE)
    assert found.in_place is False
    assert "503" in found.detail
    assert place.DATABASE_PASSWORD not in found.model_dump_json()
