"""Which S3 operation an HTTP request is, with its parameters: S3 names neither on the wire.

An operation fits by its method, by whether it names an object, and by what it must have in query and headers; of those
that fit it is the one that asks for most.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from moto.core.model import OperationModel

Params = dict[str, Any]
_Marks = tuple[frozenset[tuple[str, str]], frozenset[str]]
"""Words of the query with their value (empty: any), and headers."""


def read_s3(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[str, Params]:
    """Of a request with the bucket in its path, and its headers' names in lower case."""
    from moto.core.parse import PROTOCOL_PARSERS
    from werkzeug.datastructures import Headers, MultiDict

    parts = urlsplit(path)
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    query = parse_qs(parts.query, keep_blank_values=True)
    fitting = [
        (len(words) + len(named), operation)
        for operation, (words, named) in _operations(method, bool(bucket), bool(key))
        if all(word in query and value in {"", query[word][0]} for word, value in words) and named <= set(headers)
    ]
    operation: OperationModel = max(fitting, key=lambda each: each[0])[1]
    url_params = {"Bucket": bucket, "Key": key}
    request: Any = {
        "method": method,
        "values": MultiDict(query),
        "headers": Headers(dict(headers)),
        "body": body,
        "url_path": parts.path,
        "url_params": {name: value for name, value in url_params.items() if value},
    }
    return operation.name, PROTOCOL_PARSERS["rest-xml"](operation).parse(request)


@cache
def _operations(method: str, bucket: bool, key: bool) -> list[tuple["OperationModel", _Marks]]:
    from moto.core.utils import get_service_model

    model, found = get_service_model("s3"), []
    for operation in map(model.operation_model, model.operation_names):
        path, _, query = operation.http["requestUri"].partition("?")
        if operation.http["method"] == method and ("{Bucket}" in path, "{Key" in path) == (bucket, key):
            found.append((operation, _marks(operation, query)))
    return found


def _marks(operation: "OperationModel", query: str) -> _Marks:
    words = {(word, values[0]) for word, values in parse_qs(query, keep_blank_values=True).items() if word != "x-id"}
    headers = set()
    given: Any = operation.input_shape
    for member in given.required_members if given else ():
        where = given.members[member].serialization
        if where.get("location") == "querystring":
            words.add((where["name"], ""))
        elif where.get("location") == "header":
            headers.add(where["name"].lower())
    return frozenset(words), frozenset(headers)
