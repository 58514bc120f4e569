"""ARNs of a stack file that cannot be right: of another service, region, account or partition than they are used in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.aws.resources import partition_of
from chalicelib.aws.sessions import account_of
from chalicelib.models.stack import Stack

_ARN = re.compile(r"^arn:(aws|aws-cn|aws-us-gov):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|):.+$")
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}")
_EVERYWHERE = {"iam"}
"""Services whose ARNs name no region."""


@dataclass(frozen=True)
class Named:
    """One place in the file. `region`: in which it must be; `account`: whether it must be the stack's."""

    place: str
    said: str
    service: str
    region: str
    account: bool = True


def wrong_arns(stack: Stack, home: str) -> Iterator[str]:
    for one in _named(stack, home):
        if why := _wrong(one, stack):
            yield f"{one.place}: {one.said}: {why}"
    yield from _of_two_accounts(stack, home)


def account_said(stack: Stack, home: str) -> dict[str, str]:
    """Account to a place that says it, of what must be in the stack's own account."""
    found: dict[str, str] = {}
    for one in _named(stack, home):
        account = account_of(one.said) if one.account and _ARN.match(one.said) else None
        if account:
            found.setdefault(account, one.place)
    return found


def _named(stack: Stack, home: str) -> Iterator[Named]:
    """What is written as an ARN or must be one."""
    here = stack.region
    for place, role in (
        ("role", stack.role),
        ("dataRole", stack.data_role),
        ("ecs.taskRole", stack.ecs.task_role),
        ("ecs.executionRole", stack.ecs.execution_role),
    ):
        if role and (role.startswith("arn:") or not _ROLE_NAME.fullmatch(role)):
            yield Named(place, role, "iam", here)
    group = stack.load_balancer.target_group if stack.load_balancer else None
    function = stack.network.function if stack.network else None
    secrets = {
        "database.secret": stack.database.secret if stack.database else None,
        "mlflow.adminSecret": stack.mlflow.admin_secret,
        "artifacts.secret": stack.artifacts.secret if stack.artifacts else None,
        "ldap.bindSecret": stack.ldap.bind_secret if stack.ldap else None,
    }
    for place, said, service in (
        ("loadBalancer.targetGroup", group, "elasticloadbalancing"),
        ("network.function", function, "lambda"),
        *((place, said, "secretsmanager") for place, said in secrets.items()),
    ):
        if said and said.startswith("arn:"):
            yield Named(place, said, service, here)
    yield from _keys(stack)
    for at, topic in enumerate(stack.topics):
        yield Named(f"topics[{at}]", topic, "sns", home, account=False)


def _keys(stack: Stack) -> Iterator[Named]:
    """A key may be another account's, and never another region's."""
    offsite, artifacts = stack.backup.offsite, stack.artifacts
    for place, said, region in (
        ("backup.macKey", stack.backup.mac_key, stack.region),
        ("backup.offsite.kmsKey", offsite.kms_key if offsite else None, (offsite and offsite.region) or stack.region),
        (
            "artifacts.backupKmsKey",
            artifacts.backup_kms_key if artifacts else None,
            (artifacts and artifacts.backup_region) or stack.region,
        ),
    ):
        if said and said.startswith("arn:"):
            yield Named(place, said, "kms", region, account=False)


def _wrong(one: Named, stack: Stack) -> str | None:
    match = _ARN.match(one.said)
    if match is None:
        return "is no ARN; one is arn:aws:SERVICE:REGION:ACCOUNT:NAME"
    if match[2] != one.service:
        return f"is of {match[2]}, and this is one of {one.service}"
    if match[1] != partition_of(one.region):
        return f"is of partition {match[1]}, and {one.region} is in {partition_of(one.region)}"
    if one.service not in _EVERYWHERE and match[3] != one.region:
        return f"is of region {match[3] or 'none'}, {_whose(one, stack)} {one.region}"
    if one.account and stack.account and account_of(one.said) != stack.account:
        return f"is of account {account_of(one.said)}, the stack's is {stack.account}"
    return None


def _whose(one: Named, stack: Stack) -> str:
    if one.service == "sns":
        return "and SNS keeps what it could not deliver only in a queue beside the topic: list one of Steward's region,"
    return "the stack's is" if one.region == stack.region else "and it is used in"


def _of_two_accounts(stack: Stack, home: str) -> Iterator[str]:
    said = account_said(stack, home)
    if stack.account is None and len(said) > 1:
        told = ", ".join(f"{place} of {account}" for account, place in said.items())
        yield f"it names things of several accounts: {told}; all of a stack is in one, its `account`"
