"""A DynamoTable on moto, and what is put into tables."""

import threading
from datetime import UTC, datetime

from chalicelib.store.dynamodb import DynamoTable, dynamo_client, table_definition
from chalicelib.store.table import Item, Key
from tests.aws_sessions import aws_session

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
KEY = Key("STACK#blue", "LEDGER")


def one_at_a_time(client):
    """DynamoDB applies each write to an item atomically; moto's UpdateItem checks its condition and then
    writes, in two steps. So calls are let in one by one, as one item's partition would take them. What
    is contended for here is what lies between calls: read, decide, write."""
    lock, send = threading.Lock(), client._make_api_call

    def locked(operation, parameters):
        with lock:
            return send(operation, parameters)

    client._make_api_call = locked
    return client


def on_moto() -> DynamoTable:
    session = aws_session()
    session.client("dynamodb").create_table(**table_definition("steward"))
    return DynamoTable("steward", lambda: one_at_a_time(dynamo_client(session)))


def item(key: Key = KEY, **body) -> Item:
    return Item(key, body)
