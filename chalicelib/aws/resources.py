"""What a stack's rights are rights on: the templates that steps declare, filled in with what the stack names. Pure."""

import re

from chalicelib.models.made_names import mark_of
from chalicelib.models.stack import Stack
from chalicelib.models.step_index import Permission

_FIELD = re.compile(r"\{(\w+)\}")


def partition_of(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def role_arn(role: str, account: str, region: str) -> str:
    """`role`: its ARN, or the name of one of this account."""
    return role if role.startswith("arn:") else f"arn:{partition_of(region)}:iam::{account}:role/{role}"


def resource_facts(stack: Stack, account: str) -> dict[str, str | None]:
    """What a permission's resource template may name."""
    offsite = stack.backup.offsite
    return {
        "partition": partition_of(stack.region),
        "region": stack.region,
        "amazonaws": "amazonaws.com.cn" if stack.region.startswith("cn-") else "amazonaws.com",
        "account": account,
        "stack": stack.stack,
        "made": mark_of(stack.stack),
        "offsite_region": offsite.region if offsite else None,
        "shared_region": (offsite.region or stack.region) if offsite and offsite.account else None,
        "offsite_key": _key_arn(stack, account, offsite.kms_key, offsite.region) if offsite else None,
        "cluster": stack.ecs.cluster,
        "service": stack.ecs.service,
        "target_group": stack.load_balancer.target_group if stack.load_balancer else None,
        "database": stack.database.instance if stack.database else None,
        "database_cluster": stack.database.cluster if stack.database else None,
        "database_key": stack.database.kms_key if stack.database else None,
        "bucket": stack.artifacts.bucket if stack.artifacts else None,
        "artifacts_key": stack.artifacts.kms_key if stack.artifacts else None,
        "backup_key": _backup_key(stack, account),
        "backup_region": (stack.artifacts.backup_region if stack.artifacts else None) or stack.region,
        "backup_account": stack.artifacts.backup_account if stack.artifacts else None,
        "mac_key": _key_arn(stack, account, stack.backup.mac_key, stack.region),
        "backup_bucket": stack.artifacts.backup_bucket if stack.artifacts else None,
        "admin_secret": secret_name(stack.mlflow.admin_secret),
        "database_secret": secret_name(stack.database.secret if stack.database else None),
        "artifacts_secret": secret_name(stack.artifacts.secret if stack.artifacts else None),
        "ldap_secret": secret_name(stack.ldap.bind_secret if stack.ldap else None),
        "log_group": stack.logs.group if stack.logs else None,
        "task_role": stack.ecs.task_role,
        "execution_role": stack.ecs.execution_role,
    }


def _backup_key(stack: Stack, account: str) -> str | None:
    artifacts = stack.artifacts
    if artifacts is None:
        return None
    return _key_arn(stack, artifacts.backup_account or account, artifacts.backup_kms_key, artifacts.backup_region)


def _key_arn(stack: Stack, account: str, name: str | None, region: str | None) -> str | None:
    """An ARN says whose it is. An alias names no resource of its own: then it is any key of its account, and the role's
    own policy says which."""
    if name is None:
        return None
    if not name.startswith("arn:"):
        name = f"arn:{partition_of(stack.region)}:kms:{region or stack.region}:{account}:{_as_key(name)}"
    return re.sub(r":alias/.*$", ":key/*", name)


def _as_key(name: str) -> str:
    return name if name.startswith("alias/") else f"key/{name}"


def secret_name(name_or_arn: str | None) -> str | None:
    """The name alone: AWS ends the ARN of a secret with a hyphen and six characters of its own."""
    if name_or_arn is None or not name_or_arn.startswith("arn:"):
        return name_or_arn
    return re.sub(r"-\w{6}$", "", name_or_arn.split(":", 6)[-1])


def resource_of(permission: Permission, facts: dict[str, str | None]) -> str | None:
    """None: this stack has nothing that the right could be used on."""
    if permission.only_with is not None and facts[permission.only_with] is None:
        return None
    return fill(permission.resource, facts)


def fill(template: str, facts: dict[str, str | None]) -> str | None:
    """None: the stack does not have what the template names, so there is nothing to allow."""
    names = _FIELD.findall(template)
    if any(facts[name] is None for name in names):
        return None
    return _FIELD.sub(lambda match: str(facts[match[1]]), template)
