"""JSON Schemas (2020-12) of runbook and stack files, for editors: completion, hints, red lines while typing.

The linter knows more; what the schema refuses the loader or the linter refuses too.
"""

import json
from typing import Any

from chalicelib.models.mistakes import Json
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.models.step_index import StepEntry, StepIndex
from chalicelib.models.words import format_duration

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = r"^\d{1,6}[smhd]$"
_REFERENCE = {
    "type": "string",
    "pattern": r"\$\{.+\}",
    "description": "a reference: ${inputs.NAME} or ${steps.ID.field}",
}


def stack_schema() -> dict[str, Any]:
    return {"$schema": DIALECT, **_readable(Stack.model_json_schema(by_alias=True)), "title": "Stack of MLflow Steward"}


def runbook_schema(index: StepIndex) -> dict[str, Any]:
    fields = _readable(Runbook.model_json_schema(by_alias=True))
    schema: dict[str, Any] = {"$schema": DIALECT, **fields, "title": "Runbook of MLflow Steward"}
    definitions = schema["$defs"]
    _with_steps(definitions["Step"], definitions, index)
    sources = sorted(definitions["Trigger"]["properties"])
    definitions["Trigger"] |= {"minProperties": 1, "maxProperties": 1, "description": f"one of {', '.join(sources)}"}
    checks = sorted(index.checks)
    definitions["Verify"]["properties"]["that"]["items"] = {"enum": checks}
    definitions["Guards"]["properties"]["standAside"]["items"] = {"enum": sorted({*checks, "freeze"})}
    return schema


def _with_steps(step: dict[str, Any], definitions: dict[str, Any], index: StepIndex) -> None:
    entries = [index.steps[name] for name in sorted(index.steps)]
    route = {"type": "string", "pattern": "^(abort|continue|escalate|step:[a-z][a-z0-9_]*)$", "default": "abort"}
    properties = step["properties"]
    properties["do"] = {"type": "string", "enum": [entry.name for entry in entries]}
    properties["include"] = {"type": "string", "pattern": "^[a-z][a-z0-9-]*$"}
    properties["onFailure"], properties["onCancel"] = route, route
    step["oneOf"] = [{"required": ["do"]}, {"required": ["include"]}]
    step["allOf"] = [_condition(entry, definitions) for entry in entries]


def _condition(entry: StepEntry, definitions: dict[str, Any]) -> dict[str, Any]:
    """If `do` is this step, then `with` is what this step declares."""
    prefix = entry.name.replace(".", "_")
    text = json.dumps(entry.params).replace('"#/$defs/', f'"#/$defs/{prefix}_')
    params = json.loads(text)
    for name, definition in params.pop("$defs", {}).items():
        definitions[f"{prefix}_{name}"] = definition
    params["properties"] = {name: _or_reference(node) for name, node in params.get("properties", {}).items()}
    then: dict[str, Any] = {"properties": {"with": {**params, "description": entry.summary}}}
    if params.get("required"):
        then["required"] = ["with"]
    return {"if": {"properties": {"do": {"const": entry.name}}, "required": ["do"]}, "then": then}


def _or_reference(node: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [node, _REFERENCE]}


def _readable(node: Json) -> Json:
    """Defaults of durations as people write them: pydantic gives the seconds that the code holds."""
    if isinstance(node, list):
        return [_readable(part) for part in node]
    if not isinstance(node, dict):
        return node
    told = {name: _readable(part) for name, part in node.items()}
    if node.get("pattern") == _DURATION and isinstance(node.get("default"), int):
        told["default"] = format_duration(node["default"])
    return told
