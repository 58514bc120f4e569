"""RDS's answers about snapshots and restored instances, and KMS's about their keys."""

from datetime import datetime
from typing import Any

from steward.sandbox import place
from steward.sandbox.answers import REGION, Answer, Answers, Declined, Params
from steward.sandbox.rds_world import QUOTA, RdsWorld
from steward.sandbox.restored import Restored
from steward.sandbox.snapshots import DEFAULT_KEY, KEY, OFFSITE_KEY, WorldSnapshot

_MUST_BE = {"available", "storage-optimization"}
_OWN_NOTHING = "is not authorized to perform this action because no identity-based policy allows it"


class SnapshotAnswers:
    def __init__(self, rds: RdsWorld) -> None:
        self._rds = rds

    def table(self) -> Answers:
        answers: Answers = {
            "DescribeDBSnapshots": self._describe,
            "CreateDBSnapshot": self._create,
            "CopyDBSnapshot": self._copy,
            "DeleteDBSnapshot": self._delete,
            "DescribeDBSnapshotAttributes": self._attributes,
            "ModifyDBSnapshotAttribute": self._share,
            "RestoreDBInstanceFromDBSnapshot": self._restore,
            "DeleteDBInstance": self._delete_instance,
            "ModifyDBInstance": self._modify,
        }
        return {name: self._if_allowed(name, answer) for name, answer in answers.items()}

    def _if_allowed(self, name: str, answer: Answer) -> Answer:
        def answered(params: Params, now: datetime) -> dict[str, Any] | None:
            if name in self._rds.trouble.denied:
                raise Declined("AccessDenied", f"rds:{name} {_OWN_NOTHING}", 403)
            return answer(params, now)

        return answered

    def _find(self, name: str, region: str) -> WorldSnapshot:
        """By identifier in this region, or by ARN wherever it is."""
        parts = name.split(":")
        where, what = (parts[3], ":".join(parts[6:])) if name.startswith("arn:") else (region, name)
        found = self._rds.snapshots.get((where, what))
        if found is None:
            raise Declined("DBSnapshotNotFound", f"DBSnapshot {name} not found.", 404)
        return found

    def _describe(self, params: Params, _now: datetime) -> dict[str, Any]:
        region, name = params[REGION], params.get("DBSnapshotIdentifier")
        if name:
            return {"DBSnapshots": [self._find(name, region).view()]}
        source, kind = params.get("DBInstanceIdentifier"), params.get("SnapshotType")
        found = [
            one.view()
            for one in self._rds.of_region(region)
            if source in {None, one.source} and kind in {None, one.kind}
        ]
        return {"DBSnapshots": found}

    def _create(self, params: Params, now: datetime) -> dict[str, Any]:
        rds, name, source = self._rds, params["DBSnapshotIdentifier"], params["DBInstanceIdentifier"]
        self._refuse_new(name, params[REGION])
        if source != place.DATABASE or not rds.database.is_there:
            raise Declined("DBInstanceNotFound", f"DBInstance {source} not found.", 404)
        if rds.database.status not in _MUST_BE:
            why = f"Cannot create a snapshot because the database instance {source} is not currently in the available"
            raise Declined("InvalidDBInstanceState", f"{why} state.")
        return {"DBSnapshot": rds.take(name, list(params.get("Tags", [])), now).view()}

    def _refuse_new(self, name: str, region: str) -> None:
        if (region, name) in self._rds.snapshots:
            raise Declined("DBSnapshotAlreadyExists", f"Cannot create the snapshot because {name} already exists.")
        if self._rds.used(region) >= QUOTA:
            raise Declined("SnapshotQuotaExceeded", f"Cannot create more than {QUOTA} manual snapshots")

    def _copy(self, params: Params, _now: datetime) -> dict[str, Any]:
        region, name = params[REGION], params["TargetDBSnapshotIdentifier"]
        of = self._find(params["SourceDBSnapshotIdentifier"], params.get("SourceRegion", region))
        self._refuse_new(name, region)
        if of.status != "available":
            raise Declined("InvalidDBSnapshotState", f"The snapshot {of.id} is {of.status}.")
        key = params.get("KmsKeyId")
        if of.key and region != of.region and not key:
            raise Declined("InvalidParameterCombination", "KmsKeyId is needed to copy an encrypted snapshot here.")
        if key and f":{region}:" not in key and key.startswith("arn:"):
            raise Declined("KMSKeyNotAccessibleFault", f"The key {key} is not of this region.")
        self._rds.copy(of, name, region, key or of.key, list(params.get("Tags", [])))
        return {"DBSnapshot": self._rds.snapshots[region, name].view()}

    def _delete(self, params: Params, now: datetime) -> dict[str, Any]:
        found = self._find(params["DBSnapshotIdentifier"], params[REGION])
        if found.kind != "manual":
            raise Declined("InvalidDBSnapshotState", f"Cannot delete the {found.kind} snapshot {found.id}.")
        self._rds.forget(found, now)
        return {"DBSnapshot": found.view() | {"Status": "deleted"}}

    def _attributes(self, params: Params, _now: datetime) -> dict[str, Any]:
        found = self._find(params["DBSnapshotIdentifier"], params[REGION])
        restore = {"AttributeName": "restore", "AttributeValues": list(found.shared_with)}
        return {"DBSnapshotAttributesResult": {"DBSnapshotIdentifier": found.id, "DBSnapshotAttributes": [restore]}}

    def _share(self, params: Params, now: datetime) -> dict[str, Any]:
        found = self._find(params["DBSnapshotIdentifier"], params[REGION])
        if found.key == DEFAULT_KEY:
            raise Declined("InvalidDBSnapshotState", "You can't share a snapshot encrypted with the default key.")
        found.shared_with += [each for each in params.get("ValuesToAdd", []) if each not in found.shared_with]
        return self._attributes(params, now)

    def _restore(self, params: Params, now: datetime) -> dict[str, Any]:
        rds, name = self._rds, params["DBInstanceIdentifier"]
        of = self._find(params["DBSnapshotIdentifier"], params[REGION])
        if name in rds.restored or name == place.DATABASE:
            raise Declined("DBInstanceAlreadyExists", f"DB instance already exists: {name}")
        if of.status != "available":
            raise Declined("InvalidDBSnapshotState", f"The snapshot {of.id} is {of.status}.")
        made = Restored(name, now, of.contents, dict(params), list(params.get("Tags", [])), rds.trouble.restore_fails)
        made.protected = bool(params.get("DeletionProtection", False))
        rds.restored[name] = made
        return {"DBInstance": made.view()}

    def _modify(self, params: Params, now: datetime) -> dict[str, Any] | None:
        found = self._rds.restored.get(params["DBInstanceIdentifier"])
        if found is None or "MasterUserPassword" not in params:
            return self._rds.resizing.modify(params, now)
        if found.status != "available":
            raise Declined("InvalidDBInstanceState", f"Database instance {found.id} is not in available state.")
        found.reset_password(now, str(params["MasterUserPassword"]))
        return {"DBInstance": found.view()}

    def _delete_instance(self, params: Params, now: datetime) -> dict[str, Any] | None:
        name = params["DBInstanceIdentifier"]
        if name == place.DATABASE:
            raise Declined("InvalidParameterCombination", "Cannot delete protected DB Instance")
        found = self._rds.restored.get(name)
        if found is None:
            raise Declined("DBInstanceNotFound", f"DBInstance {name} not found.", 404)
        if found.protected:
            raise Declined("InvalidParameterCombination", "Cannot delete protected DB Instance")
        if found.status == "deleting":
            raise Declined("InvalidDBInstanceState", f"Instance {name} is already being deleted.")
        found.delete(now)
        return {"DBInstance": found.view()}


class KmsAnswers:
    """Of the keys that snapshots are under; other keys are moto's."""

    def table(self) -> Answers:
        return {"DescribeKey": self._describe}

    def _describe(self, params: Params, _now: datetime) -> dict[str, Any] | None:
        asked = params["KeyId"]
        key = next((each for each in (KEY, DEFAULT_KEY, OFFSITE_KEY) if asked in {each, each.rsplit("/", 1)[-1]}), None)
        if key is None:
            return None
        if f":{params[REGION]}:" not in key:
            raise Declined("NotFoundException", f"Key '{asked}' does not exist")
        owner = "AWS" if key == DEFAULT_KEY else "CUSTOMER"
        told = {"KeyId": key.rsplit("/", 1)[-1], "Arn": key, "KeyManager": owner, "KeyState": "Enabled"}
        return {"KeyMetadata": told}


def restored_views(rds: RdsWorld) -> list[dict[str, Any]]:
    return [one.view() for one in rds.restored.values()]


def find_restored(rds: RdsWorld, name: str) -> Restored | None:
    return next((one for one in rds.restored.values() if name in {one.id, one.arn}), None)
