"""A table of the first version, as DynamoDB has it, is migrated: wherever that is cut off, it ends the same."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from chalicelib.models.decision import Decision
from chalicelib.store.decisions import Decisions
from chalicelib.store.dynamodb import DynamoTable, table_definition
from chalicelib.store.schema import KEY, VERSION, fit_schema, version_of
from chalicelib.store.table import Key

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
COUNT = 7


class CutOffError(BaseException):
    """Not an Exception: the process is gone."""


class DyingTable:
    """Dies at its n-th write."""

    def __init__(self, table, writes_left):
        self._table, self._left = table, writes_left

    def replace(self, item):
        if self._left == 0:
            raise CutOffError
        self._left -= 1
        return self._table.replace(item)

    def __getattr__(self, name):
        return getattr(self._table, name)


@pytest.fixture
def client():
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-2", aws_access_key_id="AK", aws_secret_access_key="SK")
        client.create_table(**table_definition("steward"))
        yield client


@pytest.fixture
def old(client):
    """Decisions as the first version wrote them: in the list of their stack and in no other."""
    table = DynamoTable("steward", lambda: client)
    decisions = Decisions(table)
    for number in range(COUNT):
        claim = decisions.receive(f"event-{number}", NOW + timedelta(seconds=number))
        decisions.decide(Decision.model_validate({**claim.decision.model_dump(), "state": "decided"}))
        key = {"pk": {"S": f"EVENT#event-{number}"}, "sk": {"S": "DECISION"}}
        client.update_item(TableName="steward", Key=key, UpdateExpression="REMOVE every_pk")
    assert decisions.recent().rows == ()
    return table


def ids(table):
    return [decision.event_id for decision in Decisions(table).recent().rows]


def test_what_was_in_no_list_over_all_stacks_is_in_it_afterwards(old):
    before = [old.get(Key(f"EVENT#event-{number}", "DECISION")) for number in range(COUNT)]
    fit_schema(old, ["a"], migrates=True)
    assert ids(old) == [f"event-{number}" for number in reversed(range(COUNT))]
    after = [old.get(Key(f"EVENT#event-{number}", "DECISION")) for number in range(COUNT)]
    assert [(item.body, item.listed, item.due, item.expires) for item in after] == [
        (item.body, item.listed, item.due, item.expires) for item in before
    ]
    assert version_of(old.get(KEY)) == VERSION


@pytest.mark.parametrize("writes", range(COUNT + 6))
def test_a_worker_that_dies_in_the_middle_leaves_a_table_that_the_next_one_finishes(old, writes):
    try:
        fit_schema(DyingTable(old, writes), ["a"], migrates=True)
    except CutOffError:
        assert version_of(old.get(KEY)) < VERSION
        fit_schema(old, ["a"], migrates=False)
        fit_schema(old, ["a"], migrates=True)
    assert ids(old) == [f"event-{number}" for number in reversed(range(COUNT))]
    assert version_of(old.get(KEY)) == VERSION


def test_what_others_write_meanwhile_is_theirs(old):
    key = Key("EVENT#event-3", "DECISION")

    class Busy(DyingTable):
        def replace(self, item):
            if item.key == key and self._left:
                self._left = 0
                fresh = old.get(key)
                old.replace(type(fresh)(**{**fresh.__dict__, "body": {**fresh.body, "attempt": 2}}))
            return self._table.replace(item)

    fit_schema(Busy(old, 1), ["a"], migrates=True)
    item = old.get(key)
    assert item.body["attempt"] == 2
    assert "event-3" in ids(old)


def test_a_new_table_needs_one_read(client):
    asked = []
    client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
    fit_schema(DynamoTable("steward", lambda: client), ["a", "b"], migrates=False)
    assert asked == ["GetItem"]
