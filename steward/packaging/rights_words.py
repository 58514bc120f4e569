"""The rights of a stack's roles in words: for `steward permissions`, and for the reference. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.models.rights import REVERSIBLE, StackRole, role_of
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.models.step_index import Permission, StepIndex
from chalicelib.wiring import pinned, step_index
from steward.packaging.reference import NOTICE
from steward.packaging.rights import account_in_template
from steward.packaging.rights_grants import Grant, grants_of, used_steps

Json = dict[str, Any]
_ROLES = {
    StackRole.ACT: "`act`: everything that is read, and what can be taken back.",
    StackRole.DATA: "`data`: what deletes, restores or registers, each with what it reads for that.",
}
_ABOUT = (
    "What the steps declare, and `steward package` makes each stack's two roles of: only for the steps that its "
    "runbooks use, on that stack's own resources. `{…}` stands for what the stack file says; a right on something "
    "that a stack does not have is not given. A stack capped at `shadow` or `suggest` gets reads alone. "
    "`steward permissions [RUNBOOK]` shows them filled in."
)
_NO_RESOURCE = "AWS knows no resource for this action, so it is allowed on `*`."


def explained(stack: Stack, runbooks: Mapping[str, Runbook], runbook: str | None = None) -> list[Json]:
    """Every grant that `steward package` would make, or those that one runbook needs."""
    index, whole = step_index(), pinned(runbooks)
    chosen = {runbook: whole[runbook]} if runbook else whole
    users = used_steps(chosen, index)
    grants = grants_of(stack, account_in_template(stack), users, index)
    return [_as_json(grant, {name for step in grant.steps for name in users[step]}) for grant in grants]


def _as_json(grant: Grant, runbooks: Iterable[str]) -> Json:
    return {
        "role": grant.role.value,
        "action": grant.action,
        "resource": grant.resource,
        "condition": json.loads(grant.condition),
        "changes": not grant.reads,
        "why": list(grant.why),
        "steps": list(grant.steps),
        "runbooks": sorted(runbooks),
        "sentence": sentence(grant),
    }


def sentence(grant: Grant) -> str:
    verb = "reads" if grant.reads else "changes"
    only = "; only if " + " and ".join(_conditions(grant)) if grant.condition != "{}" else ""
    where = "anything, since AWS knows no resource for it" if grant.resource == "*" else grant.resource
    needs = f"needed by {_listed(grant.steps)}" if grant.steps else ""
    return f"{grant.action} {verb} {where}{only}: {'; '.join(grant.why)} ({needs})"


def _conditions(grant: Grant) -> Iterable[str]:
    for keys in json.loads(grant.condition).values():
        yield from (f"{key} is {value}" for key, value in keys.items())


def _listed(names: tuple[str, ...], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def permission_reference(index: StepIndex) -> str:
    """Every right that any step declares, as templates over a stack."""
    lines = ["# Permissions", "", NOTICE, "", _ABOUT]
    rows = _rows(index)
    for role, about in _ROLES.items():
        mine = sorted({key: row for key, row in rows.items() if row[0] is role}.items())
        lines += [
            "",
            f"## {role.value}",
            "",
            about,
            "",
            "| action | on | only if | why | steps |",
            "|---|---|---|---|---|",
        ]
        lines += [_row(permission, steps) for _, (_, permission, steps) in mine]
    lines += ["", "## Reversible", "", "Why an action that changes something stands under `act`:", ""]
    lines += [f"- `{action}`: {why}" for action, why in sorted(REVERSIBLE.items())]
    return "\n".join(lines) + "\n"


def _rows(index: StepIndex) -> dict[tuple[str, str, str], tuple[StackRole, Permission, list[str]]]:
    found: dict[tuple[str, str, str], tuple[StackRole, Permission, list[str]]] = {}
    for name in sorted(index.steps):
        for one in index.steps[name].permissions:
            key = (one.action, one.resource, json.dumps(one.condition, sort_keys=True))
            found.setdefault(key, (role_of(one.action), one, []))[2].append(name)
    return found


def _row(one: Permission, steps: list[str]) -> str:
    only = [f"`{key}` is `{value}`" for keys in one.condition.values() for key, value in keys.items()]
    only += [f"the stack has `{one.only_with}`"] if one.only_with else []
    why = f"{one.why}. {_NO_RESOURCE}" if one.resource == "*" else one.why
    named = ", ".join(f"`{step}`" for step in steps)
    return f"| `{one.action}` | `{one.resource}` | {'; '.join(only)} | {why} | {named} |"
