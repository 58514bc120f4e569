"""The rights that snapshots and restores need. What makes, tags and deletes is bound to names with the stack's own mark
(`{made}`, models/made_names.py): RDS knows no condition that tells tags at creation from tags put on later, so
the name is what keeps a stack's role from tagging, and then deleting, what another stack or a person made (S16)."""

from chalicelib.models.rights import applying
from chalicelib.models.step_index import Permission
from chalicelib.steps.key_permissions import under_key_by_rds

_RDS = "arn:{partition}:rds:{region}:{account}"
_THERE = "arn:{partition}:rds:{offsite_region}:{account}"
_SHARED = "arn:{partition}:rds:{shared_region}:{account}"
"""Where the snapshot lies that another account may have: the copy's region, if there is a copy."""
_OURS = {"StringEquals": {"aws:ResourceTag/steward:stack": "{stack}"}}
_TAGGED = {"StringEquals": {"aws:RequestTag/steward:stack": "{stack}"}}
_NEW = f"{_RDS}:snapshot:{{made}}-*"
_NEW_OF_CLUSTER = f"{_RDS}:cluster-snapshot:{{made}}-*"


def _both(
    verb: str,
    why: str,
    *,
    ours: bool = False,
    new: bool = False,
    at: str = _RDS,
    names: tuple[str, str] = ("snapshot:*", "cluster-snapshot:*"),
) -> tuple[Permission, ...]:
    """Of an instance's snapshot and of an Aurora cluster's: a stack has one of the two."""
    condition: dict[str, dict[str, str]] = _OURS if ours else _TAGGED if new else {}
    kinds = (("DB", names[0], "database"), ("DBCluster", names[1], "database_cluster"))
    return tuple(
        Permission(
            action=f"rds:{verb.format(kind)}", resource=f"{at}:{name}", why=why, condition=condition, only_with=has
        )
        for kind, name, has in kinds
    )


def _tagging(
    *resources: str, has: tuple[str | None, str | None] = ("database", "database_cluster")
) -> tuple[Permission, ...]:
    """First of an instance's kind, then of a cluster's; `has` says which stacks each is for (None: for all)."""
    return tuple(
        Permission(
            action="rds:AddTagsToResource",
            resource=resource,
            why="RDS wants it for tags at creation",
            condition=_TAGGED,
            only_with=fact,
        )
        for resource, fact in zip(resources, has, strict=True)
    )


_NEW_NAMES = ("snapshot:{made}-*", "cluster-snapshot:{made}-*")
_AUTOMATED = ("snapshot:rds:{database}-*", "cluster-snapshot:rds:{database_cluster}-*")
_EVERYTHING = ("*", "*")
LIST_SNAPSHOTS = _both("Describe{}Snapshots", "which snapshots there are, and how far they are", names=_EVERYTHING)
LIST_SNAPSHOTS_OFFSITE = _both("Describe{}Snapshots", "the copies in the other region", at=_THERE, names=_EVERYTHING)
READ_QUOTAS = Permission(
    action="rds:DescribeAccountAttributes", resource="*", why="whether the account may have one more snapshot"
)
CREATE_SNAPSHOT = (
    Permission(action="rds:CreateDBSnapshot", resource=f"{_RDS}:db:{{database}}", why="of this database"),
    Permission(
        action="rds:CreateDBSnapshot",
        resource=_NEW,
        why="under Steward's name",
        condition=_TAGGED,
        only_with="database",
    ),
    Permission(
        action="rds:CreateDBClusterSnapshot", resource=f"{_RDS}:cluster:{{database_cluster}}", why="of this cluster"
    ),
    Permission(
        action="rds:CreateDBClusterSnapshot",
        resource=_NEW_OF_CLUSTER,
        why="under Steward's name",
        condition=_TAGGED,
        only_with="database_cluster",
    ),
    *_tagging(_NEW, _NEW_OF_CLUSTER),
)
COPY_SNAPSHOT = (
    *_both("Copy{}Snapshot", "the snapshot that is copied, one of Steward's", ours=True),
    *_both("Copy{}Snapshot", "the same, one that RDS made of this database", names=_AUTOMATED),
    *_both("Copy{}Snapshot", "the copy in the other region", new=True, at=_THERE, names=_NEW_NAMES),
    *_tagging(f"{_THERE}:{_NEW_NAMES[0]}", f"{_THERE}:{_NEW_NAMES[1]}"),
)
SHARE_SNAPSHOT = (
    # the same resource as the lists': AWS knows only snapshots for it, and a session policy has 2,048 characters
    *_both("Describe{}SnapshotAttributes", "with whom it is shared", at=_SHARED, names=_EVERYTHING),
    *_both(
        "Modify{}SnapshotAttribute", "share Steward's own with the account that the stack names", ours=True, at=_SHARED
    ),
)
DELETE_SNAPSHOT = _both(
    "Delete{}Snapshot", "delete what carries this stack's mark and tag, and nothing else", ours=True, names=_NEW_NAMES
)
DELETE_OFFSITE = _both(
    "Delete{}Snapshot", "the same of copies in the other region", ours=True, at=_THERE, names=_NEW_NAMES
)
DESCRIBE_KEYS = Permission(
    action="kms:DescribeKey",
    resource="arn:{partition}:kms:*:{account}:key/*",
    why="whether a snapshot's key, which it alone names, is Amazon's own, which cannot be shared",
    phase="plan",
)
USE_OFFSITE_KEY = applying(*under_key_by_rds("offsite_key"))
"""Of the copy, which lies under a key of its region; the plan looks at keys by itself."""
READ_RESTORED = (
    Permission(
        action="rds:DescribeDBInstances", resource=f"{_RDS}:db:*", why="how the database is placed, and the restored"
    ),
    Permission(
        action="rds:DescribeDBClusters", resource=f"{_RDS}:cluster:*", why="the same of Aurora clusters", phase="plan"
    ),
    Permission(
        action="rds:DescribeDBClusters",
        resource=f"{_RDS}:cluster:*",
        why="how far a restored cluster is",
        phase="apply",
        only_with="database_cluster",
    ),
)
RESTORE = (
    *READ_RESTORED,
    Permission(
        action="rds:RestoreDBInstanceFromDBSnapshot",
        resource=f"{_RDS}:*",
        why="restore into a new instance, tagged as Steward's",
        condition=_TAGGED,
        only_with="database",
    ),
    Permission(
        action="rds:RestoreDBClusterFromSnapshot",
        resource=f"{_RDS}:*",
        why="restore into a new cluster, tagged as Steward's",
        condition=_TAGGED,
        only_with="database_cluster",
    ),
    Permission(
        action="rds:CreateDBInstance",
        resource=f"{_RDS}:*",
        why="the one instance of a restored cluster",
        condition=_TAGGED,
        only_with="database_cluster",
    ),
    # a cluster has an instance, too
    *_tagging(f"{_RDS}:db:{{made}}-*", f"{_RDS}:cluster:{{made}}-*", has=(None, "database_cluster")),
)
RENEW_LOGIN = (
    Permission(
        action="rds:ModifyDBInstance",
        resource=f"{_RDS}:db:{{made}}-*",
        why="give an instance that Steward restored the password that the stack's secret has now",
        condition=_OURS,
        only_with="database",
    ),
    Permission(
        action="rds:ModifyDBCluster",
        resource=f"{_RDS}:cluster:{{made}}-*",
        why="the same of a cluster",
        condition=_OURS,
        only_with="database_cluster",
    ),
)
DELETE_RESTORED = (
    Permission(
        action="rds:DeleteDBInstance",
        resource=f"{_RDS}:db:{{made}}-*",
        why="delete an instance that Steward restored",
        condition=_OURS,
    ),
    Permission(
        action="rds:DeleteDBCluster",
        resource=f"{_RDS}:cluster:{{made}}-*",
        why="delete a cluster that Steward restored",
        condition=_OURS,
        only_with="database_cluster",
    ),
)
