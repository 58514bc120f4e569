"""rds.swap_in: a separate step that says what is lost (S19), keeps the old instance, and can be undone (S34)."""

import json
from datetime import timedelta

import pytest

from chalicelib.errors import StepRefused
from chalicelib.models.made_names import mark_of
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Done, Standing
from steward.sandbox import place
from steward.sandbox.secrets_answers import ARNS
from steward.sandbox.unlike import make_unlike

MARK = f"{mark_of(place.NAME)}-{place.NAME}"

NAME = f"{MARK}-r-1-step"


@pytest.fixture
def restored(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    flight.do("rds.restore_snapshot")
    return flight


def host_of_tasks(flight):
    return {task.environment["DB_HOST"] for task in flight.world.service.live()}


def undo_of(change):
    return change.model_copy(
        update={
            "operation": change.undo.operation,
            "parameters": change.undo.parameters,
            "precondition": change.undo.precondition,
            "undo": None,
        }
    )


def with_host_in_secret(flight):
    client = flight.world.session().client("secretsmanager")
    value = json.loads(client.get_secret_value(SecretId=place.DATABASE_SECRET)["SecretString"])
    text = json.dumps(value | {"host": place.DATABASE_HOST, "port": 5432})
    client.put_secret_value(SecretId=place.DATABASE_SECRET, SecretString=text)


def test_where_a_variable_names_the_host_the_tasks_are_rolled_onto_a_revision_with_the_new_one(restored):
    (change,) = restored.plan("rds.swap_in", instance=NAME)
    assert "everything written to fraud-scoring-mlflow-db since the snapshot" in change.loses
    assert (change.touches, change.serves) == ({"tasks": 2}, True)
    assert isinstance(restored.finish(change), Done)
    restored.world.advance(120)
    assert host_of_tasks(restored) == {restored.world.rds.restored[NAME].host}
    assert restored.world.database.status == "available"


def test_s34_undo_goes_back_to_the_old_instance_which_was_kept(restored):
    (change,) = restored.plan("rds.swap_in", instance=NAME)
    restored.finish(change)
    restored.world.advance(120)
    restored.run = "r-undo"
    assert isinstance(restored.finish(undo_of(change)), Done)
    restored.world.advance(300)
    assert host_of_tasks(restored) == {place.DATABASE_HOST}


def test_where_the_secret_names_the_host_it_gets_a_new_version_first_and_undo_points_back(restored):
    with_host_in_secret(restored)
    secret, service = restored.plan("rds.swap_in", instance=NAME)
    assert (secret.operation, service.operation) == ("secretsmanager:PutSecretValue", "ecs:RegisterTaskDefinition")
    assert place.DATABASE_PASSWORD not in secret.model_dump_json()
    done = restored.finish(secret)
    assert isinstance(done, Done)
    after = restored.ctx().aws.secrets.database(place.DATABASE_SECRET)
    assert after.host == restored.world.rds.restored[NAME].host
    assert after.login.password == place.DATABASE_PASSWORD
    assert restored.begin(secret)[0].standing is Standing.ALREADY
    assert isinstance(restored.finish(undo_of(secret)), Done)
    assert restored.ctx().aws.secrets.database(place.DATABASE_SECRET).host == place.DATABASE_HOST
    assert ARNS[place.DATABASE_SECRET]


@pytest.fixture
def rows_in_use(restored):
    """Of the database that is asked: the restored one has fewer than the one that is kept."""
    restored.world.advance(3600)

    def read():
        return restored.read("db.facts").in_use.rows["params"]

    return read


def test_s15_after_a_swap_the_restored_database_is_asked_and_not_the_old_one_that_the_stack_s_file_names(
    restored, rows_in_use
):
    before = rows_in_use()
    (change,) = restored.plan("rds.swap_in", instance=NAME)
    restored.finish(change)
    restored.world.advance(120)
    assert rows_in_use() == restored.world.rds.restored[NAME].contents.rows["params"] < before
    restored.run = "r-undo"
    restored.finish(undo_of(change))
    restored.world.advance(300)
    assert rows_in_use() >= before


def test_s15_so_it_is_where_only_the_secret_names_the_host(restored, rows_in_use):
    make_unlike(restored.world, "host-in-secret")
    before = rows_in_use()
    secret, _ = restored.plan("rds.swap_in", instance=NAME)
    restored.finish(secret)
    assert rows_in_use() == restored.world.rds.restored[NAME].contents.rows["params"] < before


def test_s15_once_the_old_one_is_deleted_the_restored_one_is_still_asked(restored, rows_in_use):
    (change,) = restored.plan("rds.swap_in", instance=NAME)
    restored.finish(change)
    restored.world.advance(120)
    restored.world.database.delete(restored.world.clock.now())
    assert rows_in_use() == restored.world.rds.restored[NAME].contents.rows["params"]


def test_an_address_that_is_none_of_rds_leaves_the_named_database_the_one_in_use(restored):
    make_unlike(restored.world, "host-in-secret")
    client = restored.world.session().client("secretsmanager")
    text = json.dumps({"username": place.DATABASE_USER, "password": place.DATABASE_PASSWORD, "host": "db.example.com"})
    client.put_secret_value(SecretId=place.DATABASE_SECRET, SecretString=text)
    assert restored.read("db.facts").in_use.answers


def test_a_secret_that_somebody_pointed_elsewhere_meanwhile_is_left_alone(restored):
    with_host_in_secret(restored)
    secret, _ = restored.plan("rds.swap_in", instance=NAME)
    client = restored.world.session().client("secretsmanager")
    text = json.dumps({"username": "mlflow", "password": "p", "host": "elsewhere.example.com"})
    client.put_secret_value(SecretId=place.DATABASE_SECRET, SecretString=text)
    assert restored.begin(secret)[0].standing is Standing.DRIFTED


def test_s16_only_what_steward_restored_to_stay_may_take_its_place(restored):
    with pytest.raises(StepRefused, match="not there or not available"):
        restored.plan("rds.swap_in", instance="steward-gone")
    with pytest.raises(StepRefused, match="what was to be swapped in"):
        restored.plan("rds.swap_in")
    restored.run = "r-2"
    restored.do("rds.restore_snapshot", throw_away=True)
    with pytest.raises(StepRefused, match="thrown away"):
        restored.plan("rds.swap_in", instance=f"{MARK}-r-2-step")
    restored.world.rds.restored[NAME].tags.clear()
    with pytest.raises(StepRefused, match="S16"):
        restored.plan("rds.swap_in", instance=NAME)


def test_s20_a_public_one_or_one_with_wider_security_groups_is_refused(restored):
    made = restored.world.rds.restored[NAME]
    made.settings["VpcSecurityGroupIds"] = [place.SECURITY_GROUP, "sg-open"]
    with pytest.raises(StepRefused, match=r"S20.*security groups"):
        restored.plan("rds.swap_in", instance=NAME)
    made.settings["PubliclyAccessible"] = True
    with pytest.raises(StepRefused, match=r"S20.*public"):
        restored.plan("rds.swap_in", instance=NAME)


def test_it_is_of_high_risk_so_it_is_asked_for_when_it_gets_there():
    assert ACTIONS["rds.swap_in"].risk.value == "high"
    assert ACTIONS["rds.swap_in"].reversible


def test_where_nobody_can_log_in_from_here_whoever_approves_is_told_that_it_was_not_tried(restored):
    assert "login" not in restored.plan("rds.swap_in", instance=NAME)[0].sentence
    restored.world.databases.out_of_reach = "not reachable from here"
    (service,) = restored.plan("rds.swap_in", instance=NAME)
    assert service.sentence.endswith(
        "; its login was not tried, so that MLflow may not start on it (not reachable from here)"
    )
    with_host_in_secret(restored)
    secret, service = restored.plan("rds.swap_in", instance=NAME)
    assert "its login was not tried" in secret.sentence
    assert "its login" not in service.sentence, "once suffices"


def test_without_a_secret_in_the_stack_s_file_the_login_was_not_tried_either(restored):
    whole = restored.world.stack()
    restored.stack = whole.model_copy(update={"database": whole.database.model_copy(update={"secret": None})})
    (service,) = restored.plan("rds.swap_in", instance=NAME)
    assert "its login was not tried" in service.sentence


BY_RDS = "rds!db-0d9f6c1e-52b7-4f1a-9a0e-6a1c7d3e8b42"


@pytest.mark.parametrize("written", [BY_RDS, place.arn("secretsmanager", f"secret:{BY_RDS}-AbCdEf")])
def test_a_password_that_rds_manages_is_refused_with_the_steps_by_hand_and_the_restore_says_so_before(flight, written):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    whole = flight.world.stack()
    flight.stack = whole.model_copy(update={"database": whole.database.model_copy(update={"secret": written})})
    (restore,) = flight.plan("rds.restore_snapshot")
    assert "putting it in use is then a person's work" in restore.sentence
    (drill,) = flight.plan("rds.restore_snapshot", throw_away=True)
    assert "a person's work" not in drill.sentence
    flight.finish(restore)
    steps = (
        rf"deleted with it.*modify-db-instance --db-instance-identifier {NAME} --manage-master-user-password"
        rf".*describe-db-instances.*MasterUserSecret.*{NAME}\.c9akciq32rmk.*database\.instance: {NAME}"
    )
    with pytest.raises(StepRefused, match=steps):
        flight.plan("rds.swap_in", instance=NAME)


def test_a_secret_of_the_stack_s_own_is_swapped_as_always_although_rds_manages_the_master_s(restored):
    restored.world.rds.restored[NAME].settings["MasterUserSecret"] = {"SecretArn": f"arn:…:{BY_RDS}"}
    assert restored.plan("rds.swap_in", instance=NAME)
