"""What a stack's two roles may do (S21), out of what the steps of its runbooks declare. Pure: data in, data out.

`act` holds what every step reads and what reversible steps change; `data` holds whole steps that delete, restore
or register. A stack that is capped at `shadow` or `suggest` has reads alone, and no `data` at all.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws.resources import fill, resource_facts, resource_of
from chalicelib.models.rights import StackRole, acting_with, only_reads, reads_of, role_for
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.models.step_index import Permission, StepIndex
from chalicelib.models.words import Autonomy

Json = dict[str, Any]
HANDS_OFF = (Autonomy.SHADOW, Autonomy.SUGGEST)


@dataclass(frozen=True)
class Grant:
    """One right of one role: the unit that is explained, proved to be used, and checked."""

    role: StackRole
    action: str
    resource: str
    condition: str = "{}"
    """JSON, with its keys sorted."""
    why: tuple[str, ...] = field(default=(), compare=False)
    steps: tuple[str, ...] = field(default=(), compare=False)

    @property
    def reads(self) -> bool:
        return only_reads(self.action)


def used_steps(runbooks: Mapping[str, Runbook], index: StepIndex) -> dict[str, tuple[str, ...]]:
    """Every probe and action that these runbooks can come to call, each with the runbooks that do. Runbooks as they
    are pinned: with their includes in place."""
    found: dict[str, dict[str, None]] = {}
    for name in sorted(runbooks):
        for step in _called_by(runbooks[name], index):
            found.setdefault(step, {})[name] = None
    return {step: tuple(found[step]) for step in sorted(found)}


def _called_by(runbook: Runbook, index: StepIndex) -> Iterable[str]:
    checks = [*runbook.guards.stand_aside, *(runbook.verify.that if runbook.verify else ())]
    for step in runbook.steps:
        entry = index.steps.get(step.do or "")
        if entry is not None and entry.kind != "control":
            yield entry.name
        checks += step.with_.get("checks", ()) if step.do == "wait_until" else ()
    yield from (index.checks[check].probe for check in checks if check in index.checks)


def grants_of(stack: Stack, account: str, steps: Iterable[str], index: StepIndex) -> tuple[Grant, ...]:
    """`account` may be CloudFormation's `${AWS::AccountId}`."""
    facts = resource_facts(stack, account)
    found: dict[Grant, tuple[dict[str, None], dict[str, None]]] = {}
    for step in steps:
        for role, permission in _shared_out(index.steps[step].permissions, hands_off=stack.autonomy in HANDS_OFF):
            resource = resource_of(permission, facts)
            if resource is None:
                continue
            grant = Grant(role, permission.action, resource, _condition(permission, stack, facts))
            why, by = found.setdefault(grant, ({}, {}))
            why[permission.why], by[step] = None, None
    ordered = sorted(found, key=lambda grant: (grant.role, grant.action, grant.resource, grant.condition))
    return tuple(
        Grant(one.role, one.action, one.resource, one.condition, tuple(found[one][0]), tuple(found[one][1]))
        for one in ordered
    )


def _shared_out(permissions: Sequence[Permission], *, hands_off: bool) -> Iterable[tuple[StackRole, Permission]]:
    """Plans are made with `act` and reads alone, whatever the step; it acts with one role. So does sessions.py."""
    for permission in reads_of(permissions):
        yield StackRole.ACT, permission
    role = role_for(permissions)
    for permission in () if hands_off else acting_with(permissions):
        if role is StackRole.DATA or not only_reads(permission.action):
            yield role, permission


def _condition(permission: Permission, stack: Stack, facts: dict[str, str | None]) -> str:
    filled: Json = {
        operator: {key: fill(value, facts) or value for key, value in keys.items()}
        for operator, keys in permission.condition.items()
    }
    if "{mac_key}" in permission.resource and "alias/" in (stack.backup.mac_key or ""):
        # An alias names no resource: any key of the account, as long as it is asked for by that alias.
        alias = "alias/" + (stack.backup.mac_key or "").rpartition("alias/")[2]
        filled.setdefault("StringEquals", {})["kms:RequestAlias"] = alias
    return json.dumps(filled, sort_keys=True)


def statements(grants: Iterable[Grant]) -> list[Json]:
    """In few words, since a role's inline policies share 10,240 characters: what has the same resources and
    conditions is one statement, and so is what has the same actions and conditions."""
    by_resource: dict[tuple[str, str], set[str]] = {}
    for grant in grants:
        by_resource.setdefault((grant.resource, grant.condition), set()).add(grant.action)
    by_actions: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for (resource, condition), actions in sorted(by_resource.items()):
        by_actions.setdefault((tuple(sorted(actions)), condition), []).append(resource)
    return [
        {
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": resources,
            **({"Condition": json.loads(condition)} if condition != "{}" else {}),
        }
        for (actions, condition), resources in by_actions.items()
    ]
