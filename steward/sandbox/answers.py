"""How the world answers an API call instead of moto: a table of operations, and AWS's errors."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from steward.sandbox import place

Params = Mapping[str, Any]
Answer = Callable[[Params, datetime], "dict[str, Any] | None"]
"""None: let moto answer."""
Answers = dict[str, Answer]
"""By operation, as boto3 names it."""

REGION = "sandbox-region"
"""A key that the world adds to what was asked of a service that stands in several regions."""
REGIONAL = frozenset({"rds", "kms"})

HEADERS = "sandbox-headers"
"""A key of an answer whose value is not part of it but the headers of its response."""


class Declined(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(f"{code}: {message}")


def last_part(name_or_arn: str) -> str:
    return name_or_arn.rsplit("/", 1)[-1]


def in_cluster(params: Params) -> None:
    if last_part(params.get("cluster", "default")) != place.CLUSTER:
        raise Declined("ClusterNotFoundException", "Cluster not found.")
