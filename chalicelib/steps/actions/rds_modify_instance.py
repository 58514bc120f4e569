"""rds.modify_instance: another class or more storage for the tracking store's database, and what it was before.

Storage only grows, and RDS changes it once in six hours: both are looked at before anybody is asked.
"""

from datetime import datetime, timedelta

from pydantic import Field, model_validator

from chalicelib.aws.rds import DbInstance
from chalicelib.errors import StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress, Undo
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps.permissions import DESCRIBE_DATABASE
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Pending, Standing, StepContext

OPERATION = "rds:ModifyDBInstance"
CLASS, STORAGE = "DBInstanceClass", "AllocatedStorage"
BETWEEN_STORAGE_CHANGES = timedelta(hours=6)
_TENTHS = 10
"""RDS refuses to grow it by less than a tenth."""
_CHECK_AFTER_S = 30
_IDLE = {"available", "storage-optimization"}
_MAY_GROW = {"available", "storage-full"}
"""More storage is the way out of storage-full."""
_STORAGE_WORDS = "modification to allocated storage"
"""In RDS-EVENT-0017 and, where storage autoscaling did it, in RDS-EVENT-0218."""


class ModifyParams(Params):
    instance_class: str | None = Field(default=None, pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$", max_length=40)
    storage_gib: int | None = Field(default=None, ge=20, le=65536)

    @model_validator(mode="after")
    def _one_thing(self) -> "ModifyParams":
        if (self.instance_class is None) == (self.storage_gib is None):
            raise ValueError("write either instanceClass or storageGib")
        return self


class ModifyInstance(Action[ModifyParams]):
    """Change the class or grow the storage of the stack's RDS instance, at once; a class can be put back.

    ```yaml
    - id: more_storage
      do: rds.modify_instance
      with: {storageGib: 40}
    ```
    """

    name = "rds.modify_instance"
    Params = ModifyParams
    Output = ActionOutput
    permissions = (
        *DESCRIBE_DATABASE,
        Permission(
            action="rds:DescribeEvents",
            resource="*",
            why="when its storage was last changed",
            phase="plan",
        ),
        Permission(
            action=OPERATION,
            resource="arn:{partition}:rds:{region}:{account}:db:{database}",
            why="change its class or storage",
        ),
    )
    risk = Risk.HIGH
    reversible = True

    def plan(self, ctx: StepContext, params: ModifyParams) -> tuple[Change, ...]:
        instance = _instance(ctx)
        if params.instance_class is not None:
            return _class_changes(ctx, instance, params.instance_class)
        return _storage_changes(ctx, instance, params.storage_gib or 0)

    def look(self, ctx: StepContext, change: Change) -> Look:
        instance = ctx.aws.rds.instance(change.parameters["DBInstanceIdentifier"])
        if STORAGE in change.parameters and _wanted(change) < change.precondition.get(STORAGE, 0):
            why = "storage only grows: RDS cannot make it smaller, only a new instance restored from a snapshot is"
            return Look(standing=Standing.DRIFTED, detail=why)
        now, wanted = _now(instance, change), _wanted(change)
        if now == wanted and not instance.pending:
            return Look(standing=Standing.ALREADY, detail=f"{instance.id} has {now} already")
        if now != change.precondition.get(_field(change)):
            return Look(standing=Standing.DRIFTED, detail=f"{instance.id} has {now} now: somebody changed it")
        if instance.pending:
            why = f"{instance.id} waits for another change: {', '.join(instance.pending)}"
            return Look(standing=Standing.DRIFTED, detail=why)
        return Look(standing=Standing.READY, detail=f"{instance.id} has {now}", before={"was": now})

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        instance = ctx.aws.rds.instance(change.parameters["DBInstanceIdentifier"])
        field, wanted, now = _field(change), _wanted(change), _now(instance, change)
        if now == wanted and field not in instance.pending:
            if instance.status in _IDLE:
                return Done(detail=f"{instance.id} has {wanted} and is {instance.status}")
            return _pending(f"{instance.id} has {wanted} and is {instance.status}")
        if now != progress.before.get("was"):
            raise StepFailed(ctx.step_id, f"somebody gave {instance.id} {now} while it went to {wanted}")
        if field in instance.pending or instance.status == "modifying":
            return _pending(f"{instance.id} is {instance.status}; {field} becomes {wanted}")
        ctx.aws.rds_restores.modify_instance(instance.id, **{field: wanted})
        return _pending(f"asked RDS to make {field} of {instance.id} {wanted}")


def _instance(ctx: StepContext) -> DbInstance:
    database = ctx.stack.database
    if database is None or database.instance is None:
        raise StepRefused("the stack names no RDS instance: Aurora's storage grows by itself, its class is a member's")
    instance = ctx.aws.rds.instance(database.instance)
    if instance.cluster:
        raise StepRefused(f"{instance.id} belongs to the cluster {instance.cluster}")
    if instance.pending:
        raise StepRefused(f"{instance.id} waits for another change: {', '.join(instance.pending)}")
    return instance


def _class_changes(ctx: StepContext, instance: DbInstance, wanted: str) -> tuple[Change, ...]:
    if instance.instance_class == wanted:
        return ()
    if instance.status != "available":
        raise StepRefused(f"{instance.id} is {instance.status}, and its class is changed only while it is available")
    outage = (
        "about a minute, while its standby takes over" if instance.multi_az else "several minutes: it has no standby"
    )
    sentence = f"Change the class of {instance.id} from {instance.instance_class} to {wanted}; no database for {outage}"
    before = Undo(
        operation=OPERATION,
        parameters={"DBInstanceIdentifier": instance.id, CLASS: instance.instance_class, "ApplyImmediately": True},
        precondition={CLASS: wanted},
    )
    return (_change(ctx, instance, CLASS, (instance.instance_class, wanted), sentence, before),)


def _storage_changes(ctx: StepContext, instance: DbInstance, wanted: int) -> tuple[Change, ...]:
    now = instance.allocated_gib
    if wanted == now:
        return ()
    if wanted < now:
        raise StepRefused(f"storage only grows: {instance.id} has {now} GiB, and RDS cannot make that {wanted}")
    least = now + -(-now // _TENTHS)
    if wanted < least:
        raise StepRefused(f"RDS grows storage by at least 10%: {instance.id} has {now} GiB, write {least} or more")
    _refuse_too_soon(ctx, instance)
    sentence = f"Grow the storage of {instance.id} from {now} to {wanted} GiB, for good; it stays available"
    # Refused with its reason when somebody asks for it: a change that simply had no undo would be passed over.
    smaller = Undo(
        operation=OPERATION,
        parameters={"DBInstanceIdentifier": instance.id, STORAGE: now, "ApplyImmediately": True},
        precondition={STORAGE: wanted},
    )
    return (_change(ctx, instance, STORAGE, (now, wanted), sentence, smaller),)


def _refuse_too_soon(ctx: StepContext, instance: DbInstance) -> None:
    if instance.status == "storage-optimization":
        raise StepRefused(f"{instance.id} is still optimizing after its last storage change; six hours begin after it")
    if instance.status not in _MAY_GROW:
        raise StepRefused(f"{instance.id} is {instance.status}, and its storage cannot be changed now")
    last = _last_storage_change(ctx, instance.id)
    if last is not None and ctx.now < last + BETWEEN_STORAGE_CHANGES:
        again = f"{last + BETWEEN_STORAGE_CHANGES:%Y-%m-%d %H:%M} UTC"
        why = f"its storage was changed at {last:%H:%M} UTC, and RDS wants six hours in between: from {again} on"
        raise StepRefused(f"{instance.id}: {why}")


def _last_storage_change(ctx: StepContext, name: str) -> datetime | None:
    events = ctx.aws.rds.events(name, cluster=False, since=ctx.now - BETWEEN_STORAGE_CHANGES, until=ctx.now)
    return max((event.at for event in events if _STORAGE_WORDS in event.message), default=None)


def _change(
    ctx: StepContext, instance: DbInstance, field: str, values: tuple[str | int, str | int], sentence: str, undo: Undo
) -> Change:
    was, wanted = values
    what = "class" if field == CLASS else "allocated storage"
    return Change(
        step=ctx.step_id,
        action=ModifyInstance.name,
        operation=OPERATION,
        parameters={"DBInstanceIdentifier": instance.id, field: wanted, "ApplyImmediately": True},
        resource=f"database {instance.id}",
        precondition={field: was},
        undo=undo,
        sentence=sentence,
        write_back=f"{what} of RDS instance {instance.id}: {wanted} (was {was})",
    )


def _field(change: Change) -> str:
    return CLASS if CLASS in change.parameters else STORAGE


def _wanted(change: Change) -> str | int:
    value: str | int = change.parameters[_field(change)]
    return value


def _now(instance: DbInstance, change: Change) -> str | int:
    return instance.instance_class if CLASS in change.parameters else instance.allocated_gib


def _pending(detail: str) -> Pending:
    return Pending(check_after_s=_CHECK_AFTER_S, detail=detail)
