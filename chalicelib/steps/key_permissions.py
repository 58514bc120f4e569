"""Rights on the keys with which a stack's buckets and database are encrypted, for stacks that name such keys.

Whoever asks S3 or RDS for what a customer's key encrypts needs a right on the key as well; each holds only for what
comes by way of that service. Keys of Amazon's own (`aws/s3`, `aws/rds`) need none.
"""

from chalicelib.models.step_index import Permission

_BY_S3 = {"StringEquals": {"kms:ViaService": "s3.{region}.{amazonaws}"}}
_BY_S3_OF_BACKUP = {"StringEquals": {"kms:ViaService": "s3.{backup_region}.{amazonaws}"}}
_BY_RDS = {"StringLike": {"kms:ViaService": "rds.*.{amazonaws}"}}
"""A key is of one region anyway; said like this, keys of two regions share a statement."""
_FOR_RDS = {**_BY_RDS, "Bool": {"kms:GrantIsForAWSResource": "true"}}


def _of(key: str, condition: dict[str, dict[str, str]], *whys: tuple[str, str]) -> tuple[Permission, ...]:
    return tuple(
        Permission(action=f"kms:{action}", resource=f"{{{key}}}", why=why, condition=condition) for action, why in whys
    )


_DECRYPT = ("Decrypt", "S3 gives nobody what a key encrypts that may not use the key")
_ENCRYPT = ("GenerateDataKey", "S3 encrypts what is written with it")

READ_WITH_SOURCE_KEY = _of("artifacts_key", _BY_S3, _DECRYPT)
USE_SOURCE_KEY = _of("artifacts_key", _BY_S3, _DECRYPT, _ENCRYPT)
READ_WITH_BACKUP_KEY = _of("backup_key", _BY_S3_OF_BACKUP, _DECRYPT)
USE_BACKUP_KEY = _of("backup_key", _BY_S3_OF_BACKUP, _DECRYPT, _ENCRYPT)


def under_key_by_rds(key: str) -> tuple[Permission, ...]:
    """Whoever makes something of RDS under a key needs these two (RDS, "Authorizing use of a customer managed key").
    With the grant RDS itself encrypts and decrypts: no right to that is the caller's."""
    return (
        *_of(key, _FOR_RDS, ("CreateGrant", "RDS uses the key later, for snapshots and what is restored")),
        *_of(key, _BY_RDS, ("DescribeKey", "RDS asks whether the key is there")),
    )


USE_DATABASE_KEY = under_key_by_rds("database_key")
