"""The reference of steps and checks as Markdown, from what each declares. Pure: an index in, text out."""

import json
from collections.abc import Iterable
from typing import Any

from chalicelib.models.step_index import StepEntry, StepIndex
from chalicelib.models.words import format_duration

Json = dict[str, Any]
NOTICE = "<!-- Made by `steward generate`; change the code, not this file. -->"
NOT_TRIED = (
    "Everything here was tried on the embedded AWS (moto and the sandbox's world) and is *not tried on AWS* "
    "unless it says so."
)
KINDS = {
    "probe": ("Probes", "Probes only read."),
    "action": ("Actions", "Actions plan Changes, then apply them one by one under the guards."),
    "control": ("Control steps", "Carried out by the conductor itself; they call nothing."),
}


def step_reference(index: StepIndex) -> str:
    lines = ["# Steps", "", NOTICE, "", "What a runbook can `do`. " + NOT_TRIED]
    for kind, (title, about) in KINDS.items():
        entries = [index.steps[name] for name in sorted(index.steps) if index.steps[name].kind == kind]
        lines += ["", f"## {title}", "", about]
        for entry in entries:
            lines += ["", *_step(entry)]
    return _without_double_blanks(lines)


def check_reference(index: StepIndex) -> str:
    lines = ["# Checks", "", NOTICE, ""]
    lines += [
        "A check is a pure predicate over what one probe reads. It answers `true`, `false`, `unknown` or "
        "`not_applicable`; unknown is never a yes. Checks stand in `verify.that`, `guards.standAside` and "
        "`wait_until`. " + NOT_TRIED,
        "",
        "| check | asks | is true when |",
        "|---|---|---|",
    ]
    checks = [index.checks[name] for name in sorted(index.checks)]
    lines += [f"| `{check.name}` | `{check.probe}` | {_cell(check.summary)} |" for check in checks]
    return "\n".join(lines) + "\n"


def _without_double_blanks(lines: list[str]) -> str:
    kept = [line for line, before in zip(lines, ["x", *lines], strict=False) if line or before]
    return "\n".join(kept).rstrip() + "\n"


def _step(entry: StepEntry) -> Iterable[str]:
    yield f"### `{entry.name}`"
    yield ""
    yield entry.summary
    yield ""
    if entry.kind == "action":
        yield f"Risk: **{entry.risk.value}**. {_undo(entry)} *Not tried on AWS.*"
        yield ""
    yield from _fields("Parameters (`with`)", entry.params)
    yield from _fields("Output", entry.output)
    if entry.permissions:
        yield "| permission | on | why |"
        yield "|---|---|---|"
        yield from (f"| `{p.action}` | `{p.resource}` | {_cell(p.why)} |" for p in entry.permissions)


def _undo(entry: StepEntry) -> str:
    return "Can be undone (`steward runs undo`)." if entry.reversible else "Cannot be undone."


def _fields(title: str, schema: Json) -> Iterable[str]:
    fields = schema.get("properties", {})
    if not fields:
        yield f"{title}: none."
        yield ""
        return
    required = set(schema.get("required", ()))
    yield f"{title}:"
    yield ""
    yield "| field | type | |"
    yield "|---|---|---|"
    for name, field in fields.items():
        yield f"| `{name}` | {_type(field)} | {_remarks(field, name in required)} |"
    yield ""


def _type(field: Json) -> str:
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(each) for each in field["anyOf"]))
    if "$ref" in field:
        return f"`{field['$ref'].rsplit('/', 1)[-1]}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    return str(field.get("type", "anything"))


def _remarks(field: Json, required: bool) -> str:
    said = [field["description"]] if "description" in field else []
    if "default" in field:
        said.append(f"default `{_default(field)}`")
    elif required:
        said.append("always there")
    bounds = (("minimum", "at least"), ("maximum", "at most"))
    said += [f"{words} {field[key]}" for key, words in bounds if key in field]
    return _cell("; ".join(said))


def _default(field: Json) -> object:
    """Durations are seconds in the code and `15m` in YAML."""
    value = field["default"]
    if isinstance(value, int) and field.get("type") == "string":
        return format_duration(value)
    return json.dumps(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
