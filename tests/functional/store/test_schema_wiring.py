"""What is deployed reads the table's version before anything else, once a process, and refuses one it does not know."""

import contextlib

import boto3
import pytest
from moto import mock_aws

from chalicelib.errors import DocumentError, SchemaUnknown
from chalicelib.store.dynamodb import DynamoTable, table_definition
from chalicelib.store.schema import KEY, VERSION, version_of
from chalicelib.store.table import Item
from chalicelib.wiring import build

REGION = "eu-west-2"
ENV = {
    "AWS_REGION": REGION,
    "STEWARD_STAGE": "dev",
    "STEWARD_TABLE": "mlflow-steward-dev",
    "STEWARD_ARCHIVE_BUCKET": "archive-of-tests",
    "STEWARD_EVIDENCE_BUCKET": "evidence-of-tests",
    "STEWARD_MACHINE_ARN": "arn:aws:states:eu-west-2:123456789012:stateMachine:mlflow-steward-dev",
    "STEWARD_ACCOUNT": "123456789012",
}


@pytest.fixture
def table(monkeypatch):
    for name, value in {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("dynamodb", region_name=REGION)
        client.create_table(**table_definition("mlflow-steward-dev"))
        yield DynamoTable("mlflow-steward-dev", lambda: client)


@pytest.mark.parametrize("function", ["mlflow-steward-dev-intake", "mlflow-steward-dev-sweep"])
def test_every_function_refuses_a_newer_table_by_its_number(table, function):
    table.create(Item(KEY, {"version": VERSION + 1}))
    with pytest.raises(SchemaUnknown, match=f"schema {VERSION + 1} and this version works with {VERSION}"):
        build({**ENV, "AWS_LAMBDA_FUNCTION_NAME": function})


def test_sweep_writes_the_version_into_a_new_table_and_intake_does_not(table):
    for function, written in (("intake", None), ("sweep", VERSION)):
        with contextlib.suppress(DocumentError):  # a checkout has no compiled runbooks, which are read after it
            build({**ENV, "AWS_LAMBDA_FUNCTION_NAME": f"mlflow-steward-dev-{function}"})
        item = table.get(KEY)
        assert (version_of(item) if item else None) == written
