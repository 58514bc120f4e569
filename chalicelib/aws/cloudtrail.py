"""CloudTrail: who changed what. Reads management events of the last 90 days, within a budget of pages."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from chalicelib.aws.translate import calling

_PER_PAGE = 50
"""LookupEvents gives no more, and may be called twice a second."""


class _Client(Protocol):
    """No typed client of this service is among the pinned stubs; this is the part that is used."""

    def lookup_events(self, **asked: object) -> dict[str, Any]: ...


@dataclass(frozen=True)
class TrailEvent:
    id: str
    at: datetime
    source: str
    """Like `rds.amazonaws.com`."""
    name: str
    """Like `ModifyDBInstance`."""
    by: str
    """User, or role and session."""
    agent: str
    error_code: str | None
    named: frozenset[str]
    """Every text among the request's parameters and resources, so that a name can be looked for."""


class Cloudtrail:
    def __init__(self, client: _Client) -> None:
        self._client = client

    def about(
        self, resource: str, since: datetime, until: datetime, *, max_pages: int = 1
    ) -> tuple[list[TrailEvent], bool]:
        """Events that CloudTrail has tied to the resource's name, newest first; whether these are all."""
        return self._lookup("ResourceName", resource, since, until, max_pages)

    def changes(self, since: datetime, until: datetime, *, max_pages: int = 4) -> tuple[list[TrailEvent], bool]:
        """Everything in the region that was not only a read: of ECS, CloudTrail ties nothing to names."""
        return self._lookup("ReadOnly", "false", since, until, max_pages)

    def _lookup(
        self, key: str, value: str, since: datetime, until: datetime, max_pages: int
    ) -> tuple[list[TrailEvent], bool]:
        asked: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}],
            "StartTime": since,
            "EndTime": until,
            "MaxResults": _PER_PAGE,
        }
        found: list[TrailEvent] = []
        for _ in range(max_pages):
            with calling("cloudtrail:LookupEvents"):
                answer = self._client.lookup_events(**asked)
            found += [_event(raw) for raw in answer.get("Events", [])]
            if not answer.get("NextToken"):
                return found, True
            asked["NextToken"] = answer["NextToken"]
        return found, False


def _event(raw: Mapping[str, Any]) -> TrailEvent:
    try:
        whole = json.loads(raw.get("CloudTrailEvent") or "{}")
    except ValueError:
        whole = {}
    named = {str(resource.get("ResourceName", "")) for resource in raw.get("Resources", [])}
    named.update(_texts(whole.get("requestParameters"), 0))
    return TrailEvent(
        id=raw.get("EventId", ""),
        at=raw["EventTime"].astimezone(UTC),
        source=raw.get("EventSource", ""),
        name=raw.get("EventName", ""),
        by=_who(whole.get("userIdentity") or {}) or raw.get("Username", "") or "unknown",
        agent=str(whole.get("userAgent", "")),
        error_code=whole.get("errorCode"),
        named=frozenset(named - {""}),
    )


def _who(identity: Mapping[str, Any]) -> str:
    """`role/session` of an assumed role, else the user, else the service that acted by itself."""
    arn = str(identity.get("arn") or "")
    if ":assumed-role/" in arn:
        return arn.split(":assumed-role/", 1)[1]
    return str(identity.get("userName") or arn.rsplit(":", 1)[-1] or identity.get("invokedBy") or "")


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and depth < 8:  # noqa: PLR2004 - deeper than any request
        for each in value.values():
            yield from _texts(each, depth + 1)
    elif isinstance(value, list) and depth < 8:  # noqa: PLR2004
        for each in value:
            yield from _texts(each, depth + 1)
