"""Where Steward keeps its state: the table, the buckets, the key that manifests are signed with.

All of it stays when the stack is deleted: records of what was done, and the backups' manifests, are not to go
with the software. docs/deploy.md says how to remove them by hand.
"""

from typing import Any

from chalicelib.models.stack import Stack
from chalicelib.store.dynamodb import TTL_ATTRIBUTE, table_definition
from steward.packaging.names import Names, sub

Json = dict[str, Any]
_STAYS = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
"""Also not "Retain": what a creation that failed left behind would be in the way of the next one, by its name."""
PROTECT = "ProtectTable"
ARCHIVE_DAYS, EVIDENCE_DAYS = 400, 400
"""A year for backtests and audits, and a month to notice that it is over."""
MANIFEST_KEY = "alias/mlflow-steward-manifests"
"""In a stack's file: the stage's own key, whose alias has the stage in it. Any other name is a key that is there."""


def manifest_alias(names: Names) -> str:
    return f"alias/{names.prefix}-manifests"


def with_manifest_key(stack: Stack, names: Names) -> Stack:
    """As it is deployed."""
    if stack.backup.mac_key != MANIFEST_KEY:
        return stack
    return stack.model_copy(update={"backup": stack.backup.model_copy(update={"mac_key": manifest_alias(names)})})


def signs_here(stack: Stack, names: Names) -> bool:
    return stack.backup.mac_key in {MANIFEST_KEY, manifest_alias(names)}


def parameters() -> Json:
    said = "No while the stack is first created: a protected table would be in the way of rolling back (make deploy)"
    return {PROTECT: {"Type": "String", "AllowedValues": ["yes", "no"], "Default": "yes", "Description": said}}


def conditions() -> Json:
    return {"ProtectsTable": {"Fn::Equals": [{"Ref": PROTECT}, "yes"]}}


def keeping(names: Names, *, manifest_key: bool) -> Json:
    found: Json = {"Table": _table(names)}
    for what, days in (("archive", ARCHIVE_DAYS), ("evidence", EVIDENCE_DAYS)):
        found |= _bucket(names, what, days)
    return found | (_manifest_key(names) if manifest_key else {})


def _table(names: Names) -> Json:
    text = table_definition(names.table)
    return {
        "Type": "AWS::DynamoDB::Table",
        **_STAYS,
        "Properties": {
            **text,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "SSESpecification": {"SSEEnabled": True},
            "TimeToLiveSpecification": {"AttributeName": TTL_ATTRIBUTE, "Enabled": True},
            "DeletionProtectionEnabled": {"Fn::If": ["ProtectsTable", True, False]},
            "Tags": tags(names),
        },
    }


def _bucket(names: Names, what: str, days: int) -> Json:
    name, arn = names.bucket(what), names.bucket_arn(what)
    title = what.capitalize()
    bucket = {
        "Type": "AWS::S3::Bucket",
        **_STAYS,
        "Properties": {
            "BucketName": sub(name),
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "VersioningConfiguration": {"Status": "Enabled"},
            "LifecycleConfiguration": {"Rules": [_ends_after(days)]},
            "Tags": tags(names),
        },
    }
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": f"{title}Bucket"},
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [tls_only("s3:*", [sub(arn), sub(f"{arn}/*")])],
            },
        },
    }
    return {f"{title}Bucket": bucket, f"{title}BucketPolicy": policy}


def _ends_after(days: int) -> Json:
    return {
        "Id": "ends",
        "Status": "Enabled",
        "ExpirationInDays": days,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }


def tls_only(action: str, resource: Any) -> Json:  # noqa: ANN401 - text, an intrinsic or a list of them
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _manifest_key(names: Names) -> Json:
    """An HMAC key: whoever may sign manifests is said by its own policy and by the stacks' roles (S17)."""
    root = {
        "Sid": "AccountDecidesByIam",
        "Effect": "Allow",
        "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
        "Action": "kms:*",
        "Resource": "*",
    }
    key = {
        "Type": "AWS::KMS::Key",
        **_STAYS,
        "Properties": {
            "Description": "Signs the manifests of artifact backups",
            "KeySpec": "HMAC_256",
            "KeyUsage": "GENERATE_VERIFY_MAC",
            "KeyPolicy": {"Version": "2012-10-17", "Statement": [root]},
            "Tags": tags(names),
        },
    }
    alias = {
        "Type": "AWS::KMS::Alias",
        **_STAYS,
        "Properties": {"AliasName": manifest_alias(names), "TargetKeyId": {"Ref": "ManifestKey"}},
    }
    return {"ManifestKey": key, "ManifestKeyAlias": alias}


def tags(names: Names) -> list[Json]:
    return [{"Key": "application", "Value": "mlflow-steward"}, {"Key": "stage", "Value": names.stage}]


def tag_map(names: Names) -> dict[str, str]:
    """The same, as those kinds want it that take a map."""
    return {tag["Key"]: tag["Value"] for tag in tags(names)}
