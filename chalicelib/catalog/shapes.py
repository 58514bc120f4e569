"""What the linter asks of the JSON Schemas that steps declare: which fields, which types, does it fit.

Covers what pydantic writes for Params and Output; it is no general JSON Schema validator.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.catalog.expressions import ITEM, whole_expression
from chalicelib.models.mistakes import Json, Path, nearest

Schema = Mapping[str, Any]
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
    "null": (type(None),),
}
_WORDS = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}
_WORDS |= {"array": "a list", "object": "a mapping", "null": "nothing"}


@dataclass(frozen=True)
class Misfit:
    path: Path
    what: str
    instead: str | None = None


def branches(root: Schema, node: Schema) -> list[Schema]:
    """The node with references and unions resolved into what it may be."""
    if "$ref" in node:
        return branches(root, root.get("$defs", {})[node["$ref"].rsplit("/", 1)[-1]])
    options = [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]
    return [branch for option in options for branch in branches(root, option)] if options else [node]


def fields_of(root: Schema, node: Schema) -> frozenset[str]:
    return frozenset(name for branch in branches(root, node) for name in branch.get("properties", {}))


def follow(root: Schema, path: tuple[str, ...]) -> Schema | tuple[tuple[str, ...], frozenset[str]]:
    """The schema at the path; or, where it leads nowhere, how far it came and what there is instead."""
    node = root
    for place, part in enumerate(path):
        below = [child for branch in branches(root, node) for child in _below(branch, part)]
        if not below:
            return path[:place], fields_of(root, node)
        node = below[0] if len(below) == 1 else {"anyOf": below}
    return node


def _below(node: Schema, part: str) -> Iterator[Schema]:
    if part == ITEM:
        if "items" in node or node.get("type") in {"array", None}:
            yield node.get("items", {})
    elif part == "*":
        yield from node.get("properties", {}).values() or [{}]
    elif part in node.get("properties", {}):
        yield node["properties"][part]
    elif isinstance(node.get("additionalProperties"), Mapping):
        yield node["additionalProperties"]
    elif not node or node.get("additionalProperties") is True:
        yield {}


def types_of(root: Schema, node: Schema) -> frozenset[str]:
    """JSON types that it may be, null left out; empty where anything goes."""
    found: set[str] = set()
    for branch in branches(root, node):
        if "type" not in branch and "enum" not in branch and "const" not in branch:
            return frozenset()
        found.add(branch.get("type", "string"))
    return frozenset(found - {"null"})


TypesOf = Callable[[str], frozenset[str]]
"""Of an expression, the types its value may have; empty where it cannot be told."""


def misfits(schema: Schema, value: Json, types_of_expression: TypesOf) -> list[Misfit]:
    """All that is wrong with a `with`, `${…}` taken for what it refers to."""
    return list(_Fitting(schema, types_of_expression).check(schema, value, ()))


@dataclass(frozen=True)
class _Fitting:
    root: Schema
    types_of_expression: TypesOf

    def check(self, node: Schema, value: Json, path: Path) -> Iterator[Misfit]:
        if isinstance(value, str) and "${" in value:
            yield from self._reference(node, value, path)
            return
        tried = [list(self._branch(branch, value, path)) for branch in branches(self.root, node)]
        if all(tried):  # none of them is empty: no branch fits
            fitting = [
                found for found, branch in zip(tried, branches(self.root, node), strict=True) if _is(branch, value)
            ]
            yield from (fitting or [[self._wrong_type(node, value, path)]])[0]

    def _branch(self, node: Schema, value: Json, path: Path) -> Iterator[Misfit]:
        if not _is(node, value):
            yield self._wrong_type(node, value, path)
        elif isinstance(value, dict):
            yield from self._object(node, value, path)
        elif isinstance(value, list | tuple):
            if len(value) < node.get("minItems", 0):
                yield Misfit(path, f"needs at least {node['minItems']} entries")
            for place, part in enumerate(value):
                yield from self.check(node.get("items", {}), part, (*path, place))
        else:
            yield from _scalar(node, value, path)

    def _object(self, node: Schema, value: Mapping[str, Json], path: Path) -> Iterator[Misfit]:
        known = node.get("properties", {})
        for name in node.get("required", ()):
            if name not in value:
                yield Misfit(path, f"`{name}` is missing", f"`{name}: …`")
        for name, part in value.items():
            if name in known:
                yield from self.check(known[name], part, (*path, name))
            elif isinstance(node.get("additionalProperties"), Mapping):
                yield from self.check(node["additionalProperties"], part, (*path, name))
            elif node.get("additionalProperties") is False:
                guess = nearest(name, set(known) - set(value))
                there = (
                    f"`{guess}`" if guess else f"one of {', '.join(sorted(known))}" if known else "nothing under `with`"
                )
                yield Misfit((*path, name), f"no parameter {name!r}", there)

    def _reference(self, node: Schema, text: str, path: Path) -> Iterator[Misfit]:
        whole = whole_expression(text)
        got = self.types_of_expression(whole) if whole is not None else frozenset({"string"})
        wanted = types_of(self.root, node)
        fits = got & wanted or (("number" in wanted) and "integer" in got)
        if got and wanted and not fits:
            yield Misfit(path, f"must be {_either(wanted)}, but `{text}` is {_either(got)}")

    def _wrong_type(self, node: Schema, value: Json, path: Path) -> Misfit:
        wanted = types_of(self.root, node)
        return Misfit(path, f"must be {_either(wanted)}; got {_shown(value)}")


def _either(types: frozenset[str]) -> str:
    return " or ".join(_WORDS[one] for one in sorted(types))


def _shown(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return "nothing" if value is None else text if len(text) < 60 else f"{text[:60]}…"  # noqa: PLR2004  # one line


def _is(node: Schema, value: Json) -> bool:
    wanted = node.get("type")
    if wanted is None:
        return True
    if isinstance(value, bool):
        return bool(wanted == "boolean")
    return isinstance(value, _TYPES[wanted])


def _scalar(node: Schema, value: Json, path: Path) -> Iterator[Misfit]:
    choices = node.get("enum", [node["const"]] if "const" in node else None)
    if choices is not None and value not in choices:
        guess = nearest(str(value), [str(choice) for choice in choices])
        listed = ", ".join(f"`{choice}`" for choice in choices)
        yield Misfit(path, f"must be one of {listed}; got {_shown(value)}", f"`{guess}`" if guess else None)
    if "pattern" in node and isinstance(value, str) and not re.search(node["pattern"], value):
        examples = " or ".join(f"`{example}`" for example in node.get("examples", ()))
        yield Misfit(path, f"must match {node['pattern']}; got {_shown(value)}", examples or None)
    if isinstance(value, str) and len(value) < node.get("minLength", 0):
        yield Misfit(path, f"needs at least {node['minLength']} characters; got {_shown(value)}")
    if isinstance(value, str) and len(value) > node.get("maxLength", len(value)):
        yield Misfit(path, f"may have at most {node['maxLength']} characters")
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(node, value, path)


def _number(node: Schema, value: float, path: Path) -> Iterator[Misfit]:
    if value < node.get("minimum", value) or ("exclusiveMinimum" in node and value <= node["exclusiveMinimum"]):
        bound = f"at least {node['minimum']}" if "minimum" in node else f"more than {node['exclusiveMinimum']}"
        yield Misfit(path, f"must be {bound}; got {value}")
    if value > node.get("maximum", value) or ("exclusiveMaximum" in node and value >= node["exclusiveMaximum"]):
        bound = f"at most {node['maximum']}" if "maximum" in node else f"less than {node['exclusiveMaximum']}"
        yield Misfit(path, f"must be {bound}; got {value}")
