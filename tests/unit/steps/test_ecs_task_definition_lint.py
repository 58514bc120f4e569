"""ecs.task_definition_lint: mistakes by name; no value in any form but a keyed fingerprint (S29)."""

import time
from types import SimpleNamespace

import pytest

from chalicelib.errors import AwsDenied, AwsNotFound
from chalicelib.steps.probes.ecs_task_definition_lint import LintParams, TaskDefinitionLint

KEY = b"of this installation"
URI = "MLFLOW_BACKEND_STORE_URI"


@pytest.fixture(autouse=True)
def regions(world):
    regions = {"b": "eu-west-2"}

    def region_of(bucket):
        if bucket not in regions:
            raise AwsNotFound("s3:ListBucket", "404", "no")
        if regions[bucket] is None:
            raise AwsDenied("s3:ListBucket", "AccessDenied", "no")
        return regions[bucket]

    world.others["s3"] = SimpleNamespace(region_of=region_of)
    return regions


def read(world, **definition):
    if definition:
        world.define(7, **definition)
    return TaskDefinitionLint().read(world.ctx(fingerprint_key=KEY), LintParams())


def found(world, **definition):
    return {(finding.rule, finding.where) for finding in read(world, **definition).findings}


def serve(install="mlflow==3.17.2 psycopg2-binary"):
    return f"pip install {install} && mlflow server --backend-store-uri $URI --artifacts-destination s3://b/p"


def test_a_definition_without_mistakes_has_no_findings(world):
    output = read(world)
    assert (output.name, output.findings, output.unchecked) == ("churn:7", (), ())


def test_addresses_with_mistakes_are_found_in_variables_and_in_the_command(world):
    uri = "postgresql+psycopg2://mlflow:canary@4410@db.example.com:5432:5432/mlflow"
    rules = found(world, environment={URI: uri}, command=serve())
    assert {("doubled_port", URI), ("unescaped_password", URI), ("plain_text_secret", URI)} == rules
    command = "mlflow server --artifacts-destination s3://b --backend-store-uri postgresql://u:p@db:5432:5432/m"
    assert ("doubled_port", "command") in found(world, command=command)
    by_rule = {finding.rule: finding.correction for finding in read(world, environment={URI: uri}).findings}
    assert by_rule["doubled_port"] == "single_port"


@pytest.mark.parametrize(
    ("uri", "install", "rule"),
    [
        ("postgresql+psycopg2://u:$P@d/m", "mlflow", "missing_driver"),
        ("mysql+pymysql://u:$P@d/m", "mlflow==3.17.2 mysqlclient", "missing_driver"),
        ("postgresql://u:$P@d/m", "mlflow psycopg2-binary", "ambiguous_driver"),
        ("postgresql://u:$P@d/m", "mlflow psycopg2-binary 'sqlalchemy<2.1'", None),
        ("postgresql://u:$P@d/m", "mlflow psycopg[binary]", None),
        ("mysql+pymysql://u:$P@d/m", "mlflow PyMySQL>=1.1", None),
        ("mysql+pymysql://u:$P@d/m", "'mlflow[extras,db]'", None),
        ("mysql+pymysql://u:$P@d/m", "-r requirements.txt", None),
    ],
)
def test_a_driver_that_the_start_command_does_not_install_is_found(world, uri, install, rule):
    rules = {rule for rule, _ in found(world, environment={URI: uri}, command=serve(install))}
    assert rules == ({rule} if rule else set())


def test_what_an_image_holds_is_not_guessed(world):
    command = "mlflow server --artifacts-destination s3://b"
    assert found(world, environment={URI: "mysql+pymysql://u:$P@d/m"}, command=command) == set()


def test_buckets_elsewhere_and_missing_are_told_apart_and_what_cannot_be_read_is_said(world, regions):
    regions.update({"far": "us-east-1", "hidden": None})
    environment = {"A": "s3://far/x", "B": "s3://gone/x", "C": "s3://hidden/x"}
    output = read(world, environment=environment)
    assert {(f.rule, f.where) for f in output.findings} == {("bucket_elsewhere", "A"), ("bucket_missing", "B")}
    assert output.unchecked == ("hidden",)


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("MLFLOW_FLASK_SERVER_SECRET_KEY", "canary-6612", True),
        ("AWS_SECRET_ACCESS_KEY", "canary-6612", True),
        ("HARMLESS", "AKIAABCDEFGHIJKLMNOP", True),
        ("DB_SECRET_NAME", "arn:aws:secretsmanager:x", False),
        ("TOKEN_EXPIRY", "3600", False),
        ("PASSWORD_FILE", "/run/secrets/p", False),
        ("MLFLOW_WORKERS", "4", False),
    ],
)
def test_s29_secrets_in_plain_text_are_found_by_name_or_shape_and_never_shown(world, name, value, is_secret):
    output = read(world, environment={name: value})
    assert {f.where for f in output.findings} == ({name} if is_secret else set())
    assert "canary" not in output.model_dump_json()


def test_s29_a_fingerprint_follows_the_value_and_the_key_and_is_missing_without_one(world):
    def of(value, key):
        world.define(7, environment={"PASSWORD": value})
        (finding,) = TaskDefinitionLint().read(world.ctx(fingerprint_key=key), LintParams()).findings
        return finding.fingerprint

    assert of("one", KEY) == of("one", KEY) != of("two", KEY)
    assert of("one", b"other") != of("one", KEY)
    assert of("one", b"") is None


@pytest.mark.parametrize(
    ("image", "from_hub"),
    [
        ("python:3.11-slim", True),
        ("bitnami/mlflow:3", True),
        ("docker.io/library/python:3.11", True),
        ("public.ecr.aws/docker/library/python:3.11-slim", False),
        ("123456789012.dkr.ecr.eu-west-2.amazonaws.com/docker-hub/library/python:3.11", False),
        ("ghcr.io/mlflow/mlflow:v3.17.2", False),
        ("localhost:5000/x", False),
    ],
)
def test_images_of_docker_hub_are_found(world, image, from_hub):
    assert found(world, image=image) == ({("docker_hub_image", "image")} if from_hub else set())


def test_state_on_the_task_s_own_disk_is_found(world):
    rules = found(world, environment={"X": "database_uri = sqlite:////tmp/auth.db"})
    assert rules == {("state_on_task_disk", "users")}


def test_s3_a_definition_that_cannot_be_read_is_skipped(world):
    world.denied["ecs:DescribeServices"] = AwsDenied("ecs:DescribeServices", "AccessDenied", "no")
    assert "ecs:DescribeServices" in (read(world).skipped or "")


@pytest.mark.parametrize("piece", ["a.", "a://", "a://b:c", "mlflow", "mlflow[", "postgresql://u:", ":5432", "s3://"])
def test_a_start_command_made_to_slow_it_down_takes_no_longer(world, piece):
    command = "pip install " + piece * (64 * 1024 // len(piece))
    began = time.perf_counter()
    read(world, command=command, environment={URI: "postgresql://" + piece * 8000})
    assert time.perf_counter() - began < 2
