"""A backup bucket of another account: what is missing there is refused by its name, with what to paste, and where."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.aws.s3 import Encryption
from chalicelib.aws.sessions import account_said
from chalicelib.backup.manifests import RESERVED
from chalicelib.errors import AwsDenied, StepFailed, StepRefused
from chalicelib.steps.backup_grant import bucket_policy, key_statement
from chalicelib.steps.backup_journal import Task
from chalicelib.steps.step import StepContext

TRIAL = f"{RESERVED}trial"
OWNED = "BucketOwnerEnforced"
_KEY_RIGHT = re.compile(r"kms:[A-Za-z]+")


def own_account(ctx: StepContext) -> str:
    return account_said(ctx.stack, ctx.stack.role) or ctx.aws.sts.account()


def other_account(ctx: StepContext) -> str | None:
    """None: the backup bucket is the stack's own account's."""
    named = ctx.stack.artifacts.backup_account if ctx.stack.artifacts else None
    return named if named is not None and named != own_account(ctx) else None


@contextmanager
def let_in(ctx: StepContext, bucket: str) -> Iterator[None]:
    """Around what asks the backup bucket something."""
    try:
        yield
    except AwsDenied as exc:
        raise StepRefused(f"backup bucket {bucket} cannot be looked at: {why_denied(ctx, bucket, exc)}") from exc


def why_denied(ctx: StepContext, bucket: str, exc: AwsDenied) -> str:
    """The right that is missing, and who gives it how."""
    by_key = _KEY_RIGHT.search(exc.message)
    missing = by_key[0] if by_key else exc.operation
    if other_account(ctx) is None:
        return f"{missing} is denied; grant it"
    return f"{missing} is denied; {key_remedy(ctx) if by_key else bucket_remedy(ctx, bucket)}"


def bucket_remedy(ctx: StepContext, bucket: str) -> str:
    policy = json.dumps(bucket_policy(ctx.stack, own_account(ctx)))
    return (
        f"account {other_account(ctx)} lets Steward in, beside what the bucket's policy says already: aws s3api"
        f" put-bucket-policy --bucket {bucket} --policy '{policy}'"
    )


def key_remedy(ctx: StepContext) -> str:
    statement = json.dumps(key_statement(ctx.stack, own_account(ctx)))
    return f"account {other_account(ctx)} adds to the policy of its key: {statement}"


def check_ownership(ctx: StepContext, bucket: str, region: str) -> None:
    """Else each copy would belong to the stack's account: who loses that loses the backup, and its owner could not read
    what lies in the bucket."""
    if other_account(ctx) is None:
        return
    rule = ctx.aws.in_region(region).vault.ownership(bucket)
    if rule != OWNED:
        raise StepRefused(
            f"backup bucket {bucket} leaves copies to the account that writes them (its object ownership is"
            f" {rule or 'not set'}), and not to account {other_account(ctx)}: aws s3api put-bucket-ownership-controls"
            f" --bucket {bucket} --ownership-controls 'Rules=[{{ObjectOwnership={OWNED}}}]'"
        )


def check_key_of_other(ctx: StepContext, bucket: str, default: Encryption | None) -> None:
    """KMS looks up an alias, a bare id and Amazon's own key in the account of whoever asks, not of the bucket."""
    account, artifacts = other_account(ctx), ctx.stack.artifacts
    if account is None or artifacts is None:
        return
    written = artifacts.backup_kms_key
    if written is not None and ":key/" not in written:
        raise StepRefused(
            f"artifacts.backupKmsKey {written} would be looked up in account {own_account(ctx)}, and the backup bucket"
            f" is account {account}'s: write the key's ARN (arn:…:kms:REGION:{account}:key/ID)"
        )
    if default is None or default.algorithm == "AES256":
        return
    if default.key is None or ":key/" not in default.key:
        raise StepRefused(
            f"backup bucket {bucket} encrypts with {default.key or 'alias/aws/s3'}, which stands for a key of account"
            f" {own_account(ctx)} when Steward writes, so that account {account} could not read its own backup: set the"
            " bucket's default encryption to a key of that account by its ARN, or to AES256"
        )


def try_writing(ctx: StepContext, task: Task) -> None:
    """Before the first copy. A plan may write nothing, and nobody may read the policy of another account's bucket:
    what it leaves out would be found out by a hundred copies that fail."""
    if other_account(ctx) is None:
        return
    artifacts = ctx.stack.artifacts
    key = artifacts.backup_kms_key if artifacts else None
    try:
        ctx.aws.in_region(task.target_region).vault.try_out(task.target_bucket, TRIAL, kms_key=key)
    except AwsDenied as exc:
        why = why_denied(ctx, task.target_bucket, exc)
        raise StepFailed(
            ctx.step_id, f"nothing was copied: backup bucket {task.target_bucket} takes no copies: {why}"
        ) from exc
