"""An included runbook's expressions said anew in its includer's words: step ids renamed, inputs replaced.

Done on JMESPath's own tokens, then checked on the result: an expression in which it cannot be told
what is a step and what is a field of that name is refused, not guessed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.catalog.expressions import ExpressionError, Reference, parse, pieces, references, whole_expression
from chalicelib.models.mistakes import Json

_NAMES = frozenset({"unquoted_identifier", "quoted_identifier"})
_Token = Mapping[str, Any]


@dataclass(frozen=True)
class Rewriting:
    steps: Mapping[str, str]
    """Old step id to new."""
    inputs: Mapping[str, Json]
    """Input to its value as the includer writes it: a literal, or text with `${…}`."""

    def expression(self, text: str) -> str:
        parse(text)
        from jmespath.lexer import Lexer

        tokens = [{"type": "begin"}, *Lexer().tokenize(text)]
        result, done = "", 0
        for before, first, dot, name, after in zip(*(tokens[n:] for n in range(5)), strict=False):
            new = self._said_anew(before, first, dot, name)
            if new is not None:
                result += text[done : first["start"]] + new
                # The lexer's own `end` does not count quotes: up to the next token, without the space between.
                done = name["start"] + len(text[name["start"] : after["start"]].rstrip())
        result += text[done:]
        self._check(text, result)
        return result

    def value(self, given: Json) -> Json:
        """A `with`, or any part of it."""
        if isinstance(given, dict):
            return {name: self.value(part) for name, part in given.items()}
        if isinstance(given, list | tuple):
            return [self.value(part) for part in given]
        if not isinstance(given, str) or "${" not in given:
            return given
        whole = whole_expression(given)
        name = (whole or "").removeprefix("inputs.")
        if whole == f"inputs.{name}" and name in self.inputs:
            return self.inputs[name]  # as written, so that the plan reads `max: 2` and not an expression
        return "".join(f"${{{self.expression(part)}}}" if is_one else part for is_one, part in pieces(given))

    def _said_anew(self, before: _Token, first: _Token, dot: _Token, name: _Token) -> str | None:
        if before["type"] == "dot" or first["type"] not in _NAMES or dot["type"] != "dot" or name["type"] not in _NAMES:
            return None
        if first["value"] == "steps" and name["value"] in self.steps:
            return f"steps.{self.steps[name['value']]}"
        if first["value"] == "inputs" and name["value"] in self.inputs:
            return f"({_as_expression(self.inputs[name['value']])})"
        return None

    def _check(self, before: str, after: str) -> None:
        wanted: set[tuple[str, str | None]] = set()
        for reference in references(before):
            if reference.root == "steps":
                wanted.add(("steps", self.steps.get(reference.step or "")))
            elif reference.root == "inputs":
                value = self.inputs.get(reference.path[0]) if reference.path else None
                wanted |= {_named(r) for r in references(_as_expression(value))}
            else:
                wanted.add(_named(reference))
        if ("steps", None) in wanted or wanted != {_named(r) for r in references(after)}:
            raise ExpressionError(before, "cannot be included; write references as steps.ID.field and inputs.NAME")


def _named(reference: Reference) -> tuple[str, str | None]:
    return reference.root, reference.step if reference.root == "steps" else (reference.path or (None,))[0]


def _as_expression(value: Json) -> str:
    """A value as JMESPath: a literal, the reference itself, or the pieces of a text joined."""
    if not isinstance(value, str) or "${" not in value:
        return _literal(value)
    parts = [f"to_string({part})" if is_one else _literal(part) for is_one, part in pieces(value)]
    return whole_expression(value) or f"join('', [{', '.join(parts)}])"


def _literal(value: Json) -> str:
    return f"`{json.dumps(value).replace('`', chr(92) + '`')}`"
