"""DynamoTable: the Table over a low-level DynamoDB client. boto3 is imported when first used.

What `intake` may write can be told apart from what it may not by attribute (S24): `stopped` is
written by `set_stopped` only, and no other write or condition ever names it.
botocore may repeat a write whose answer got lost; the repeat then fails its condition and looks like
a lost race. That is safe because every caller answers a lost race by reading and deciding again.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.errors import NotACursor, StaleWrite, StoreUnavailable
from chalicelib.store.columns import cursor_of, pack, read_cursor, stamp, unpack
from chalicelib.store.table import Item, Key, Page, family, is_one_list

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient

TTL_ATTRIBUTE = "ttl"

_OWNED = ("list_pk", "list_sk", "every_pk", "due_pk", "due_at", TTL_ATTRIBUTE)
"""Columns besides body and version that `replace` sets or removes; `stopped` is not among them."""

_CONDITION_FAILED = "ConditionalCheckFailedException"


def table_definition(name: str = "steward") -> dict[str, Any]:
    """What `create_table` takes; sandbox, tests and packaging make the table from this one text."""
    columns = ("pk", "sk", "list_pk", "list_sk", "every_pk", "due_pk", "due_at")
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": column, "AttributeType": "S"} for column in columns],
        "KeySchema": _key_schema("pk", "sk"),
        "GlobalSecondaryIndexes": [
            # Everything is projected: a list is one call, not one call and a read per line.
            {"IndexName": "listed", "KeySchema": _key_schema("list_pk", "list_sk"), "Projection": _ALL},
            {"IndexName": "every", "KeySchema": _key_schema("every_pk", "list_sk"), "Projection": _ALL},
            {"IndexName": "due", "KeySchema": _key_schema("due_pk", "due_at"), "Projection": _ALL},
        ],
    }


_ALL = {"ProjectionType": "ALL"}


def _key_schema(hash_key: str, range_key: str) -> list[dict[str, str]]:
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]


def dynamo_client(session: "Session") -> "DynamoDBClient":
    """Short time-outs: a guard whose store does not answer refuses, and should do so soon."""
    from botocore.config import Config

    config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})
    return session.client("dynamodb", config=config)


class DynamoTable:
    def __init__(self, name: str, client: "Callable[[], DynamoDBClient]") -> None:
        self._name = name
        self._make_client = client
        self._made: DynamoDBClient | None = None
        self._lock = threading.Lock()

    def get(self, key: Key) -> Item | None:
        with _translated("reading", key):
            answer = self._client.get_item(TableName=self._name, Key=_key(key), ConsistentRead=True)
        return _item(answer["Item"]) if "Item" in answer else None

    def create(self, item: Item) -> Item | None:
        from botocore.exceptions import ClientError

        columns = {**_key(item.key), **_columns(item), "version": {"N": "1"}}
        with _translated("creating", item.key):
            try:
                self._client.put_item(
                    TableName=self._name,
                    Item=columns,
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as exc:
                if exc.response["Error"]["Code"] != _CONDITION_FAILED:
                    raise
                old: dict[str, Any] = dict(exc.response)
                return _item(old["Item"])
        return None

    def replace(self, item: Item) -> Item:
        columns = {**_columns(item), "version": {"N": str(item.version + 1)}}
        gone = [column for column in _OWNED if column not in columns]
        update = "SET " + ", ".join(f"#{column} = :{column}" for column in columns)
        update += " REMOVE " + ", ".join(f"#{column}" for column in gone) if gone else ""
        values = {f":{column}": value for column, value in columns.items()}
        condition = "attribute_not_exists(#version)"
        if item.version:
            condition, values[":was"] = "#version = :was", {"N": str(item.version)}
        with _translated("writing", item.key):
            self._client.update_item(
                TableName=self._name,
                Key=_key(item.key),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{column}": column for column in (*columns, *gone)},
                ExpressionAttributeValues=values,
            )
        return replace(item, version=item.version + 1)

    def set_stopped(self, key: Key, stopped: str | None) -> None:
        values: dict[str, Any] = {":one": {"N": "1"}}
        if stopped is not None:
            values[":stopped"] = {"S": stopped}
        change = "REMOVE stopped" if stopped is None else "SET stopped = :stopped"
        with _translated("stopping or resuming", key):
            self._client.update_item(
                TableName=self._name,
                Key=_key(key),
                UpdateExpression=f"{change} ADD version :one",
                ExpressionAttributeValues=values,
            )

    def query(self, pk: str, *, prefix: str = "", after: str | None = None, limit: int = 200) -> Page:
        if after is not None and not after.startswith(prefix):
            if after > prefix:
                return Page(())
            after = None  # DynamoDB refuses a start outside of what is asked for
        wanted: dict[str, Any] = {"TableName": self._name, "ConsistentRead": True, "Limit": limit}
        wanted["KeyConditionExpression"] = "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else "")
        wanted["ExpressionAttributeValues"] = {":pk": {"S": pk}, **({":prefix": {"S": prefix}} if prefix else {})}
        if after is not None:
            wanted["ExclusiveStartKey"] = _key(Key(pk, after))
        with _translated("reading", Key(pk, f"{prefix}*")):
            answer = self._client.query(**wanted)
        last = answer.get("LastEvaluatedKey")
        return Page(tuple(_item(row) for row in answer["Items"]), last["sk"]["S"] if last else None)

    def listed(
        self,
        name: str,
        *,
        newest_first: bool = True,
        since: str | None = None,
        until: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        index, column = ("listed", "list_pk") if is_one_list(name) else ("every", "every_pk")
        bounds, values = _between(name, since, until)
        wanted: dict[str, Any] = {"TableName": self._name, "IndexName": index, "Limit": limit}
        wanted |= {"KeyConditionExpression": f"{column} = :name{bounds}", "ExpressionAttributeValues": values}
        wanted["ScanIndexForward"] = not newest_first
        if cursor is not None:
            list_sk, key = read_cursor(cursor)
            wanted["ExclusiveStartKey"] = {**_key(key), column: {"S": name}, "list_sk": {"S": list_sk}}
        with _translated("listing", Key(name, "*"), cursor):
            answer = self._client.query(**wanted)
        last = answer.get("LastEvaluatedKey")
        more = cursor_of(last["list_sk"]["S"], Key(last["pk"]["S"], last["sk"]["S"])) if last else None
        return Page(tuple(_item(row) for row in answer["Items"]), more)

    def due(self, kind: str, now: datetime, *, limit: int = 100) -> tuple[Item, ...]:
        with _translated("looking for what is due", Key(kind, "*")):
            answer = self._client.query(
                TableName=self._name,
                IndexName="due",
                Limit=limit,
                KeyConditionExpression="due_pk = :kind AND due_at <= :now",
                ExpressionAttributeValues={":kind": {"S": kind}, ":now": {"S": stamp(now)}},
            )
        return tuple(_item(row) for row in answer["Items"])

    @property
    def _client(self) -> "DynamoDBClient":
        with self._lock:  # clients may be shared between threads, but not made by two at once
            if self._made is None:
                self._made = self._make_client()
            return self._made


@contextmanager
def _translated(doing: str, key: Key, cursor: str | None = None) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as exc:
        error = exc.response["Error"]
        if error["Code"] == _CONDITION_FAILED:
            raise StaleWrite(str(key)) from exc
        if cursor is not None and error["Code"] == "ValidationException":  # a start that lies in no such list
            raise NotACursor(cursor) from exc
        raise StoreUnavailable(f"{doing} {key}", f"{error['Code']}: {error.get('Message', '')}") from exc
    except BotoCoreError as exc:
        raise StoreUnavailable(f"{doing} {key}", str(exc)) from exc


def _between(name: str, since: str | None, until: str | None) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {":name": {"S": name}}
    if since is not None:
        values[":since"] = {"S": since}
    if until is not None:
        values[":until"] = {"S": until}
    match since, until:
        case None, None:
            bounds = ""
        case _, None:
            bounds = " AND list_sk >= :since"
        case None, _:
            bounds = " AND list_sk <= :until"
        case _:
            bounds = " AND list_sk BETWEEN :since AND :until"
    return bounds, values


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _columns(item: Item) -> dict[str, Any]:
    columns: dict[str, Any] = {"body": {"S": pack(item)}}
    if item.listed:
        name, order = item.listed
        columns |= {"list_pk": {"S": name}, "list_sk": {"S": order}, "every_pk": {"S": family(name)}}
    if item.due:
        columns |= {"due_pk": {"S": item.due[0]}, "due_at": {"S": stamp(item.due[1])}}
    if item.expires:
        columns[TTL_ATTRIBUTE] = {"N": str(int(item.expires.timestamp()))}
    return columns


def _item(row: dict[str, Any]) -> Item:
    return Item(
        key=Key(row["pk"]["S"], row["sk"]["S"]),
        body=unpack(row["body"]["S"] if "body" in row else None),
        version=int(row["version"]["N"]) if "version" in row else 0,
        # Written by hand it may be of any type; that it is there at all is what stops (S8).
        stopped=str(next(iter(row["stopped"].values()))) if "stopped" in row else None,
        listed=(row["list_pk"]["S"], row["list_sk"]["S"]) if "list_pk" in row else None,
        due=(row["due_pk"]["S"], datetime.fromisoformat(row["due_at"]["S"])) if "due_pk" in row else None,
        expires=datetime.fromtimestamp(int(row[TTL_ATTRIBUTE]["N"]), UTC) if TTL_ATTRIBUTE in row else None,
    )
