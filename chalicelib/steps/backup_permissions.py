"""The rights that backing up and restoring need, each with its reason. None of them deletes a version (S17)."""

from chalicelib.models.rights import planning
from chalicelib.models.step_index import Permission
from chalicelib.steps.key_permissions import (
    READ_WITH_BACKUP_KEY,
    READ_WITH_SOURCE_KEY,
    USE_BACKUP_KEY,
    USE_SOURCE_KEY,
)
from chalicelib.steps.permissions import DESCRIBE_SERVICE, DESCRIBE_TASK_DEFINITION

_SOURCE, _BACKUP = "arn:{partition}:s3:::{bucket}", "arn:{partition}:s3:::{backup_bucket}"

LIST_SOURCE = Permission(action="s3:ListBucket", resource=_SOURCE, why="what there is to back up")
READ_SOURCE = Permission(action="s3:GetObject", resource=f"{_SOURCE}/*", why="what it is, byte for byte")
TAGS_OF_SOURCE = Permission(
    action="s3:GetObjectTagging", resource=f"{_SOURCE}/*", why="copies keep the tags", phase="apply"
)
LIST_BACKUP = Permission(action="s3:ListBucket", resource=_BACKUP, why="what is backed up already")
READ_BACKUP = Permission(action="s3:GetObject", resource=f"{_BACKUP}/*", why="manifests, and copies read back")
READ_VERSION = Permission(
    action="s3:GetObjectVersion", resource=f"{_BACKUP}/*", why="the very version that a manifest names"
)
TAGS_OF_VERSION = Permission(
    action="s3:GetObjectVersionTagging",
    resource=f"{_BACKUP}/*",
    why="what is brought back keeps its tags",
    phase="apply",
)
READ_PROTECTION = tuple(
    Permission(action=action, resource=_BACKUP, why="whether the bucket keeps what it is given (S17)")
    for action in (
        "s3:GetBucketVersioning",
        "s3:GetLifecycleConfiguration",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketPolicyStatus",
        "s3:GetBucketAcl",
    )
)
READ_ENCRYPTION = tuple(
    Permission(
        action="s3:GetEncryptionConfiguration", resource=bucket, why="whether its key is one that the stack names"
    )
    for bucket in (_SOURCE, _BACKUP)
)
OF_OTHER_ACCOUNT = (
    *planning(
        Permission(
            action="s3:GetBucketOwnershipControls",
            resource=_BACKUP,
            why="whether copies belong to the account of the bucket",
            only_with="backup_account",
        )
    ),
    TAGS_OF_VERSION.model_copy(
        update={"why": "whether that account lets a restore read tags", "only_with": "backup_account"}
    ),
)
"""Where the bucket is another account's, whose policies are tried before the first copy."""
WRITE_BACKUP = tuple(
    Permission(action=action, resource=f"{_BACKUP}/*", why="copies and manifests")
    for action in ("s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload")
)
MARK_BACKUP = Permission(action="s3:DeleteObject", resource=f"{_BACKUP}/*", why="delete markers; versions stay (S17)")
CHECK_MAC = Permission(action="kms:VerifyMac", resource="{mac_key}", why="whether a manifest is ours")
MAKE_MAC = Permission(action="kms:GenerateMac", resource="{mac_key}", why="sign the manifest")
LIST_RECOVERY_POINTS = Permission(
    action="backup:ListRecoveryPointsByResource", resource="*", why="what AWS Backup keeps of the artifact bucket"
)
MEASURE = Permission(action="cloudwatch:GetMetricData", resource="*", why="how large the bucket is")
READ_MANIFESTS = (LIST_BACKUP, READ_BACKUP, READ_VERSION, CHECK_MAC, *READ_WITH_BACKUP_KEY)
SUGGEST = (DESCRIBE_SERVICE, DESCRIBE_TASK_DEFINITION)

RESTORE_TO = tuple(
    Permission(action=action, resource=f"{_SOURCE}/*", why="bring artifacts back")
    for action in ("s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload")
)
RESTORE = (*SUGGEST, LIST_SOURCE, READ_SOURCE, *USE_SOURCE_KEY, *READ_MANIFESTS, TAGS_OF_VERSION, *RESTORE_TO)

BACK_UP = (
    *SUGGEST,
    LIST_SOURCE,
    READ_SOURCE,
    *READ_WITH_SOURCE_KEY,
    TAGS_OF_SOURCE,
    *READ_MANIFESTS,
    *planning(*READ_PROTECTION, *READ_ENCRYPTION),
    *OF_OTHER_ACCOUNT,
    *WRITE_BACKUP,
    *USE_BACKUP_KEY,
    MAKE_MAC,
    *planning(MEASURE),
)
