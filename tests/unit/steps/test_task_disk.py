"""S1: what a task keeps on its own disk is found, also inside encoded configs, and nothing else is."""

import base64
import gzip
from urllib.parse import quote

import pytest

from chalicelib.aws.ecs_shapes import ContainerDefinition, TaskDefinition
from chalicelib.steps.task_disk import own_disk, what_is_lost

INI = "[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:////tmp/mlflow-auth.db\nadmin_username = admin\n"
GOOD = "--backend-store-uri postgresql://u:p@h:5432/mlflow --artifacts-destination s3://bucket/prefix"


def definition(command="", *, environment=None, secrets=None, mounts=None, shared=()):
    container = ContainerDefinition(
        name="mlflow",
        image="python:3.11-slim",
        command=("/bin/sh", "-c", command),
        entry_point=(),
        environment=environment or {},
        secrets=secrets or {},
        mounts=mounts or {},
    )
    return TaskDefinition("arn", "f", 1, None, None, (container,), frozenset(shared), None, True)


def found(*args, **kwargs):
    return [str(store) for store in own_disk(definition(*args, **kwargs))]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_server_whose_stores_are_elsewhere_loses_nothing():
    assert found(f"mlflow server {GOOD}") == []
    assert what_is_lost(definition(f"mlflow server {GOOD}")) is None


def test_a_store_whose_address_comes_from_a_secret_is_not_taken_for_local():
    assert found("mlflow server --backend-store-uri $URI --artifacts-destination s3://b", secrets={"URI": "arn"}) == []
    known = {"MLFLOW_BACKEND_STORE_URI": "arn", "MLFLOW_ARTIFACTS_DESTINATION": "arn"}
    assert found("mlflow server", secrets=known) == []


@pytest.mark.parametrize(
    "text",
    [
        f"cat > /tmp/a.ini <<EOF\n{INI}EOF\nmlflow server {GOOD}",
        f"echo {encoded(INI)} | base64 -d > /tmp/a.ini && mlflow server {GOOD}",
        f"echo {encoded(encoded(INI))} | base64 -d | base64 -d > /tmp/a.ini && mlflow server {GOOD}",
        f"echo {base64.urlsafe_b64encode(INI.encode()).decode()} > x && mlflow server {GOOD}",
        f"echo {base64.b64encode(gzip.compress(INI.encode())).decode()} | base64 -d | gunzip; mlflow server {GOOD}",
        f"echo {quote(INI, safe='')} && mlflow server {GOOD}",
        f"base64 -d <<EOF\n{base64.encodebytes(INI.encode()).decode()}EOF\nmlflow server {GOOD}",
    ],
    ids=["plain", "base64", "twice", "url-safe", "gzip", "url-encoded", "wrapped"],
)
def test_users_in_a_file_of_the_task_are_found_however_the_config_is_written(text):
    assert found(text) == ["users in sqlite:////tmp/mlflow-auth.db"]


def test_an_encoded_config_in_a_variable_is_found():
    stores = found(f"mlflow server {GOOD}", environment={"AUTH_CONFIG_B64": encoded(INI)})
    assert stores == ["users in sqlite:////tmp/mlflow-auth.db"]


@pytest.mark.parametrize(
    ("command", "environment", "store"),
    [
        ("mlflow server --backend-store-uri sqlite:///mlflow.db --artifacts-destination s3://b", {},
         "experiments in sqlite:///mlflow.db"),
        ("mlflow server --backend-store-uri=/data/mlruns --artifacts-destination s3://b", {},
         "experiments in /data/mlruns"),
        ("mlflow server --artifacts-destination s3://b", {"MLFLOW_BACKEND_STORE_URI": "sqlite+pysqlite:////var/m.db"},
         "experiments in sqlite:////var/m.db"),
        ("mlflow server --backend-store-uri ${DB} --artifacts-destination s3://b", {"DB": "sqlite:////srv/m.db"},
         "experiments in sqlite:////srv/m.db"),
        ("mlflow server --backend-store-uri postgresql://h/d --artifacts-destination ./artifacts", {},
         "artifacts in ./artifacts"),
        ("mlflow server --backend-store-uri postgresql://h/d", {"MLFLOW_ARTIFACTS_DESTINATION": "file:///art"},
         "artifacts in file:///art"),
        ("mlflow server --artifacts-destination s3://b", {}, "experiments in the server's default store"),
        ("mlflow server --backend-store-uri postgresql://h/d", {}, "artifacts in the server's default ./mlartifacts"),
        (f"mlflow server {GOOD} --app-name basic-auth", {}, "users in sqlite:///basic_auth.db, the default"),
    ],
)  # fmt: skip
def test_every_store_on_the_task_s_disk_is_named(command, environment, store):
    assert found(command, environment=environment) == [store]


def test_a_file_on_a_shared_volume_outlives_the_task():
    command = (
        "mlflow server --backend-store-uri sqlite:////mnt/efs/mlflow.db --artifacts-destination /mnt/efs/artifacts"
    )
    assert found(command, mounts={"/mnt/efs": "shared"}, shared=("shared",)) == []
    assert len(found(command, mounts={"/mnt/efs": "scratch"})) == 2


def test_s29_no_value_of_the_environment_comes_out():
    lost = what_is_lost(
        definition(f"mlflow server {GOOD}", environment={"X": f"password=canary-7731 {encoded(INI)} canary-7731"})
    )
    assert lost == "users in sqlite:////tmp/mlflow-auth.db on this task"


def test_a_flag_without_a_value_does_not_hide_the_option_after_it():
    command = "mlflow server --serve-artifacts --artifacts-destination /data/art --backend-store-uri postgresql://h/m"
    assert found(command) == ["artifacts in /data/art"]
    assert found("mlflow server --serve-artifacts " + GOOD) == []
