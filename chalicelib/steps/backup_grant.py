"""What another account has to say before backups can go into a bucket of its own: its policies, ready to paste. Pure.

Across accounts both sides must allow: the stack's roles by what is packaged, the bucket and its key by these. They
name the stack's own roles by a condition: as principals, roles that are not there yet would be refused. No version can
be deleted and nothing that protects the bucket changed by them (S17).
"""

from typing import Any

from chalicelib.aws.resources import fill, partition_of, resource_facts, role_arn
from chalicelib.models.stack import Stack

Json = dict[str, Any]
OF_BUCKET = (
    "s3:GetBucketAcl",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicyStatus",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
)
OF_OBJECTS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionTagging",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
    "s3:PutObjectTagging",
)
OF_KEY = ("kms:Decrypt", "kms:GenerateDataKey")


def bucket_policy(stack: Stack, account: str) -> Json:
    """Of the backup bucket. `account`: of the stack's roles."""
    bucket = f"arn:{partition_of(stack.region)}:s3:::{stack.artifacts.backup_bucket if stack.artifacts else None}"
    parts = (("StewardBucket", OF_BUCKET, bucket), ("StewardObjects", OF_OBJECTS, f"{bucket}/*"))
    said = [_allow(stack, account, sid, actions, on, {}) for sid, actions, on in parts]
    return {"Version": "2012-10-17", "Statement": said}


def key_statement(stack: Stack, account: str) -> Json:
    """To add to the policy of the key, which is of that account too."""
    s3 = fill("s3.{backup_region}.{amazonaws}", resource_facts(stack, account))
    only = {"StringEquals": {"kms:ViaService": s3}}
    return _allow(stack, account, "StewardByS3", OF_KEY, "*", only)


def _allow(stack: Stack, account: str, sid: str, actions: tuple[str, ...], on: str, only: Json) -> Json:
    roles = [role_arn(role, account, stack.region) for role in (stack.role, stack.data_role) if role]
    who = {"ArnEquals": {"aws:PrincipalArn": roles}} if roles else {}
    root = f"arn:{partition_of(stack.region)}:iam::{account}:root"
    said: Json = {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": root}, "Action": list(actions)}
    condition = {**who, **only}
    return {**said, "Resource": on, **({"Condition": condition} if condition else {})}
