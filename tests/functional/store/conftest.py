from collections.abc import Iterator

import pytest
from moto import mock_aws

from chalicelib.store.dynamodb import DynamoTable
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Table
from tests.functional.store.tables import on_moto


@pytest.fixture(params=["memory", "dynamodb"])
def table(request) -> Iterator[Table]:
    if request.param == "memory":
        yield MemoryTable()
        return
    with mock_aws():
        yield on_moto()


@pytest.fixture
def dynamo() -> Iterator[DynamoTable]:
    with mock_aws():
        yield on_moto()
