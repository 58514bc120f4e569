"""Every fault of the database shows what its sentence promises, in AWS, over HTTP, in logs and to a login."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from chalicelib.net.login_problem import Problem
from steward.sandbox import place
from steward.sandbox.database import LOGIN_LIMIT, SCHEMA
from steward.sandbox.world import World
from tests.functional.sandbox.database_looks import (
    NAMES,
    SEARCH,
    ask,
    error_alarm,
    instance,
    lines,
    look,
    metric,
    rds_events,
    stopped,
    trail,
)


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def test_a_well_database_lets_the_secret_in_and_says_how_it_stands(world):
    world.advance(120)
    facts = look(world)
    assert (facts.problem, facts.alembic_version, facts.connections) == (None, (SCHEMA,), 12)
    assert (facts.connection_limit, facts.read_only) == (LOGIN_LIMIT, False)
    assert {each.count for each in facts.holders} == {5}
    assert metric(world, "DatabaseConnections")[-1] == 12
    assert metric(world, "FreeStorageSpace")[-1] > 10 * 1024**3
    assert rds_events(world) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"host": "db.example.com"}, Problem.UNRESOLVABLE),
        ({"port": 3306}, Problem.REFUSED),
        ({"password": "wrong"}, Problem.AUTHENTICATION),
        ({"username": "nobody"}, Problem.AUTHENTICATION),
        ({"name": "other"}, Problem.NO_DATABASE),
    ],
)
def test_a_login_with_something_wrong_is_refused_as_postgresql_would(world, changes, problem):
    assert look(world, **changes).problem is problem


def test_database_down_stops_the_api_but_not_health_and_starting_it_again_heals(world):
    world.break_with("database-down")
    world.advance(180)
    assert instance(world)["DBInstanceStatus"] == "stopped"
    assert rds_events(world) == ["DB instance stopped"]
    assert trail(world) == ["StopDBInstance"]
    assert ask(world, "/health", headers={}).status == 200
    answer = ask(world, SEARCH)
    assert (answer.status, json.loads(answer.body)["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert "Connection refused" in json.loads(answer.body)["message"]
    assert error_alarm(world) == "ALARM"
    assert look(world).problem is Problem.REFUSED
    assert metric(world, "DatabaseConnections")[-1] == 12, "there is no datapoint while it is stopped"
    assert lines(world, '"Connection refused"'), "users' requests leave lines, whoever asks"
    world.session().client("rds").start_db_instance(DBInstanceIdentifier=place.DATABASE)
    assert instance(world)["DBInstanceStatus"] == "starting"
    world.advance(420)
    assert ask(world, SEARCH).status == 200
    assert error_alarm(world) == "OK"


def test_database_down_lets_a_new_task_retry_nine_times_for_two_minutes_and_then_end_with_1(world):
    world.break_with("database-down")
    world.session().client("ecs").update_service(**NAMES, forceNewDeployment=True)
    world.advance(85)
    assert not stopped(world), "it waits for its database"
    world.advance(125)
    ended = stopped(world)
    assert {task["containers"][0]["exitCode"] for task in ended} == {1}
    assert {task["stoppedReason"] for task in ended} == {"Essential container in task exited"}
    for task in ended[:1]:
        stream = f"mlflow/{place.CONTAINER}/{task['taskArn'].rsplit('/', 1)[-1]}"
        asked = {"logGroupName": place.LOG_GROUP, "logStreamNames": [stream]}
        told = world.session().client("logs").filter_log_events(**asked)["events"]
        waits = [each["message"].split()[-2] for each in told if "will be retried" in each["message"]]
        assert waits == ["0.1", "0.3", "0.7", "1.5", "3.1", "6.3", "12.7", "25.5", "51.1"]
        assert any("ERROR mlflow.cli: Error initializing backend store" in each["message"] for each in told)
        took = told[-1]["timestamp"] - next(e["timestamp"] for e in told if "Registry store" in e["message"])
        assert 100_000 <= took <= 110_000


def test_a_database_that_comes_back_in_time_lets_the_waiting_task_serve(world):
    world.break_with("database-failing-over", for_s=120)
    world.session().client("ecs").update_service(**NAMES, forceNewDeployment=True)
    world.advance(300)
    assert {task["stopCode"] for task in stopped(world)} == {"ServiceSchedulerInitiated"}, "only the old ones ended"
    assert world.service.primary.rollout == "COMPLETED"
    assert lines(world, '"Operation will be retried"')


def test_password_rotated_refuses_tasks_and_the_secret_alike_and_a_restart_does_not_help(world):
    world.break_with("password-rotated")
    world.advance(180)
    answer = ask(world, SEARCH)
    assert answer.status == 503
    assert 'password authentication failed for user "mlflow"' in json.loads(answer.body)["message"]
    assert look(world).problem is Problem.AUTHENTICATION
    assert (rds_events(world), trail(world)) == (["Reset master credentials"], ["ModifyDBInstance"])
    assert lines(world, '"password authentication failed"')
    world.session().client("ecs").update_service(**NAMES, forceNewDeployment=True)
    world.advance(420)
    assert world.service.primary.rollout != "COMPLETED"


def test_password_rotated_in_the_secret_too_is_healed_by_new_tasks(world):
    world.break_with("password-rotated", in_secret=True)
    assert ask(world, SEARCH).status == 503
    assert look(world).problem is None, "the secret has the new one"
    described = world.session().client("secretsmanager").describe_secret(SecretId=place.DATABASE_SECRET)
    assert described["LastRotatedDate"] == world.clock.now()
    world.session().client("ecs").update_service(**NAMES, forceNewDeployment=True)
    world.advance(420)
    assert ask(world, SEARCH).status == 200


def test_database_disk_full_shows_in_status_metric_events_and_words_and_storage_heals_it(world):
    world.break_with("database-disk-full")
    world.advance(180)
    assert instance(world)["DBInstanceStatus"] == "storage-full"
    assert metric(world, "FreeStorageSpace")[-1] == 0
    low, full = rds_events(world)
    assert "Free Storage: 0.00 MB" in low
    assert full == "Allocated storage has been exhausted. Allocate additional storage to resolve."
    assert rds_events(world, EventCategories=["failover"]) == []
    assert "No space left on device" in json.loads(ask(world, SEARCH).body)["message"]
    assert lines(world, '"No space left on device"')
    assert look(world).problem is None, "logging in still works"
    world.session().client("rds").modify_db_instance(
        DBInstanceIdentifier=place.DATABASE, AllocatedStorage=30, ApplyImmediately=True
    )
    world.advance(150)
    assert ask(world, SEARCH).status == 200
    assert instance(world)["AllocatedStorage"] == 30


def test_schema_too_new_keeps_what_runs_and_refuses_every_start(world):
    world.break_with("schema-too-new")
    world.advance(420)
    assert ask(world, SEARCH).status == 200
    refused = [task for task in stopped(world) if task["stopCode"] == "EssentialContainerExited"]
    assert len(refused) >= 2
    assert {task["containers"][0]["exitCode"] for task in refused} == {1}
    (found,) = look(world).alembic_version
    assert lines(world, f'"found version {found}, but expected {SCHEMA}"')
    assert trail(world) == ["RunTask"]


def test_schema_too_new_without_its_tables_is_said_in_alembics_words(world):
    world.break_with("schema-too-new", lacks_tables=True)
    world.advance(180)
    assert lines(world, '"ERROR mlflow.cli" "locate revision identified by"')


def test_starting_a_database_that_runs_is_refused(world):
    with pytest.raises(ClientError, match="not stopped"):
        world.session().client("rds").start_db_instance(DBInstanceIdentifier=place.DATABASE)


def test_rds_events_are_looked_up_by_time_source_and_category(world):
    world.break_with("database-disk-full")
    world.advance(7200)
    rds = world.session().client("rds")
    assert rds_events(world) == [], "an hour back is the default"
    assert len(rds_events(world, Duration=180)) == 2
    assert rds_events(world, Duration=180, EventCategories=["low storage"]) == rds_events(world, Duration=180)
    assert rds.describe_events(SourceIdentifier="other", SourceType="db-instance", Duration=180)["Events"] == []


def test_the_trail_is_looked_up_by_resource_name_and_time(world):
    world.break_with("database-down")
    world.advance(600)
    world.break_with("bucket-missing")
    by_name = [{"AttributeKey": "ResourceName", "AttributeValue": place.BUCKET}]
    assert trail(world) == ["DeleteBucket", "StopDBInstance"]
    assert trail(world, LookupAttributes=by_name) == ["DeleteBucket"]
    assert trail(world, StartTime=world.clock.now() - timedelta(minutes=5)) == ["DeleteBucket"]
    assert trail(world, LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "Nothing"}]) == []
