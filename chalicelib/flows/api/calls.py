"""Call and Route: what every route is made of, and what its function gets and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.guards.roles import Role
from chalicelib.models.api import NoQuery
from chalicelib.models.shape import Shape

if TYPE_CHECKING:
    from chalicelib.flows.parts import Parts


@dataclass(frozen=True)
class Call:
    """A request that may be carried out: its caller is somebody, its body and query are what they should be."""

    parts: Parts
    principal: str
    request_id: str
    version: str
    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    query: Any = None
    key: str | None = None
    """The Idempotency-Key."""


@dataclass(frozen=True)
class Answered:
    body: Shape | dict[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return self.body.model_dump(mode="json") if isinstance(self.body, Shape) else self.body


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    does: Callable[[Call], Answered]
    summary: str
    answer: type[Shape] | None
    role: Role = Role.VIEWER
    body: type[Shape] | None = None
    query: type[Shape] = NoQuery
    status: int = 200
    needs_key: bool = False
    """Asked twice it must be one run: an Idempotency-Key is required."""
    takes_key: bool = False

    @property
    def changes(self) -> bool:
        return self.method != "GET"
