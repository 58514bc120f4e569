"""RDS snapshots of instances and Aurora clusters: list, create, copy, share, delete.

The same words for both kinds; `cluster` says which. Tags are given at creation and never later: a
tag that could be put on by anybody would prove nothing (S16).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

AVAILABLE, CREATING = "available", "creating"
MANUAL = "manual"
_PAGE = 100


@dataclass(frozen=True)
class Snapshot:
    id: str
    arn: str
    source: str
    """The instance or cluster it was taken of."""
    cluster: bool
    kind: str
    """manual, automated or awsbackup: RDS's own word, or by how such snapshots are called."""
    status: str
    percent: int
    taken_at: datetime | None
    """The recovery point: of a copy, the original's. None while it is being made."""
    engine: str
    engine_version: str
    allocated_gib: int
    encrypted: bool
    kms_key: str | None
    tags: Mapping[str, str] = field(default_factory=dict)
    copied_from: str | None = None


class RdsSnapshots:
    def __init__(self, client: "RDSClient") -> None:
        self._client = client

    def find(self, name: str, *, cluster: bool) -> Snapshot | None:
        """By identifier, or by the ARN of one that another account shares."""
        try:
            found = self._page(name, cluster)
        except AwsNotFound:
            return None
        return next(iter(found), None)

    def _page(self, name: str, cluster: bool) -> tuple[Snapshot, ...]:
        if cluster:
            with calling("rds:DescribeDBClusterSnapshots"):
                answer: Any = self._client.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)
            return tuple(_of_cluster(raw) for raw in answer["DBClusterSnapshots"])
        with calling("rds:DescribeDBSnapshots"):
            answer = self._client.describe_db_snapshots(DBSnapshotIdentifier=name)
        return tuple(_of_instance(raw) for raw in answer["DBSnapshots"])

    def of_database(self, name: str, *, cluster: bool, kind: str | None = None) -> tuple[Snapshot, ...]:
        """All of one database, newest first; those still being made come first."""
        asked: dict[str, Any] = {"SnapshotType": kind} if kind else {}
        found: list[Snapshot] = []
        if cluster:
            with calling("rds:DescribeDBClusterSnapshots"):
                pages: Any = self._client.get_paginator("describe_db_cluster_snapshots").paginate(
                    DBClusterIdentifier=name, PaginationConfig={"PageSize": _PAGE}, **asked
                )
                found = [_of_cluster(raw) for page in pages for raw in page["DBClusterSnapshots"]]
        else:
            with calling("rds:DescribeDBSnapshots"):
                pages = self._client.get_paginator("describe_db_snapshots").paginate(
                    DBInstanceIdentifier=name, PaginationConfig={"PageSize": _PAGE}, **asked
                )
                found = [_of_instance(raw) for page in pages for raw in page["DBSnapshots"]]
        latest = datetime.max.replace(tzinfo=UTC)
        return tuple(sorted(found, key=lambda one: (one.taken_at or latest, one.id), reverse=True))

    def room(self, *, cluster: bool) -> tuple[int, int] | None:
        """How many manual snapshots the account has in this region, and may have; None: RDS does not say."""
        wanted = "ManualClusterSnapshots" if cluster else "ManualSnapshots"
        with calling("rds:DescribeAccountAttributes"):
            quotas = self._client.describe_account_attributes().get("AccountQuotas", [])
        found = [(each.get("Used", 0), each.get("Max", 0)) for each in quotas if each["AccountQuotaName"] == wanted]
        return found[0] if found else None

    def create(self, name: str, source: str, tags: Mapping[str, str], *, cluster: bool) -> Snapshot:
        if cluster:
            with calling("rds:CreateDBClusterSnapshot"):
                made: Any = self._client.create_db_cluster_snapshot(
                    DBClusterSnapshotIdentifier=name, DBClusterIdentifier=source, Tags=tag_list(tags)
                )
            return _of_cluster(made["DBClusterSnapshot"])
        with calling("rds:CreateDBSnapshot"):
            made = self._client.create_db_snapshot(
                DBSnapshotIdentifier=name, DBInstanceIdentifier=source, Tags=tag_list(tags)
            )
        return _of_instance(made["DBSnapshot"])

    def copy(
        self, arn: str, name: str, tags: Mapping[str, str], *, cluster: bool, key: str | None, from_region: str
    ) -> Snapshot:
        """Asked of the region that gets the copy; `key` is one of that region."""
        asked: dict[str, Any] = {"Tags": tag_list(tags), "SourceRegion": from_region}
        asked |= {"KmsKeyId": key} if key else {}
        if cluster:
            with calling("rds:CopyDBClusterSnapshot"):
                made: Any = self._client.copy_db_cluster_snapshot(
                    SourceDBClusterSnapshotIdentifier=arn, TargetDBClusterSnapshotIdentifier=name, **asked
                )
            return _of_cluster(made["DBClusterSnapshot"])
        with calling("rds:CopyDBSnapshot"):
            made = self._client.copy_db_snapshot(
                SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier=name, **asked
            )
        return _of_instance(made["DBSnapshot"])

    def shared_with(self, name: str, *, cluster: bool) -> frozenset[str]:
        """The accounts that may restore it; `all` would be everybody."""
        if cluster:
            with calling("rds:DescribeDBClusterSnapshotAttributes"):
                raw: Any = self._client.describe_db_cluster_snapshot_attributes(DBClusterSnapshotIdentifier=name)
            listed = raw["DBClusterSnapshotAttributesResult"]["DBClusterSnapshotAttributes"]
        else:
            with calling("rds:DescribeDBSnapshotAttributes"):
                raw = self._client.describe_db_snapshot_attributes(DBSnapshotIdentifier=name)
            listed = raw["DBSnapshotAttributesResult"]["DBSnapshotAttributes"]
        restore = (each for each in listed if each.get("AttributeName") == "restore")
        return frozenset(value for each in restore for value in each.get("AttributeValues", []))

    def share(self, name: str, account: str, *, cluster: bool) -> None:
        """With one account, by number: never `all` (S20)."""
        if cluster:
            with calling("rds:ModifyDBClusterSnapshotAttribute"):
                self._client.modify_db_cluster_snapshot_attribute(
                    DBClusterSnapshotIdentifier=name, AttributeName="restore", ValuesToAdd=[account]
                )
            return
        with calling("rds:ModifyDBSnapshotAttribute"):
            self._client.modify_db_snapshot_attribute(
                DBSnapshotIdentifier=name, AttributeName="restore", ValuesToAdd=[account]
            )

    def delete(self, name: str, *, cluster: bool) -> bool:
        """False: it was gone already."""
        try:
            if cluster:
                with calling("rds:DeleteDBClusterSnapshot"):
                    self._client.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
            else:
                with calling("rds:DeleteDBSnapshot"):
                    self._client.delete_db_snapshot(DBSnapshotIdentifier=name)
        except AwsNotFound:
            return False
        return True


def tag_list(tags: Mapping[str, str]) -> "list[Any]":
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tags_of(raw: Mapping[str, Any]) -> dict[str, str]:
    return {each["Key"]: each.get("Value", "") for each in raw.get("TagList", [])}


def _of_instance(raw: Mapping[str, Any]) -> Snapshot:
    name = raw["DBSnapshotIdentifier"]
    return Snapshot(
        id=name,
        arn=raw.get("DBSnapshotArn", ""),
        source=raw.get("DBInstanceIdentifier", ""),
        cluster=False,
        kind=_kind(raw, name),
        status=raw.get("Status", "unknown"),
        percent=raw.get("PercentProgress", 0),
        taken_at=_utc(raw.get("OriginalSnapshotCreateTime") or raw.get("SnapshotCreateTime")),
        engine=raw.get("Engine", ""),
        engine_version=raw.get("EngineVersion", ""),
        allocated_gib=raw.get("AllocatedStorage", 0),
        encrypted=raw.get("Encrypted", False),
        kms_key=raw.get("KmsKeyId"),
        tags=tags_of(raw),
        copied_from=raw.get("SourceDBSnapshotIdentifier") or None,
    )


def _of_cluster(raw: Mapping[str, Any]) -> Snapshot:
    name = raw["DBClusterSnapshotIdentifier"]
    return Snapshot(
        id=name,
        arn=raw.get("DBClusterSnapshotArn", ""),
        source=raw.get("DBClusterIdentifier", ""),
        cluster=True,
        kind=_kind(raw, name),
        status=raw.get("Status", "unknown"),
        percent=raw.get("PercentProgress", 0),
        taken_at=_utc(raw.get("SnapshotCreateTime")),
        engine=raw.get("Engine", ""),
        engine_version=raw.get("EngineVersion", ""),
        allocated_gib=raw.get("AllocatedStorage", 0),
        encrypted=raw.get("StorageEncrypted", False),
        kms_key=raw.get("KmsKeyId"),
        tags=tags_of(raw),
        copied_from=raw.get("SourceDBClusterSnapshotArn") or None,
    )


def _kind(raw: Mapping[str, Any], name: str) -> str:
    """AWS Backup's own are kept for it alone: deleting one here fails, and is not ours to do."""
    if name.startswith("awsbackup:"):
        return "awsbackup"
    return "automated" if name.startswith("rds:") else str(raw.get("SnapshotType", MANUAL))


def _utc(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None
