"""What a restored database is asked to be: like the one it replaces, never public (S16, S20); how to say so. Pure."""

from typing import Any

from chalicelib.aws.rds_snapshots import Snapshot
from chalicelib.models.history import Placement

_AURORA = "aurora"
_FROM_GIB = 400
"""Below so much storage RDS refuses any word about the speed of gp3."""


def is_aurora(snapshot: Snapshot) -> bool:
    """A Multi-AZ cluster that is not Aurora's brings its instances along."""
    return snapshot.engine.startswith(_AURORA)


def of_instance(
    like: Placement, snapshot: Snapshot, name: str, instance_class: str | None, *, one_zone: bool
) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": name,
        "DBSnapshotIdentifier": snapshot.id,
        "DBInstanceClass": instance_class or like.instance_class,
        "PubliclyAccessible": False,
        "MultiAZ": like.multi_az and not one_zone,
        "DBParameterGroupName": like.parameter_group,
        **_storage(like, snapshot),
    }


def of_cluster(like: Placement, snapshot: Snapshot, name: str, instance_class: str | None) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "DBClusterIdentifier": name,
        "SnapshotIdentifier": snapshot.id,
        "Engine": snapshot.engine,
        "DBClusterParameterGroupName": like.parameter_group,
    }
    if not is_aurora(snapshot):
        size = {"DBClusterInstanceClass": instance_class or like.instance_class, "PubliclyAccessible": False}
        return asked | size | _storage(like, snapshot)
    if like.scaling:
        least, most = like.scaling
        asked["ServerlessV2ScalingConfiguration"] = {"MinCapacity": least, "MaxCapacity": most}
    storage = like.storage_type if like.storage_type and like.storage_type.startswith(_AURORA) else None
    return asked | {"StorageType": storage}


def of_member(like: Placement, snapshot: Snapshot, name: str, cluster: str, size: str) -> dict[str, Any]:
    asked = {
        "DBInstanceIdentifier": name,
        "DBClusterIdentifier": cluster,
        "Engine": snapshot.engine,
        "DBInstanceClass": size,
        "PubliclyAccessible": False,
    }
    return asked | ({"DBParameterGroupName": like.member_parameter_group} if like.member_parameter_group else {})


def _storage(like: Placement, snapshot: Snapshot) -> dict[str, Any]:
    """RDS refuses io1 and io2 without their speed, and gp3 with it where there is little storage."""
    asked: dict[str, Any] = {"StorageType": like.storage_type}
    if like.storage_type in {"io1", "io2"}:
        asked["Iops"] = like.iops
    if like.storage_type == "gp3" and snapshot.allocated_gib >= _FROM_GIB:
        asked |= {"Iops": like.iops, "StorageThroughput": like.throughput}
    return asked


def size_said(like: Placement, asked: dict[str, Any]) -> str:
    """Of an instance or a Multi-AZ cluster as it is asked for, and by what that differs from the one in use."""
    has = asked.get("DBInstanceClass") or asked.get("DBClusterInstanceClass")
    return _class_said(like, has) + (", in one zone where the one in use has two" if _loses_zone(like, asked) else "")


def _loses_zone(like: Placement, asked: dict[str, Any]) -> bool:
    return like.multi_az and asked.get("MultiAZ") is False


def scaling_said(asked: dict[str, Any]) -> str:
    scaling = asked.get("ServerlessV2ScalingConfiguration")
    return f" of {scaling['MinCapacity']:g} to {scaling['MaxCapacity']:g} capacity units" if scaling else ""


def member_said(like: Placement, size: str) -> str:
    """A cluster has readers; a restored one begins with its writer."""
    more = f"; {like.database} has {like.members} instances, so add readers to it" if like.members > 1 else ""
    return _class_said(like, size) + more


def _class_said(like: Placement, has: str | None) -> str:
    usual = like.instance_class
    return f"{has}" if has == usual or usual is None else f"{has}, where {like.database} is {usual}"


def key_said(snapshot: Snapshot) -> str:
    """RDS keeps the snapshot's key for what is restored from it."""
    if not snapshot.encrypted:
        return "not encrypted, as the snapshot is not"
    return f"encrypted with {snapshot.kms_key}" if snapshot.kms_key else "encrypted with the snapshot's key"
