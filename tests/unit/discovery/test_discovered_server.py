"""What a task definition says of an MLflow server, and what never leaves it."""

import pytest

from chalicelib.aws.ecs_shapes import ContainerDefinition, TaskDefinition
from chalicelib.steps.store_uri import host_and_database
from steward.discovery.server import server_of

SECRET = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:team/db-Ab12Cd"


def definition(*containers):
    return TaskDefinition("arn:td:1", "f", 1, None, None, containers, frozenset(), None, True)


def container(command="", *, image="python:3.11-slim", environment=None, secrets=None, name="app"):
    return ContainerDefinition(name, image, (command,), (), environment or {}, secrets or {}, {})


@pytest.mark.parametrize(
    ("given", "sure"),
    [
        (container("mlflow server --port 5000"), True),
        (container("pip install mlflow && mlflow ui"), True),
        (container("gunicorn mlflow.server:app"), True),
        (container("./start.sh", environment={"MLFLOW_BACKEND_STORE_URI": "postgresql://h/d"}), True),
        (container("./start.sh", secrets={"MLFLOW_BACKEND_STORE_URI": SECRET}), True),
        (container(image="ghcr.io/mlflow/mlflow:v3.17.2"), False),
        (container(image="123456789012.dkr.ecr.eu-west-2.amazonaws.com/team-mlflow"), False),
    ],
)
def test_an_mlflow_server_is_known_by_its_command_its_environment_or_its_image(given, sure):
    found = server_of(definition(given))
    assert found is not None
    assert found.sure is sure


@pytest.mark.parametrize(
    "given",
    [
        container("python train.py", environment={"MLFLOW_TRACKING_URI": "http://m"}),
        container("python train.py", image="team/mlflow-jobs", environment={"MLFLOW_TRACKING_URI": "http://m"}),
        container("nginx", image="nginx:1.27"),
        container("echo mlflowserver"),
    ],
)
def test_what_only_uses_mlflow_is_none(given):
    assert server_of(definition(given)) is None


def test_of_several_containers_the_one_that_is_surest_is_taken():
    sidecar = container(image="team/mlflow-exporter", name="exporter")
    found = server_of(definition(sidecar, container("mlflow server", name="mlflow")))
    assert found is not None
    assert found.container == "mlflow"


def test_options_are_read_with_their_variables_filled_in():
    command = (
        "mlflow server --backend-store-uri=mysql+pymysql://$U:$P@$HOST:3306/runs?ssl=true"
        " --artifacts-destination 's3://team-bucket/a/b/' --app-name basic-auth --expose-prometheus /tmp/m"
    )
    secrets = {"P": SECRET + ":password::", "MLFLOW_AUTH_ADMIN_PASSWORD": SECRET}
    found = server_of(definition(container(command, environment={"HOST": "Db.Example", "U": "x"}, secrets=secrets)))
    assert found is not None
    assert (found.engine, found.host, found.database) == ("mysql", "db.example", "runs")
    assert (found.bucket, found.prefix) == ("team-bucket", "a/b")
    assert found.basic_auth
    assert found.metrics
    assert found.database_secret is not None
    assert found.database_secret.what == SECRET + ":password::"


@pytest.mark.parametrize(
    "password",
    ["plain-canary", "can%40ary", "can@ary", "can/ary", "12/can-ary", "12:34/ca@nary", "ca nary", "can#ary?x"],
)
def test_no_piece_of_a_password_is_taken_for_a_host_that_rds_knows_s29(password):
    uri = f"postgresql://mlflow:{password}@db.example.com:5432/mlflow"
    host, name = host_and_database(uri)
    if host == "db.example.com":
        assert name == "mlflow"
    else:  # cut at the wrong place: it is no host of anybody's, so nothing of it is believed
        assert host is None or "." not in host


def test_a_task_without_a_database_says_so():
    found = server_of(definition(container("mlflow server")))
    assert found is not None
    assert (found.engine, found.store, found.bucket) == (None, "no database is named", None)
