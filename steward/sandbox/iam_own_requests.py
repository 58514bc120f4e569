"""What AWS asks IAM for a call to Steward's own table: keys by their leading part, and every attribute that is named.

A query of an index asks for the index's own keys (DynamoDB's "Using IAM policy conditions").
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from steward.sandbox.iam_policy import Asked

Params = Mapping[str, Any]
_HASH = {"listed": "list_pk", "every": "every_pk", "due": "due_pk"}
_WORD = re.compile(r"[#:]?\w+")
_NO_NAMES = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"}
_CALLED = re.compile(r"\w+(?=\s*\()")
_EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)


def of_table(action: str, table_arn: str, params: Params) -> Iterable[Asked]:
    index = params.get("IndexName")
    context = {"dynamodb:LeadingKeys": _leading(params), "dynamodb:Attributes": tuple(sorted(_attributes(params)))}
    yield Asked(action, f"{table_arn}/index/{index}" if index else table_arn, context)


def _leading(params: Params) -> tuple[str, ...]:
    column = _HASH.get(params.get("IndexName", ""), "pk")
    given = params.get("Key") or params.get("Item")
    if given:
        return (str(given[column]["S"]),)
    found = re.search(rf"\b{column} = (:\w+)", params.get("KeyConditionExpression", ""))
    return (str(params["ExpressionAttributeValues"][found[1]]["S"]),) if found else ()


def _attributes(params: Params) -> Iterable[str]:
    names = params.get("ExpressionAttributeNames", {})
    yield from {*params.get("Key", ()), *params.get("Item", ())}
    for text in (str(params.get(expression, "")) for expression in _EXPRESSIONS):
        for word in _WORD.findall(_CALLED.sub("", text)):
            if word not in _NO_NAMES and not word.startswith(":"):
                yield names.get(word, word)
