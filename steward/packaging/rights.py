"""The two roles of each stack (S21, S23), as CloudFormation: the same here and in another account (away.py).

The trust names Steward's exact roles, asks for the stack's external id, and for a source identity, which is the
run's id. Pure: stacks, runbooks and the index of steps in, templates out.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.aws.resources import partition_of
from chalicelib.aws.sessions import account_of
from chalicelib.errors import InputError
from chalicelib.models.rights import StackRole
from chalicelib.models.runbook import Runbook
from chalicelib.models.shape import content_hash
from chalicelib.models.stack import Stack
from chalicelib.wiring import pinned, step_index
from steward.packaging.keeping import tags
from steward.packaging.names import PREFIX, Names, logical, sub
from steward.packaging.rights_grants import HANDS_OFF, Grant, grants_of, statements, used_steps

Json = dict[str, Any]
HERE = "${AWS::AccountId}"
POLICY_LIMIT = 10_240
"""Of all inline policies of one role, white space not counted (AWS quotas)."""
ASSUMING = "advance"
COPYING = "copy-shard"
"""The functions that act for a run; no other is named by a trust."""
_LONGEST_NAME = 64
_NEVER_ON_BACKUPS = (
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteObjectVersion",
    "s3:PutBucketPolicy",
    "s3:PutBucketVersioning",
    "s3:PutLifecycleConfiguration",
)


class RoleTooLarge(InputError):
    def __init__(self, role: str, size: int) -> None:
        super().__init__(f"the policy of {role} has {size} characters, and IAM takes {POLICY_LIMIT}")


def role_name(stage: str, stack: str, which: StackRole) -> str:
    """Ends with what it is, so that a pattern can name all of a stage's."""
    name = f"{PREFIX}-{stage}-{stack}-{which.value}"
    if len(name) <= _LONGEST_NAME:
        return name
    end = f"-{content_hash(stack)[:8]}-{which.value}"  # cut alone, two stacks could share a role
    return f"{PREFIX}-{stage}-{stack}"[: _LONGEST_NAME - len(end)] + end


def with_roles(stack: Stack, stage: str) -> Stack:
    """As it is deployed: with the names of the roles that packaging makes for it, and their external id. What its
    file names stays. A stack that may not act has no `data` role at all."""
    if stack.role is not None:
        return stack
    data = None if stack.autonomy in HANDS_OFF else role_name(stage, stack.stack, StackRole.DATA)
    given = stack.external_id or f"steward-{content_hash([PREFIX, stage, stack.stack, stack.account or ''])[:32]}"
    roles = {"role": role_name(stage, stack.stack, StackRole.ACT), "data_role": data, "external_id": given}
    return stack.model_copy(update=roles)


def stack_grants(stack: Stack, runbooks: Mapping[str, Runbook]) -> tuple[Grant, ...]:
    index = step_index()
    return grants_of(stack, account_in_template(stack), used_steps(pinned(runbooks), index), index)


def account_in_template(stack: Stack) -> str:
    return stack.account or (account_of(stack.role) if stack.role else None) or HERE


def role_policies(stack: Stack, grants: tuple[Grant, ...]) -> dict[StackRole, Json]:
    """Texts in it may be for Fn::Sub. A stack that is capped has no policy for `data`."""
    found: dict[StackRole, Json] = {}
    for role in StackRole:
        allowed = statements(grant for grant in grants if grant.role is role)
        if allowed:
            found[role] = {"Version": "2012-10-17", "Statement": [*allowed, *_denials(stack)]}
    for role, policy in found.items():
        size = len(json.dumps(policy, separators=(",", ":")).replace(HERE, "0" * 12))
        if size > POLICY_LIMIT:
            raise RoleTooLarge(f"{stack.stack}'s role {role.value}", size)
    return found


def _denials(stack: Stack) -> list[Json]:
    """S17, also for the day when somebody attaches one policy more."""
    bucket = stack.artifacts.backup_bucket if stack.artifacts else None
    if bucket is None:
        return []
    arns = [f"arn:{partition_of(stack.region)}:s3:::{bucket}{rest}" for rest in ("", "/*")]
    return [{"Effect": "Deny", "Action": list(_NEVER_ON_BACKUPS), "Resource": arns}]


def role_resources(
    stack: Stack,
    names: Names,
    runbooks: Mapping[str, Runbook],
    *,
    steward_account: str = HERE,
    steward_region: str = "${AWS::Region}",
    copies: bool = False,
) -> Json:
    """Logical id to resource. `stack` as `with_roles` gives it; `copies`: whether the stage has that function."""
    policies = role_policies(stack, stack_grants(stack, runbooks))
    principals = [
        sub(names.role_arn(one).replace(HERE, steward_account).replace("${AWS::Region}", steward_region))
        for one in ((ASSUMING, COPYING) if copies else (ASSUMING,))
    ]
    found: Json = {}
    for which, name in ((StackRole.ACT, stack.role), (StackRole.DATA, stack.data_role)):
        if name is None or which not in policies:
            continue
        found[logical("stack", stack.stack, which.value, "role")] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": name.rpartition("/")[2],
                "Description": f"What MLflow Steward ({names.stage}) may do on {stack.stack}: {which.value}",
                "AssumeRolePolicyDocument": trust(principals, stack.external_id),
                "Policies": [{"PolicyName": "steward", "PolicyDocument": filled(policies[which])}],
                "Tags": [*tags(names), {"Key": "steward:stage", "Value": names.stage}],
            },
        }
    return found


def trust(principals: list[Any], external_id: str | None) -> Json:
    said_who = {"StringLike": {"sts:SourceIdentity": "?*"}}
    agreed = {"StringEquals": {"sts:ExternalId": external_id}} if external_id else {}
    who = {"Effect": "Allow", "Principal": {"AWS": principals}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {**who, "Action": "sts:AssumeRole", "Condition": {**agreed, **said_who}},
            {**who, "Action": "sts:SetSourceIdentity", "Condition": said_who},
        ],
    }


def roles_here(stacks: Sequence[Stack], names: Names, runbooks: Mapping[str, Runbook], *, copies: bool) -> Json:
    """Resources for Steward's own template: the roles of those stacks that live in its account and name none."""
    found: Json = {}
    for stack in stacks:
        if stack.account is None and stack.role == role_name(names.stage, stack.stack, StackRole.ACT):
            found |= role_resources(stack, names, runbooks, copies=copies)
    after = ["AdvanceRole", "CopyShardRole"] if copies else ["AdvanceRole"]  # IAM trusts nobody who is not there yet
    return {title: {**role, "DependsOn": after} for title, role in found.items()}


def filled(policy: Any) -> Any:  # noqa: ANN401 - JSON
    """Every text with something of CloudFormation's in it becomes an Fn::Sub."""
    if isinstance(policy, dict):
        return {key: filled(value) for key, value in policy.items()}
    if isinstance(policy, list):
        return [filled(one) for one in policy]
    return sub(policy) if isinstance(policy, str) else policy
