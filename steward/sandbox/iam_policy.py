"""IAM in small: whether policies allow one action on one resource. Pure; fails closed on what it does not know.

Exact where moto is not: resources and conditions count, for every service. Only what Steward's own policies use is
here; another operator of a condition is an error, never a yes.
"""

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

Json = dict[str, Any]
Context = Mapping[str, tuple[str, ...]]
ANY = "*"


@dataclass(frozen=True)
class Asked:
    """One authorization: a call needs all of its own to be allowed."""

    action: str
    resource: str = ANY
    """`*` where AWS knows none for this action."""
    context: Context = field(default_factory=dict)

    def __str__(self) -> str:
        given = ", ".join(f"{key}={'|'.join(values)}" for key, values in sorted(self.context.items()))
        return f"{self.action} on {self.resource}{f' ({given})' if given else ''}"


class OneRight(Protocol):
    """One action on one resource; a stack's `Grant` is one, and so is a `Right`."""

    @property
    def action(self) -> str: ...

    @property
    def resource(self) -> str: ...

    @property
    def condition(self) -> str: ...


@dataclass(frozen=True)
class Right:
    """The smallest part of a policy that can be of no use: one action, one resource, one value of each condition."""

    action: str
    resource: str
    condition: str = "{}"
    """JSON, with its keys sorted."""

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}{'' if self.condition == '{}' else f' where {self.condition}'}"


class UnknownCondition(Exception):
    """A policy says something that is not understood here, so nobody can say what it allows."""


def allowed_by(policies: Iterable[Json], asked: Asked) -> bool:
    """By each of them: a role's policy and its session's policy are both needed."""
    return all(_allows(policy["Statement"], asked) for policy in policies)


def _allows(statements: Iterable[Json], asked: Asked) -> bool:
    matching = [said["Effect"] for said in statements if _speaks_of(said, asked)]
    return "Allow" in matching and "Deny" not in matching


def _speaks_of(said: Json, asked: Asked) -> bool:
    return (
        any(matches(pattern.lower(), asked.action.lower()) for pattern in _list(said["Action"]))
        and any(matches(pattern, asked.resource) for pattern in _list(said["Resource"]))
        and holds(said.get("Condition", {}), asked.context)
    )


def rights_in(policy: Json) -> Iterable[Right]:
    """All that a policy allows, each by itself."""
    for said in policy["Statement"]:
        if said["Effect"] != "Allow":
            continue
        for one in itertools.product(
            _list(said["Action"]), _list(said["Resource"]), _singly(said.get("Condition", {}))
        ):
            yield Right(*one)


def _singly(condition: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A condition that takes any of some values, once for each of them."""
    choices = [
        [(operator, key, value) for value in _list(wanted)]
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    ]
    found = []
    for chosen in itertools.product(*choices):
        one: Json = {}
        for operator, key, value in chosen:
            one.setdefault(operator, {})[key] = [value]
        found.append(json.dumps(one, sort_keys=True))
    return found


def is_by(right: OneRight, asked: Asked) -> bool:
    """Whether it is (also) this right by which that is allowed."""
    return (
        matches(right.action.lower(), asked.action.lower())
        and matches(right.resource, asked.resource)
        and holds(json.loads(right.condition), asked.context)
    )


def matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    words = {"*": ".*", "?": "."}
    return re.compile("".join(words.get(letter, re.escape(letter)) for letter in pattern), re.DOTALL)


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    return all(
        _holds(operator, _list(wanted), context.get(key, ()))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, wanted: list[str], given: tuple[str, ...]) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    if plain == "Null":
        return (not given) is (wanted == ["true"])
    if plain not in {"StringEquals", "StringLike", "ArnEquals", "ArnLike", "Bool"}:
        raise UnknownCondition(operator)
    exactly = plain in {"StringEquals", "Bool"}

    def fits(value: str) -> bool:
        return any(value == one if exactly else matches(one, value) for one in wanted)

    if quantifier == "ForAllValues":
        return all(fits(value) for value in given)
    if quantifier not in {"", "ForAnyValue"}:
        raise UnknownCondition(operator)
    return any(fits(value) for value in given)


def _list(value: Any) -> list[str]:  # noqa: ANN401 - IAM takes one or many
    return list(value) if isinstance(value, list | tuple) else [value]
