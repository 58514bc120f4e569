"""A task definition as it would be registered again, with one field changed, and what differs between two.

S11 lives here: two revisions are compared field by field, whatever the field, so that nothing rides along.
Values of the environment are in `content` and never in a repr (S29). Pure.
"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

_OF_ONE_REVISION = frozenset(
    {
        "compatibilities",
        "deregisteredAt",
        "registeredAt",
        "registeredBy",
        "requiresAttributes",
        "revision",
        "status",
        "taskDefinitionArn",
    }
)
"""What ECS answers and does not take."""


@dataclass(frozen=True)
class Edit:
    """One declared difference."""

    path: str
    """image:CONTAINER, variable:CONTAINER:NAME, container_memory:CONTAINER, cpu or memory; and, with a list
    as JSON, command:CONTAINER or entry_point:CONTAINER."""
    value: str = field(repr=False)

    @property
    def touches(self) -> str:
        """The path as `difference` names it."""
        kind, _, rest = self.path.partition(":")
        container, _, name = rest.partition(":")
        inside = {"image": "image", "container_memory": "memory", "variable": f"environment/{name}/value"}
        inside |= {"command": "command", "entry_point": "entryPoint"}
        return f"containerDefinitions/{container}/{inside[kind]}" if kind in inside else kind


@dataclass(frozen=True)
class Revision:
    arn: str
    active: bool
    content: Mapping[str, Any] = field(repr=False)
    tags: tuple[Mapping[str, str], ...] = ()

    @property
    def short(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def family(self) -> str:
        return str(self.content["family"])

    @property
    def roles(self) -> frozenset[str]:
        found = (self.content.get("taskRoleArn"), self.content.get("executionRoleArn"))
        return frozenset(str(role) for role in found if role)

    @property
    def is_fargate(self) -> bool:
        return "FARGATE" in self.content.get("requiresCompatibilities", [])

    def value(self, edit: Edit) -> str | None:
        """What stands where the edit would write; None: nothing, or there is no such container."""
        found = dict(_leaves(self.content, "")).get(edit.touches)
        return None if found is None else str(found)

    def with_edits(self, edits: Sequence[Edit]) -> "Revision":
        content = copy.deepcopy(dict(self.content))
        for edit in edits:
            _write(content, edit)
        return replace(self, content=content)


def revision_of(raw: Mapping[str, Any], tags: Sequence[Mapping[str, Any]] = ()) -> Revision:
    content = {key: value for key, value in raw.items() if key not in _OF_ONE_REVISION}
    active = raw.get("status", "ACTIVE") == "ACTIVE"
    return Revision(raw["taskDefinitionArn"], active, content, tuple(dict(tag) for tag in tags))


def difference(before: Revision, after: Revision) -> dict[str, tuple[Any, Any]]:
    """Path to the values before and after. Empty and absent are the same to ECS."""
    old, new = dict(_leaves(before.content, "")), dict(_leaves(after.content, ""))
    return {path: (old.get(path), new.get(path)) for path in old.keys() | new.keys() if old.get(path) != new.get(path)}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - AWS's JSON
    """Lists of named things by their names, since ECS keeps no order among variables."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}" if path else key)
    elif isinstance(value, list) and value and all(isinstance(each, Mapping) and "name" in each for each in value):
        for each in value:
            yield from _leaves(each, f"{path}/{each['name']}")
    elif value not in (None, [], {}, ""):
        yield path, json.dumps(value, sort_keys=True, default=str) if isinstance(value, list) else value


def _write(content: dict[str, Any], edit: Edit) -> None:
    kind, _, rest = edit.path.partition(":")
    if kind in {"cpu", "memory"}:
        content[kind] = edit.value
        return
    name, _, variable = rest.partition(":")
    container = next(each for each in content["containerDefinitions"] if each["name"] == name)
    if kind == "image":
        container["image"] = edit.value
    elif kind == "container_memory":
        container["memory"] = int(edit.value)
    elif kind in {"command", "entry_point"}:
        container["command" if kind == "command" else "entryPoint"] = json.loads(edit.value)
    else:
        others = [each for each in container.get("environment", []) if each["name"] != variable]
        container["environment"] = [*others, {"name": variable, "value": edit.value}]
