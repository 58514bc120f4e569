"""Which of a stack's two roles a right belongs to (S21): `act` is reversible, `data` deletes, restores, registers.

Decided by the action's name alone, so that the role that is packaged and the role that is assumed cannot differ.
"""

from collections.abc import Iterable
from enum import StrEnum

from chalicelib.models.step_index import Permission

_READS = ("Describe", "List", "Get", "Head", "Search", "Lookup", "Filter", "BatchGet")
_ALSO_READS = frozenset({"kms:Decrypt", "kms:VerifyMac"})
"""Decrypt: what S3 may give, by way of S3 only; nothing is changed, and nothing is given that may not be read."""

REVERSIBLE: dict[str, str] = {
    "application-autoscaling:RegisterScalableTarget": "bounds and suspensions are put back as they were",
    "ecs:StopTask": "the service starts another one",
    "ecs:UpdateService": "counts and revisions are put back as they were",
    "kms:CreateGrant": "of RDS, for one copy; what is copied can be read before and after",
    "kms:GenerateDataKey": "what is written is encrypted, and can be written anew",
    "kms:GenerateMac": "signs, and changes nothing",
    "rds:AddTagsToResource": "on what Steward is just making",
    "rds:CopyDBClusterSnapshot": "one more copy",
    "rds:CopyDBSnapshot": "one more copy",
    "rds:CreateDBClusterSnapshot": "one more snapshot",
    "rds:CreateDBSnapshot": "one more snapshot",
}
"""What changes something and can be taken back, and why. Whatever is neither here nor a read is `data`."""


class StackRole(StrEnum):
    ACT = "act"
    DATA = "data"


def only_reads(action: str) -> bool:
    """Of an action as IAM writes it."""
    return action in _ALSO_READS or action.partition(":")[2].startswith(_READS)


def role_of(action: str) -> StackRole:
    return StackRole.ACT if only_reads(action) or action in REVERSIBLE else StackRole.DATA


def role_for(permissions: Iterable[Permission]) -> StackRole:
    """A step acts with one role: `data` as soon as one of its rights is of that kind."""
    roles = {role_of(permission.action) for permission in permissions}
    return StackRole.DATA if StackRole.DATA in roles else StackRole.ACT


def reads_of(permissions: Iterable[Permission]) -> tuple[Permission, ...]:
    """For planning and looking: nothing that changes, and nothing that only what is done later needs."""
    return tuple(one for one in permissions if only_reads(one.action) and one.phase != "apply")


def acting_with(permissions: Iterable[Permission]) -> tuple[Permission, ...]:
    return tuple(one for one in permissions if one.phase != "plan")


def planning(*permissions: Permission) -> tuple[Permission, ...]:
    """The same rights, needed by an action's plan alone."""
    return tuple(one.model_copy(update={"phase": "plan"}) for one in permissions)


def applying(*permissions: Permission) -> tuple[Permission, ...]:
    return tuple(one.model_copy(update={"phase": "apply"}) for one in permissions)
