"""steward permissions: each right of a stack's roles in a sentence: who needs it, on what, and why."""

import json
from typing import Any

import click

from chalicelib.errors import InputError, UnknownName
from chalicelib.models.stack import Stack
from steward.cli.answers import answer, json_option
from steward.cli.folders import read_runbooks, read_stacks

Json = dict[str, Any]


@click.command()
@click.argument("runbook", required=False)
@click.option("--stack", "name", metavar="STACK", help="Whose roles. [default: the first of stacks/]")
@click.option("--stacks", "stacks_dir", metavar="DIR", help="Where stack files are. [default: stacks/]")
@click.option("--backup-bucket", is_flag=True, help="Instead: what another account's backup bucket and key must say.")
@click.option("--stage", default="dev", show_default=True, help="Whose roles a bucket of another account lets in.")
@click.option("--account", metavar="ID", help="Of the stack. [default: as its file says]")
@click.option("--dir", "given", metavar="DIR", help="Where runbooks are. [default: runbooks/]")
@json_option
def permissions(
    runbook: str | None,
    name: str | None,
    stacks_dir: str | None,
    backup_bucket: bool,
    stage: str,
    account: str | None,
    given: str | None,
    as_json: bool,
) -> None:
    """Explain what `steward package` would allow Steward on a stack, or the part of it that RUNBOOK needs."""
    from steward.packaging.rights_words import explained

    known, stacks = read_runbooks(given), read_stacks(stacks_dir)
    if runbook is not None and runbook not in known:
        raise UnknownName("runbook", runbook, list(known))
    if not stacks:
        raise InputError("there is no stack file; `steward stacks discover` writes one")
    stack = next(iter(stacks.values())) if name is None else stacks.get(name)
    if stack is None:
        raise UnknownName("stack", name or "", list(stacks))
    if backup_bucket:
        answer(_for_other_account(stack, stage, account), as_json, _pasted)
        return
    found = explained(stack, known, runbook)
    said = {"stack": stack.stack, "autonomy": stack.autonomy.value, "runbook": runbook, "grants": found}
    answer(said, as_json, _drawn)


def _for_other_account(stack: Stack, stage: str, account: str | None) -> Json:
    from chalicelib.steps.backup_grant import bucket_policy, key_statement
    from steward.packaging.rights import with_roles

    artifacts, whose = stack.artifacts, account or stack.account or "ACCOUNT"
    if artifacts is None or artifacts.backup_account is None:
        raise InputError(f"{stack.stack} has no backup bucket in another account: its file has no backupAccount")
    deployed = with_roles(stack, stage)
    return {
        "stack": stack.stack,
        "bucket": artifacts.backup_bucket,
        "account": artifacts.backup_account,
        "bucket_policy": bucket_policy(deployed, whose),
        "key_statement": key_statement(deployed, whose) if artifacts.backup_kms_key else None,
    }


def _pasted(said: Json) -> list[str]:
    lines = [f"Policy of the bucket {said['bucket']}, in account {said['account']}:", ""]
    lines += json.dumps(said["bucket_policy"], indent=2).splitlines()
    if said["key_statement"]:
        lines += ["", "One statement more in the policy of its key:", ""]
        lines += json.dumps(said["key_statement"], indent=2).splitlines()
    return lines


def _drawn(said: Json) -> list[str]:
    lines = [f"What Steward may do on {said['stack']} (autonomy {said['autonomy']})"]
    for role in dict.fromkeys(each["role"] for each in said["grants"]):
        mine = [each for each in said["grants"] if each["role"] == role]
        changes = sum(each["changes"] for each in mine)
        lines += ["", f"role {role}: {len(mine)} rights, {changes} of them change something", ""]
        lines += [f"  {each['sentence']}" for each in mine]
    return lines
