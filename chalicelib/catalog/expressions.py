"""JMESPath in runbooks: conditions (`when`) and `${…}` references in `with`.

What is not known yet is said (`KnownLater`), never null: JMESPath would silently make it a no.
"""

import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InputError
from chalicelib.models.mistakes import Json

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

ROOTS = ("inputs", "signal", "stack", "steps")
MAX_LENGTH = 500
ITEM = "[]"
"""Stands in a reference's path for `any entry of this list`."""

Scope = Mapping[str, Any]


class ExpressionError(InputError):
    """An expression that cannot be read, or that failed on the values it met."""

    def __init__(self, expression: str, why: str) -> None:
        self.expression, self.why = expression, why
        super().__init__(f"expression {expression[:80]!r}: {why}")


@dataclass(frozen=True, order=True)
class Reference:
    """`steps.look.unhealthy` is root `steps`, step `look`, path `(unhealthy,)`."""

    root: str
    step: str | None
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = (self.root, *([self.step] if self.step else []), *self.path)
        return ".".join(parts).replace(f".{ITEM}", ITEM)


@dataclass(frozen=True)
class KnownLater:
    """The answer is not to be had yet; `name` says what it waits for, like `steps.look`."""

    name: str

    def __str__(self) -> str:
        return f"<from {self.name}>"


@lru_cache(maxsize=1024)
def parse(expression: str) -> "ParsedResult":
    import jmespath
    from jmespath.exceptions import JMESPathError

    if len(expression) > MAX_LENGTH:
        raise ExpressionError(expression, f"longer than {MAX_LENGTH} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PendingDeprecationWarning)
            return jmespath.compile(expression)
    except PendingDeprecationWarning as exc:
        raise ExpressionError(expression, "what stands between backticks must be JSON; write text as 'text'") from exc
    except JMESPathError as exc:
        raise ExpressionError(expression, f"not valid JMESPath: {_first_line(exc)}") from exc
    except (RecursionError, ValueError) as exc:
        raise ExpressionError(expression, "not valid JMESPath: nested too deeply or a number out of range") from exc


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or ["it cannot be read"])[0].rstrip(":")


@lru_cache(maxsize=1024)
def references(expression: str) -> frozenset[Reference]:
    """All that the expression reads from the scope; of `a.b.c` only the whole, not `a` and `a.b`."""
    found: set[tuple[str, ...]] = set()
    try:
        _walk(parse(expression).parsed, (), found)
    except RecursionError as exc:
        raise ExpressionError(expression, "nested too deeply") from exc
    whole = {p for p in found if not any(q != p and q[: len(p)] == p for q in found)}
    return frozenset(_reference(path) for path in whole)


def _reference(path: tuple[str, ...]) -> Reference:
    if path[0] == "steps" and len(path) > 1:
        return Reference("steps", path[1], path[2:])
    return Reference(path[0], None, path[1:])


_Node = Mapping[str, Any]
_Paths = set[tuple[str, ...]]
_Where = tuple[str, ...] | None
"""The place in the scope that a sub-expression stands at; None where it can no longer be told."""


def _walk(node: _Node, at: _Where, found: _Paths) -> _Where:
    kind, children = node["type"], node["children"]
    if kind == "field":
        return _note(at, node["value"], found)
    if kind in {"identity", "current", "slice"}:
        return at
    if kind == "index":
        return _note(at, ITEM, found)
    if kind in {"subexpression", "index_expression", "flatten"}:
        for child in children:
            at = _walk(child, at, found)
        return at
    return _walk_turn(kind, children, at, found)


def _walk_turn(kind: str, children: Sequence[_Node], at: _Where, found: _Paths) -> _Where:
    """Nodes whose parts stand at different places."""
    if kind in {"projection", "value_projection", "filter_projection"}:
        entry = _note(_walk(children[0], at, found), "*" if kind == "value_projection" else ITEM, found)
        ends = [_walk(child, entry, found) for child in children[1:]]  # of a filter, the last is its condition
        return ends[0]
    if kind == "pipe":
        return _walk(children[1], _piped(children[0], _walk(children[0], at, found)), found)
    for child in children:
        if isinstance(child, Mapping):  # a literal's children are plain values
            _walk(child, None if kind == "expref" else at, found)
    return None


def _note(at: _Where, name: str, found: _Paths) -> _Where:
    if at is None:
        return None
    found.add((*at, name))
    return (*at, name)


def _piped(left: _Node, at: _Where) -> _Where:
    """Behind a pipe a projection has become a list again, which paths here cannot say."""
    return at if left["type"] in {"field", "subexpression", "current", "identity"} else None


def waits_for(expression: str, scope: Scope) -> KnownLater | None:
    steps = scope.get("steps") or {}
    missing = sorted(r.step for r in references(expression) if r.root == "steps" and r.step and r.step not in steps)
    return KnownLater(f"steps.{missing[0]}") if missing else None


def evaluate(expression: str, scope: Scope) -> Json | KnownLater:
    """The value. A step that has no output yet is not in `scope["steps"]`; one that never will have is None there."""
    from jmespath.exceptions import JMESPathError

    absent = sorted({r.root for r in references(expression)} - set(scope))
    if absent:
        raise ExpressionError(expression, f"nothing is called `{absent[0]}` here; there is {', '.join(sorted(scope))}")
    later = waits_for(expression, scope)
    if later is not None:
        return later
    try:
        return parse(expression).search(scope)
    except JMESPathError as exc:
        raise ExpressionError(expression, _first_line(exc)) from exc
    except RecursionError as exc:
        raise ExpressionError(expression, "nested too deeply") from exc


def truthy(value: Json | KnownLater) -> bool:
    """A condition's answer. Numbers as conditions are a lint error, since JMESPath takes 0 for true."""
    if isinstance(value, KnownLater):
        raise ExpressionError(str(value), "not known yet, so it is neither true nor false")
    return bool(value)


_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|[{}]""", re.DOTALL)


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """The text cut into `(False, as it stands)` and `(True, expression)` for each `${…}`."""
    begin = 0
    while (opening := text.find("${", begin)) >= 0:
        closing = _closing(text, opening + 2)
        if opening > begin:
            yield False, text[begin:opening]
        yield True, text[opening + 2 : closing].strip()
        begin = closing + 1
    if begin < len(text):
        yield False, text[begin:]


def _closing(text: str, begin: int) -> int:
    depth = 0
    for token in _QUOTED.finditer(text, begin):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth < 0:
            return token.start()
    raise ExpressionError(text, "`${` is not closed; write `}` after the expression")


def expressions_in(value: Json) -> Iterator[str]:
    """Every expression in a `with`, however deep."""
    if isinstance(value, str):
        yield from (text for is_expression, text in pieces(value) if is_expression)
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from expressions_in(part)


def whole_expression(text: str) -> str | None:
    """The expression, if the text is one `${…}` and nothing else; then the value keeps its type."""
    if not text.startswith("${"):
        return None
    parts = list(pieces(text))
    return parts[0][1] if len(parts) == 1 and parts[0][0] else None


def resolve(with_: Mapping[str, Any], scope: Scope) -> dict[str, Any] | KnownLater:
    """`with` with its references replaced, or what it waits for."""
    for expression in expressions_in(dict(with_)):
        if (later := waits_for(expression, scope)) is not None:
            return later
    return {name: _resolved(value, scope) for name, value in with_.items()}


def _resolved(value: Json, scope: Scope) -> Json:
    if isinstance(value, dict):
        return {name: _resolved(part, scope) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_resolved(part, scope) for part in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    whole = whole_expression(value)
    if whole is not None:
        return evaluate(whole, scope)
    return "".join(as_text(evaluate(text, scope)) if is_expression else text for is_expression, text in pieces(value))


def as_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
