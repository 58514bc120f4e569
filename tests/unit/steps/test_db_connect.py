"""db.connect: a real login, how far it got, and nothing of the secret."""

from dataclasses import replace

import pytest

from chalicelib.errors import AwsDenied
from chalicelib.net.database_login import DatabaseFacts, Holder, KnownDatabase, KnownDatabases
from chalicelib.net.login_problem import Problem
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.step import NoParams

HOST = ("churn-db.example.com", 5432)


@pytest.fixture
def server(world):
    world.stack["database"] = {"instance": "churn-db", "name": "mlflow", "secret": "churn/db"}
    return KnownDatabase(users={"admin": "canary-pass-9931"})


def read(world, server=None, **over):
    databases = KnownDatabases({HOST: server} if server else {}, **over)
    return Connect().read(world.ctx(databases=databases), NoParams()), databases


def test_a_login_that_works_tells_what_the_database_has(world, server):
    holders = (Holder("mlflow", "gunicorn\x1b[2J", "10.0.0.1", "idle", 80),)
    server.facts = DatabaseFacts(
        reachable=True, authenticated=True, database_exists=True, tls="TLSv1.3 verified", connections=90,
        connection_limit=97, read_only=False, alembic_version=("c48cb773bb87",), holders=holders,
    )  # fmt: skip
    output, databases = read(world, server)
    assert (output.skipped, output.problem, output.authenticated, output.read_only) == (None, None, True, False)
    assert (output.connections, output.connection_limit, output.alembic_version) == (90, 97, ("c48cb773bb87",))
    assert [(held.application, held.count) for held in output.holders] == [("gunicorn", 80)]
    (asked,) = databases.asked
    assert (asked.host, asked.name, asked.timeout_s) == ("churn-db.example.com", "mlflow", 3.0)
    assert "canary" not in f"{output!r} {asked!r}"


def test_the_endpoint_of_rds_counts_and_not_a_host_that_the_secret_still_names(world, server):
    assert read(world, server)[1].asked[0].host == "churn-db.example.com"
    world.stack["database"] = {"name": "mlflow", "secret": "churn/db"}
    assert read(world, server)[1].asked[0].host == "left-behind.example.com"


@pytest.mark.parametrize(
    ("problem", "reachable"),
    [(Problem.REFUSED, False), (Problem.TIMEOUT, False), (Problem.TLS, True), (Problem.TOO_MANY, True)],
)
def test_what_the_server_refuses_is_a_fact(world, server, problem, reachable):
    server.refuses = problem
    output, _ = read(world, server)
    assert (output.problem, output.reachable, output.authenticated, output.skipped) == (problem, reachable, None, None)


def test_a_wrong_password_and_a_missing_database_are_told_apart(world, server):
    server.databases = ("other",)
    missing, _ = read(world, server)
    assert (missing.problem, missing.authenticated, missing.database_exists) == (Problem.NO_DATABASE, True, False)
    server.users = {"admin": "rotated"}
    wrong, _ = read(world, server)
    assert (wrong.problem, wrong.authenticated) == (Problem.AUTHENTICATION, False)
    assert read(world)[0].problem is Problem.UNRESOLVABLE


def test_s3_out_of_reach_it_says_so_and_reads_no_secret(world, server):
    world.denied["secretsmanager:GetSecretValue"] = AssertionError("the secret was read")
    output = Connect().read(world.ctx(), NoParams())
    assert output.skipped == "not reachable from here"
    assert output.problem is None


def test_s3_a_secret_that_steward_may_not_read_is_skipped(world, server):
    error = AwsDenied("secretsmanager:GetSecretValue", "AccessDeniedException", "arn:of:somebody")
    world.denied["secretsmanager:GetSecretValue"] = error
    output, databases = read(world, server)
    assert output.skipped == "not reachable from here: secretsmanager:GetSecretValue answers AccessDeniedException"
    assert databases.asked == []


def test_s3_a_server_that_does_not_admit_steward_s_address_says_nothing_of_the_stack(world, server):
    server.refuses = Problem.NOT_ADMITTED
    output, _ = read(world, server)
    assert output.skipped
    assert (output.problem, output.reachable) == (Problem.NOT_ADMITTED, None)


def test_without_a_secret_it_does_not_apply(world):
    assert Connect().read(world.ctx(), NoParams()).applicable is False


@pytest.mark.parametrize(("used", "at_limit"), [(97, True), (96, True), (95, False), (12, False), (None, None)])
def test_a_login_that_took_the_last_slot_says_so(world, server, used, at_limit):
    server.facts = replace(server.facts, connections=used, connection_limit=97)
    assert read(world, server)[0].at_limit is at_limit
