"""secrets.try_versions: which version the database accepts; never a value (S29), never a guess (S3)."""

from types import SimpleNamespace

import pytest

from chalicelib.aws.secrets import DatabaseSecret, Login
from chalicelib.errors import AwsDenied, AwsNotFound
from chalicelib.models.check import Answer
from chalicelib.net.database_login import KnownDatabase, KnownDatabases
from chalicelib.net.login_problem import Problem
from chalicelib.steps.login_judgements import login_works, secrets_are_read
from chalicelib.steps.probes.secrets_describe import SecretsOutput, SecretState
from chalicelib.steps.probes.secrets_try_versions import TryVersions
from chalicelib.steps.step import NoParams

HOST = ("churn-db.example.com", 5432)
PASSWORDS = {"v1": "canary-old-1", "v2": "canary-now-2", "v3": "canary-next-3"}


@pytest.fixture
def server(world):
    world.stack["database"] = {"instance": "churn-db", "name": "mlflow", "secret": "churn/db"}
    return KnownDatabase(users={"mlflow": PASSWORDS["v2"]})


def read(world, server=None, stages=None, **over):
    databases = KnownDatabases({HOST: server} if server else {}, **over)
    ctx = world.ctx(databases=databases)
    known = stages or {"AWSCURRENT": "v2", "AWSPREVIOUS": "v1", "AWSPENDING": "v3"}
    ctx.aws.secrets = SimpleNamespace(versions=lambda _name: known, database=database)
    return TryVersions().read(ctx, NoParams()), databases


def database(name, version):
    if version not in PASSWORDS:
        raise AwsNotFound("secretsmanager:GetSecretValue", "ResourceNotFoundException", name)
    return DatabaseSecret(Login("mlflow", PASSWORDS[version]), None, None)


def test_when_the_current_one_works_no_other_is_tried(world, server):
    output, databases = read(world, server)
    assert (output.accepted, output.works, output.vetoes) == (True, ("AWSCURRENT",), ())
    assert len(databases.asked) == 1
    assert login_works(output) == (Answer.TRUE, "the database accepts AWSCURRENT of churn/db")


@pytest.mark.parametrize(("accepts", "said"), [("v1", "AWSPREVIOUS works"), ("v3", "AWSPENDING works")])
def test_when_it_is_refused_the_version_that_works_is_named_and_a_restart_is_vetoed(world, server, accepts, said):
    server.users = {"mlflow": PASSWORDS[accepts]}
    output, _ = read(world, server)
    assert output.accepted is False
    assert output.outcome == f"the database refuses AWSCURRENT of churn/db; {said}"
    assert {veto.cause for veto in output.vetoes} == {"db.auth_failed"}
    assert [veto.step for veto in output.vetoes] == ["ecs.restart_tasks", "ecs.force_deployment"]
    assert login_works(output)[0] is Answer.FALSE


def test_when_none_works_it_says_that(world, server):
    server.users = {"mlflow": "somebody-s-own"}
    output, _ = read(world, server)
    assert "none of its other versions works either" in output.outcome
    assert [each.accepted for each in output.versions] == [False, False, False]


def test_a_version_without_a_value_is_no_login_and_two_stages_of_one_version_are_one_login(world, server):
    server.users = {"mlflow": PASSWORDS["v1"]}
    output, databases = read(world, server, {"AWSCURRENT": "v2", "AWSPENDING": "v2", "AWSPREVIOUS": "v1"})
    assert (len(databases.asked), output.works) == (2, ("AWSPREVIOUS",))
    gone, _ = read(world, server, {"AWSCURRENT": "none", "AWSPREVIOUS": "v1"})
    assert (gone.accepted, gone.works) == (False, ("AWSPREVIOUS",))


def test_s29_no_value_is_in_what_it_says(world, server):
    server.users = {"mlflow": PASSWORDS["v1"]}
    assert "canary" not in read(world, server)[0].model_dump_json()


def test_s3_a_server_that_does_not_answer_says_nothing_of_the_password(world, server):
    for problem in (Problem.REFUSED, Problem.TOO_MANY, Problem.NOT_ADMITTED):
        server.refuses = problem
        output, databases = read(world, server)
        assert (output.accepted, output.vetoes, len(databases.asked)) == (None, (), 1)
        assert login_works(output)[0] is Answer.UNKNOWN


def test_s3_what_cannot_be_looked_at_is_skipped_and_vetoes_nothing(world, server):
    output, _ = read(world, server, out_of_reach="not reachable from here")
    assert (output.skipped, output.accepted, output.vetoes) == ("not reachable from here", None, ())
    world.denied["secretsmanager:DescribeSecret"] = AwsDenied("secretsmanager:DescribeSecret", "AccessDenied", "no")
    ctx = world.ctx(databases=KnownDatabases({HOST: server}))
    ctx.aws.secrets = SimpleNamespace(versions=lambda _name: world.refuse("secretsmanager:DescribeSecret"))
    denied = TryVersions().read(ctx, NoParams())
    assert denied.skipped == "not reachable from here: secretsmanager:DescribeSecret answers AccessDenied"
    assert read(world, server, {"AWSPREVIOUS": "v1"})[0].skipped == (
        "not reachable from here: secret churn/db has no AWSCURRENT"
    )


def test_without_a_secret_it_does_not_apply(world):
    output, _ = read(world)
    assert login_works(output)[0] is Answer.NOT_APPLICABLE


def of_tasks(newer):
    return SecretState(name="churn/db", used_for=("task",), exists=True, changed_after_start=newer)


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        (SecretsOutput(changed_after_start=("churn/db",), secrets=(of_tasks(True),)), Answer.FALSE),
        (SecretsOutput(secrets=(of_tasks(False),)), Answer.TRUE),
        (SecretsOutput(secrets=(of_tasks(None),)), Answer.UNKNOWN),
        (SecretsOutput(skipped="not reachable from here"), Answer.UNKNOWN),
        (SecretsOutput(), Answer.NOT_APPLICABLE),
    ],
)
def test_that_every_task_has_read_its_secrets_is_true_only_when_it_is_known(output, answer):
    assert secrets_are_read(output)[0] is answer
