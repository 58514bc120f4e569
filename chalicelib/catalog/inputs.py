"""A runbook's inputs: defaults filled in, types and bounds held, everything else refused by name."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.errors import InputsRejected
from chalicelib.models.mistakes import Json, nearest
from chalicelib.models.runbook import Input, Runbook

MAX_TEXT = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_WORDS = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}


def check_inputs(runbook: Runbook, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every declared input with its value (None where it is optional and was not given)."""
    problems = [_unknown(runbook, name) for name in given if name not in runbook.inputs]
    values: dict[str, Any] = {}
    for name, declared in runbook.inputs.items():
        value = given.get(name)
        values[name] = declared.default if value is None else value
        if values[name] is None and declared.required:
            problems.append(f"`{name}` is missing; give {_WORDS[declared.type]}")
        elif value is not None and (problem := misfit(declared, value)):
            problems.append(f"`{name}` {problem}")
    asked = runbook.at_least_one_of
    if asked and all(values[name] is None for name in asked):
        problems.append(f"nothing is asked for; give at least one of {', '.join(f'`{name}`' for name in asked)}")
    if problems:
        raise InputsRejected(runbook.runbook, problems)
    return values


def coerce_cli(runbook: Runbook, pairs: Iterable[str]) -> dict[str, Any]:
    """`K=V` from a command line, as the declared types; what does not fit is refused by name."""
    given: dict[str, Any] = {}
    problems: list[str] = []
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            problems.append(f"{pair!r} is not an input; write NAME=VALUE")
        elif name not in runbook.inputs:
            problems.append(_unknown(runbook, name))
        elif name in given:
            problems.append(f"`{name}` is given twice")
        else:
            given[name] = _typed(runbook.inputs[name], text)
    if problems:
        raise InputsRejected(runbook.runbook, problems)
    return given


def misfit(declared: Input, value: Json) -> str | None:
    """What is wrong with the value, or None."""
    if not _is_of_type(declared.type, value):
        return f"must be {_WORDS[declared.type]}; got {value!r}"
    if declared.enum is not None and value not in declared.enum:
        return f"must be one of {', '.join(str(choice) for choice in declared.enum)}; got {value!r}"
    if isinstance(value, str):
        return _text_misfit(declared, value)
    if declared.minimum is not None and value < declared.minimum:
        return f"must be at least {declared.minimum:g}; got {value}"
    if declared.maximum is not None and value > declared.maximum:
        return f"must be at most {declared.maximum:g}; got {value}"
    return None


def _text_misfit(declared: Input, value: str) -> str | None:
    if len(value) > MAX_TEXT:
        return f"may have at most {MAX_TEXT} characters; got {len(value)}"
    if _CONTROL.search(value):
        return "holds a control character"
    if declared.pattern is not None and not re.fullmatch(declared.pattern, value):
        return f"must match {declared.pattern}; got {value!r}"
    return None


def _is_of_type(wanted: str, value: Json) -> bool:
    if wanted == "string":
        return isinstance(value, str)
    if wanted == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False  # True is 1 to Python, and 1 task is not what anybody meant by it
    if wanted == "integer":
        return isinstance(value, int)
    return isinstance(value, int | float) and math.isfinite(value)


def _typed(declared: Input, text: str) -> Json:
    """The value as its type, or the text itself, so that the check says what was got."""
    if declared.type == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if declared.type == "integer" and re.fullmatch(r"[-+]?[0-9]{1,18}", text, re.ASCII):
        return int(text)
    if declared.type == "number" and re.fullmatch(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?", text, re.ASCII):
        return float(text)
    return text


def _unknown(runbook: Runbook, name: str) -> str:
    guess = nearest(name, runbook.inputs)
    if guess:
        return f"no input named {name!r}; did you mean `{guess}`?"
    known = ", ".join(runbook.inputs) or "none"
    return f"no input named {name!r}; there is {known}"


_SCHEMA_WORDS = ("description", "minimum", "maximum", "pattern")


def inputs_schema(runbook: Runbook) -> dict[str, Any]:
    """JSON Schema of what may be given: for forms, and for whoever calls the API."""
    properties: dict[str, Any] = {}
    for name, declared in runbook.inputs.items():
        one: dict[str, Any] = {"type": declared.type}
        one |= {word: value for word in _SCHEMA_WORDS if (value := getattr(declared, word)) is not None}
        one |= {"enum": list(declared.enum)} if declared.enum is not None else {}
        one |= {"default": declared.default} if declared.default is not None else {}
        one |= {"maxLength": MAX_TEXT} if declared.type == "string" else {}
        properties[name] = one
    required = sorted(
        name for name, declared in runbook.inputs.items() if declared.required and declared.default is None
    )
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if runbook.at_least_one_of:
        schema["anyOf"] = [{"required": [name]} for name in runbook.at_least_one_of]
    return {**schema, "required": required} if required else schema
