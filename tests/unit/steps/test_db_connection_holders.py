"""db.connection_holders names who has the connections, as far as anybody lets it look."""

import pytest

from chalicelib.errors import AwsDenied
from chalicelib.net.database_login import DatabaseFacts, Holder, KnownDatabase, KnownDatabases
from chalicelib.net.login_problem import Problem
from chalicelib.steps.probes.db_connection_holders import ConnectionHolders
from chalicelib.steps.step import NoParams

HOST = ("churn-db.example.com", 5432)


@pytest.fixture
def server(world):
    world.stack["database"] = {"instance": "churn-db", "name": "mlflow", "secret": "churn/db"}
    return KnownDatabase(users={"admin": "canary-pass-9931"})


def read(world, server):
    return ConnectionHolders().read(world.ctx(databases=KnownDatabases({HOST: server})), NoParams())


def facts(*holders):
    return DatabaseFacts(
        reachable=True, authenticated=True, database_exists=True, tls="TLSv1.3 verified", connections=80,
        connection_limit=80, read_only=False, alembic_version=("c48cb773bb87",), holders=holders,
    )  # fmt: skip


def test_applications_and_addresses_are_told_with_the_task_behind_the_address(world, server):
    spare = world.run_by_hand("by-hand")
    mine, export = world.tasks[0], "10.9.9.9"
    server.facts = facts(
        Holder("mlflow", "", mine.address, "idle", 4),
        Holder("mlflow", "", mine.address, "active", 1),
        Holder("mlflow", "", spare.address, "idle", 20),
        Holder("etl", "feature-export\x1b[2J", export, "active", 52),
    )
    output = read(world, server)
    told = [(holder.who, holder.application, holder.address, holder.connections) for holder in output.holders]
    assert told == [
        ("not a task of this stack", "feature-export", export, 52),
        ("task by-hand, an idle duplicate of the service", "", spare.address, 20),
        ("task old of the service", "", mine.address, 5),
    ]
    assert (output.duplicates, output.foreign, output.source, output.blind) == (1, 52, "db.connect", ())
    assert output.named.startswith("80 of 80 connections are in use: feature-export at 10.9.9.9 holds 52, task by-hand")


def test_where_all_slots_are_taken_it_is_told_from_rds_and_ecs(world, server):
    server.refuses = Problem.TOO_MANY
    world.run_by_hand("by-hand")
    world.series = {"connections": [70.0, 80.0]}
    output = read(world, server)
    assert (output.source, output.connections, output.connection_limit) == ("RDS and ECS", 80, None)
    assert (output.duplicates, output.foreign) == (1, 0)
    assert [holder.connections for holder in output.holders] == [None, None, None]
    assert output.named.startswith("80 connections are in use: task old of the service at 10.0.0.10, task new")


def test_s3_what_could_not_be_asked_is_said_and_names_nobody(world):
    world.stack["database"] = {"instance": "churn-db", "name": "mlflow", "secret": "churn/db"}
    world.denied["rds:DescribeDBInstances"] = AwsDenied("rds:DescribeDBInstances", "AccessDenied", "arn:of:somebody")
    output = ConnectionHolders().read(world.ctx(), NoParams())
    assert output.connections is None
    assert output.blind == (
        "db.connect: not reachable from here",
        "rds.describe_instance: not reachable from here: rds:DescribeDBInstances answers AccessDenied",
    )
    assert output.named.startswith("how many connections are in use is unknown: task old")


def test_a_job_beside_the_service_holds_connections_and_is_not_counted_as_a_duplicate(world, server):
    job = world.run_by_hand("upgrade", has_own_command=True)
    server.facts = facts(Holder("mlflow", "", job.address, "active", 30))
    output = read(world, server)
    assert output.duplicates == 0
    assert [holder.who for holder in output.holders] == ["task upgrade outside the service, left alone"]
    assert output.left_alone == (
        "task upgrade beside the service: it was started with a command of its own: a job, not a server",
    )


def test_many_holders_are_counted_in_the_sentence_and_all_in_the_list(world, server):
    server.facts = facts(*(Holder("u", f"job-{n}", f"10.9.9.{n}", "idle", 9) for n in range(7)))
    output = read(world, server)
    assert len(output.holders) == 7
    assert output.named.endswith("job-4 at 10.9.9.4 holds 9, 2 more")
