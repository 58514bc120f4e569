"""The rights that snapshots and restores need. What deletes is bound to Steward's own tag, which no right
here can put on anything that exists already (S16)."""

from chalicelib.models.step_index import Permission

_RDS = "arn:{partition}:rds:{region}:{account}"
_THERE = "arn:{partition}:rds:{offsite_region}:{account}"
_OURS = {"StringEquals": {"aws:ResourceTag/steward:stack": "{stack}"}}
_TAGGED = {"StringEquals": {"aws:RequestTag/steward:stack": "{stack}"}}
_NEW = f"{_RDS}:snapshot:steward-*"
_NEW_OF_CLUSTER = f"{_RDS}:cluster-snapshot:steward-*"


def _both(verb: str, why: str, *, ours: bool = False, new: bool = False, at: str = _RDS) -> tuple[Permission, ...]:
    condition: dict[str, dict[str, str]] = _OURS if ours else _TAGGED if new else {}
    return (
        Permission(action=f"rds:{verb.format('DB')}", resource=f"{at}:snapshot:*", why=why, condition=condition),
        Permission(
            action=f"rds:{verb.format('DBCluster')}", resource=f"{at}:cluster-snapshot:*", why=why, condition=condition
        ),
    )


LIST_SNAPSHOTS = (
    Permission(
        action="rds:DescribeDBSnapshots", resource=f"{_RDS}:*", why="which snapshots there are, and how far they are"
    ),
    Permission(action="rds:DescribeDBClusterSnapshots", resource=f"{_RDS}:*", why="the same of an Aurora cluster"),
)
LIST_SNAPSHOTS_OFFSITE = (
    Permission(action="rds:DescribeDBSnapshots", resource=f"{_THERE}:*", why="the copies in the other region"),
    Permission(action="rds:DescribeDBClusterSnapshots", resource=f"{_THERE}:*", why="the same of an Aurora cluster"),
)
READ_QUOTAS = Permission(
    action="rds:DescribeAccountAttributes", resource="*", why="whether the account may have one more snapshot"
)
CREATE_SNAPSHOT = (
    Permission(action="rds:CreateDBSnapshot", resource=f"{_RDS}:db:{{database}}", why="of this database"),
    Permission(action="rds:CreateDBSnapshot", resource=_NEW, why="under Steward's name", condition=_TAGGED),
    Permission(
        action="rds:CreateDBClusterSnapshot", resource=f"{_RDS}:cluster:{{database_cluster}}", why="of this cluster"
    ),
    Permission(
        action="rds:CreateDBClusterSnapshot",
        resource=_NEW_OF_CLUSTER,
        why="under Steward's name",
        condition=_TAGGED,
    ),
    Permission(
        action="rds:AddTagsToResource", resource=_NEW, why="RDS wants it for tags at creation", condition=_TAGGED
    ),
)
COPY_SNAPSHOT = (
    *_both("Copy{}Snapshot", "the snapshot that is copied", ours=True),
    *_both("Copy{}Snapshot", "the copy in the other region", new=True, at=_THERE),
)
SHARE_SNAPSHOT = (
    *_both("Describe{}SnapshotAttributes", "with whom it is shared"),
    *_both("Modify{}SnapshotAttribute", "share Steward's own with the account that the stack names", ours=True),
)
DELETE_SNAPSHOT = _both("Delete{}Snapshot", "delete what carries Steward's tag, and nothing else", ours=True)
DELETE_OFFSITE = _both("Delete{}Snapshot", "the same of copies in the other region", ours=True, at=_THERE)
DESCRIBE_KEYS = Permission(
    action="kms:DescribeKey", resource="*", why="whether a snapshot's key is Amazon's own, which cannot be shared"
)
USE_OFFSITE_KEY = Permission(
    action="kms:CreateGrant",
    resource="{offsite_key}",
    why="RDS encrypts the copy under the key of its region",
    condition={"Bool": {"kms:GrantIsForAWSResource": "true"}},
)
RESTORE = (
    Permission(
        action="rds:DescribeDBInstances", resource=f"{_RDS}:db:*", why="how the database is placed, and the restored"
    ),
    Permission(action="rds:DescribeDBClusters", resource=f"{_RDS}:cluster:*", why="the same of an Aurora cluster"),
    Permission(
        action="rds:RestoreDBInstanceFromDBSnapshot",
        resource=f"{_RDS}:*",
        why="restore into a new instance, tagged as Steward's",
        condition=_TAGGED,
    ),
    Permission(
        action="rds:RestoreDBClusterFromSnapshot",
        resource=f"{_RDS}:*",
        why="restore into a new cluster, tagged as Steward's",
        condition=_TAGGED,
    ),
    Permission(
        action="rds:CreateDBInstance",
        resource=f"{_RDS}:*",
        why="the one instance of a restored cluster",
        condition=_TAGGED,
    ),
    Permission(
        action="rds:AddTagsToResource",
        resource=f"{_RDS}:db:steward-*",
        why="RDS wants it for tags at creation",
        condition=_TAGGED,
    ),
)
DELETE_RESTORED = (
    Permission(
        action="rds:DeleteDBInstance",
        resource=f"{_RDS}:db:steward-*",
        why="delete an instance that Steward restored",
        condition=_OURS,
    ),
    Permission(
        action="rds:DeleteDBCluster",
        resource=f"{_RDS}:cluster:steward-*",
        why="delete a cluster that Steward restored",
        condition=_OURS,
    ),
)
