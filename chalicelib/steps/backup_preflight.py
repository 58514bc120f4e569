"""What must be true before a backup touches anything; each refusal says why and what to do."""

import json
from collections.abc import Callable

from chalicelib.aws.s3 import Encryption
from chalicelib.aws.s3_vault import LifecycleRule
from chalicelib.backup.manifest import Head
from chalicelib.backup.manifests import RESERVED, Manifests, rival
from chalicelib.errors import AwsDenied, AwsError, AwsNotFound, ManifestBroken, ManifestUnrecorded, StepRefused
from chalicelib.steps.backup_other_account import (
    bucket_remedy,
    check_key_of_other,
    check_ownership,
    let_in,
    other_account,
    own_account,
    why_denied,
)
from chalicelib.steps.backup_places import Route
from chalicelib.steps.savings import noncurrent_days
from chalicelib.steps.step import StepContext

LEAST_NONCURRENT_DAYS = 7
"""Fewer, and what was overwritten or deleted is gone before anybody has missed it."""
MOST_READ_BYTES = 256 * 1024 * 1024
"""Of the last manifest, in preflight; a worker checks the rest before it believes a line of it."""
_RULE = {
    "Rules": [
        {
            "ID": "steward-noncurrent",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]
}


def check_target(ctx: StepContext, route: Route) -> None:
    """S17: versions, and the rule by which they end; nothing of it is changed by Steward."""
    bucket, there = route.target.bucket, ctx.aws.in_region(route.target_region)
    try:
        with let_in(ctx, bucket):
            _check_owner(ctx, route)
            check_region(ctx, bucket, route.target_region, "backup", "write artifacts.backupRegion: {}")
            check_ownership(ctx, bucket, route.target_region)
            versioning = there.s3.versioning(bucket)
            rules = there.vault.lifecycle(bucket)
            public = there.vault.is_public(bucket)
            other = rival(there.vault, route.owner, bucket)
    except AwsNotFound as exc:
        raise StepRefused(f"there is no backup bucket {bucket} in {route.target_region}; make it, versioned") from exc
    except ManifestBroken as exc:
        raise StepRefused(f"{exc}; find out who wrote there before anything else does") from exc
    if versioning != "Enabled":
        raise StepRefused(
            f"backup bucket {bucket} keeps no versions (versioning is {versioning}): aws s3api put-bucket-versioning"
            f" --bucket {bucket} --versioning-configuration Status=Enabled",
            rule="S17",
        )
    check_rules(route.target.bucket, route.target.prefix, rules)
    if public:
        raise StepRefused(
            f"backup bucket {bucket} is open to everybody: aws s3api put-public-access-block --bucket {bucket}"
            " --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,"
            "BlockPublicPolicy=true,RestrictPublicBuckets=true"
        )
    if other is not None:
        raise StepRefused(
            f"s3://{bucket}/{route.target.prefix} holds the backup of {other.source} (stack {other.stack}):"
            " two sources in one place would overwrite each other; use another backup bucket"
        )


def _check_owner(ctx: StepContext, route: Route) -> None:
    other, bucket = other_account(ctx), route.target.bucket
    account = other or own_account(ctx)
    if not ctx.aws.in_region(route.target_region).vault.owner_is(bucket, account):
        raise StepRefused(
            f"backup bucket {bucket} is not one of account {account}, or s3:ListBucket is denied: if it is another"
            " account's on purpose, write artifacts.backupAccount; else it is somebody else's bucket of that name"
            + (f". If it is that account's: {bucket_remedy(ctx, bucket)}" if other else "")
        )


def check_region(ctx: StepContext, bucket: str, region: str, what: str, remedy: str) -> None:
    """A request that is signed for another region than the bucket's is answered by nobody: each copy would fail."""
    lies_in = ctx.aws.in_region(region).s3.region_of(bucket)
    if lies_in != region:
        raise StepRefused(f"{what} bucket {bucket} lies in {lies_in}, not in {region}: {remedy.format(lies_in)}")


def check_rules(bucket: str, prefix: str, rules: tuple[LifecycleRule, ...]) -> None:
    touching = [rule for rule in rules if rule.prefix.startswith(prefix) or prefix.startswith(rule.prefix)]
    for rule in touching:
        if rule.expires_current:
            raise StepRefused(
                f"lifecycle rule {rule.id or '(unnamed)'} of bucket {bucket} deletes what is current: the backup would"
                " vanish by itself; take its Expiration out",
                rule="S17",
            )
        if rule.noncurrent_days is not None and rule.noncurrent_days < LEAST_NONCURRENT_DAYS:
            raise StepRefused(
                f"lifecycle rule {rule.id or '(unnamed)'} of bucket {bucket} ends old versions after"
                f" {rule.noncurrent_days} day(s): nothing could be restored as of last week; set NoncurrentDays to"
                f" {LEAST_NONCURRENT_DAYS} or more",
                rule="S17",
            )
    if noncurrent_days(rules, prefix) is None:
        raise StepRefused(
            f"backup bucket {bucket} has no lifecycle rule that ends noncurrent versions, so that nothing deleted would"
            " ever leave it: aws s3api put-bucket-lifecycle-configuration"
            f" --bucket {bucket} --lifecycle-configuration '{json.dumps(_RULE)}'",
            rule="S17",
        )


def check_keys(ctx: StepContext, route: Route) -> None:
    """Steward has rights on just those keys of yours that the stack names: with another, each copy would be denied."""
    artifacts = ctx.stack.artifacts
    source, target = route.source.bucket, route.target.bucket
    default = _encryption(ctx, source, route.source_region, lambda exc: f"{exc.operation} is denied; grant it")
    _check_key(source, default, artifacts.kms_key if artifacts else None, "kmsKey")
    default = _encryption(ctx, target, route.target_region, lambda exc: why_denied(ctx, target, exc))
    check_key_of_other(ctx, target, default)
    _check_key(target, default, artifacts.backup_kms_key if artifacts else None, "backupKmsKey")


def _encryption(ctx: StepContext, bucket: str, region: str, why: Callable[[AwsDenied], str]) -> Encryption | None:
    try:
        return ctx.aws.in_region(region).s3.encryption(bucket)
    except AwsDenied as exc:
        raise StepRefused(f"bucket {bucket} cannot be looked at: {why(exc)}") from exc


def _check_key(bucket: str, default: Encryption | None, key: str | None, line: str) -> None:
    if default is None or default.is_amazons or (key is not None and default.may_be(key)):
        return
    instead = f", and the stack names {key}" if key else ""
    raise StepRefused(
        f"bucket {bucket} encrypts with {default.key}, on which Steward has no rights{instead}: write"
        f" `artifacts: {{{line}: {default.key}}}` in the stack's file (the ARN of the key, not of an alias), then"
        " package and deploy again"
    )


def check_source(ctx: StepContext, route: Route) -> None:
    bucket, prefix = route.source.bucket, route.source.prefix
    try:
        first = ctx.aws.s3.first_key(bucket, prefix)  # before the HEAD below, whose refusal has no name
        check_region(
            ctx, bucket, route.source_region, "artifact", "Steward backs up artifacts that lie in the stack's region"
        )
        if first is not None and not first.endswith("/"):
            ctx.aws.s3.can_read(bucket, first)
        reserved = None if prefix else ctx.aws.s3.first_key(bucket, RESERVED)
    except AwsDenied as exc:
        raise StepRefused(f"artifact bucket {bucket} cannot be read: {exc.operation} is denied; grant it") from exc
    except AwsNotFound as exc:
        raise StepRefused(f"there is no artifact bucket {bucket}") from exc
    except AwsError as exc:
        if exc.retryable or exc.code not in {"InvalidRange", "416", "InvalidObjectState"}:  # empty or archived
            raise
        reserved = None
    if reserved is not None:
        raise StepRefused(f"{reserved} in bucket {bucket} is a name that Steward keeps for itself; move it away")


def check_last(manifests: Manifests) -> Head | None:
    """The last manifest is whole, ours, and made after the one before it."""
    try:
        last = manifests.latest()
        if last is not None:
            manifests.check_chain(last)
            manifests.check_parts(last, MOST_READ_BYTES)
    except ManifestUnrecorded as exc:
        raise StepRefused(str(exc), rule="S17") from exc
    except ManifestBroken as exc:
        remedy = "restore that object's version in the backup bucket, and find out who changed it"
        raise StepRefused(f"{exc}; {remedy}", rule="S17") from exc
    return last
