"""What is written by `steward generate` and compared in CI: made from the code's own declarations.

The state machine, the JSON Schemas for editors, the OpenAPI document, the reference of steps, checks, rights and
causes; and what plain `chalice package` and `chalice local` take from `vendor/`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.catalog.schema import runbook_schema, stack_schema
from chalicelib.engine.machine import definition
from chalicelib.flows.api.openapi import document
from chalicelib.flows.api.routes import ROUTES
from chalicelib.models.step_index import StepIndex
from chalicelib.wiring import VERSION
from steward.cli.folders import PROJECT, read_runbooks, read_stacks
from steward.cli.knowledge import read_knowledge
from steward.packaging.causes_reference import causes_reference
from steward.packaging.reference import check_reference, step_reference
from steward.packaging.rights_words import permission_reference
from steward.packaging.vendored import compiled

Json = dict[str, Any]


def generated(index: StepIndex) -> Mapping[str, str]:
    """Path in the project to what must stand there."""
    return {
        **for_chalice_alone(),
        ".chalice/machine.asl.json": _json(definition("${AdvanceArn}")),
        "docs/reference/runbook.schema.json": _json(runbook_schema(index)),
        "docs/reference/stack.schema.json": _json(stack_schema()),
        "docs/reference/steps.md": step_reference(index),
        "docs/reference/checks.md": check_reference(index),
        "docs/reference/permissions.md": permission_reference(index),
        "docs/reference/openapi.json": _json(document(ROUTES.values(), VERSION)),
        "docs/reference/causes.md": causes_reference(read_knowledge()),
    }


def for_chalice_alone() -> Mapping[str, str]:
    """What the checkout's own runbooks and stacks compile to. `steward package` compiles anew, for its stage."""
    runbooks = read_runbooks(str(PROJECT / "runbooks"))
    stacks = read_stacks(str(PROJECT / "stacks"))
    files = compiled(runbooks.values(), read_knowledge(), stacks.values())
    return {f"vendor/{name}": text for name, text in files.items()}


def drifted(root: Path, files: Mapping[str, str]) -> list[str]:
    """Which of them do not say what they should."""
    return [name for name, text in files.items() if not _says(root / name, text)]


def write(root: Path, files: Mapping[str, str]) -> list[str]:
    """Writes those that drifted; the others keep their time stamps."""
    stale = drifted(root, files)
    for name in stale:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(files[name])
    return stale


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def _json(data: Json) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
