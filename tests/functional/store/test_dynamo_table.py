"""What holds for DynamoDB alone: the plain aws command that stops, and the calls that are really sent."""

import json
import shlex

import boto3
import pytest

from chalicelib.errors import StaleWrite, StoreUnavailable
from chalicelib.models.ledger import Stop
from chalicelib.store.dynamodb import DynamoTable
from chalicelib.store.ledgers import Ledgers, stop_command
from chalicelib.store.table import Item, Key
from tests.aws_sessions import aws_session
from tests.functional.store.tables import KEY, NOW, item


class TestByHand:
    """S8: what a person types when Steward's API is down."""

    def run_command(self, command: str) -> None:
        words = shlex.split(command)
        assert words[:3] == ["aws", "dynamodb", "update-item"]
        flags = dict(zip(words[3::2], words[4::2], strict=True))
        boto3.client(
            "dynamodb", region_name="eu-west-2", aws_access_key_id="none", aws_secret_access_key="none"
        ).update_item(
            TableName=flags["--table-name"],
            Key=json.loads(flags["--key"]),
            UpdateExpression=flags["--update-expression"],
            ExpressionAttributeValues=json.loads(flags["--expression-attribute-values"]),
        )

    def test_the_plain_aws_command_stops_everything_s8(self, dynamo):
        self.run_command(stop_command("steward", reason="it's eating tasks"))
        assert dynamo.get(Key("FLEET", "LEDGER")) == Item(
            Key("FLEET", "LEDGER"), {}, version=1, stopped="it's eating tasks"
        )
        assert Ledgers(dynamo).read_fleet().stop == Stop(by="aws command", reason="it's eating tasks")

    def test_the_plain_aws_command_makes_an_admission_under_way_lose_s8(self, dynamo):
        ledgers = Ledgers(dynamo)
        read = ledgers.write(ledgers.read("blue"))
        self.run_command(stop_command("steward", "blue"))
        with pytest.raises(StaleWrite):
            ledgers.write(read)

    @pytest.mark.parametrize("value", [{"S": ""}, {"BOOL": True}, {"NULL": True}, {"N": "1"}])
    def test_a_stop_of_any_type_stops_s8(self, dynamo, value):
        client = boto3.client(
            "dynamodb", region_name="eu-west-2", aws_access_key_id="none", aws_secret_access_key="none"
        )
        client.put_item(TableName="steward", Item={"pk": {"S": "FLEET"}, "sk": {"S": "LEDGER"}, "stopped": value})
        fleet = Ledgers(dynamo).read_fleet()
        assert fleet.stop is not None
        # Made without a version it is still possible to go on from there.
        assert Ledgers(dynamo).write_fleet(fleet).version == 1
        assert Ledgers(dynamo).read_fleet().stop is not None


class TestDynamoOnly:
    def test_what_dynamodb_refuses_is_a_store_that_did_not_answer(self, dynamo):
        missing = DynamoTable("no-such-table", lambda: dynamo._client)
        with pytest.raises(StoreUnavailable, match="ResourceNotFoundException") as caught:
            missing.get(KEY)
        assert caught.value.__cause__ is not None
        with pytest.raises(StoreUnavailable):
            missing.create(item())

    def test_a_network_that_fails_is_a_store_that_did_not_answer(self):
        def no_client():
            session = aws_session()
            return session.client("dynamodb", endpoint_url="http://127.0.0.1:9", config=quick())

        with pytest.raises(StoreUnavailable, match="while reading STACK#blue/LEDGER"):
            DynamoTable("steward", no_client).get(KEY)

    def test_a_create_is_one_call_also_when_it_finds_an_old_one(self, dynamo):
        calls = []
        dynamo._client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
        dynamo.create(item(n=1))
        dynamo.create(item(n=2))
        assert calls == ["PutItem", "PutItem"]

    def test_no_write_but_the_stop_names_the_stopped_attribute_s24(self, dynamo):
        sent = []
        dynamo._client.meta.events.register("before-call.dynamodb", lambda params, **_: sent.append(params["body"]))
        stored = dynamo.replace(Item(KEY, {}, listed=("a", "b"), due=("c", NOW), expires=NOW))
        dynamo.replace(Item(KEY, {}, version=stored.version))
        dynamo.create(item())
        assert len(sent) == 3
        assert not any(b"stopped" in bytes(body) for body in sent)

    def test_reads_that_decide_are_strongly_consistent_s8(self, dynamo):
        sent = []
        dynamo._client.meta.events.register("before-call.dynamodb", lambda params, **_: sent.append(params["body"]))
        dynamo.get(KEY)
        dynamo.query("STACK#blue")
        assert all(json.loads(body)["ConsistentRead"] is True for body in sent)


def quick():
    from botocore.config import Config

    return Config(connect_timeout=0.2, retries={"total_max_attempts": 1})
