"""backup.record_drill: writes down what a restore drill proved, or that it proved nothing, in the stack's history."""

from datetime import datetime

from pydantic import Field

from chalicelib.errors import UnknownName
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.history import BackupKind, Drill
from chalicelib.models.posture import roughly
from chalicelib.models.words import Risk
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, Params, Standing, StepContext, Unchanged

OPERATION = "steward:RecordDrill"
"""Of Steward's own store; nothing in the account is touched."""

RESTORES = ("rds:RestoreDBInstanceFromDBSnapshot", "rds:RestoreDBClusterFromSnapshot")


class RecordParams(Params):
    snapshot: str | None = None
    taken_at: str | None = None
    ordered_at: str | None = None
    proven: bool | None = None
    """As `db.facts` says it. None: it could not be read, which is a fact about Steward (S3)."""
    skipped: str | None = None
    """Why it could not be read."""
    lag_s: int | None = None
    more_rows: tuple[str, ...] = ()
    missing_tables: tuple[str, ...] = ()
    artifacts: str | None = None
    """The backup of which a sample was restored."""
    compared: int | None = Field(default=None, ge=0)
    """How many of its objects came back as they were; none: artifacts were not proven."""

    @property
    def database_proven(self) -> bool:
        return self.proven is True and self.snapshot is not None


class RecordOutput(ActionOutput):
    proven: bool | None = None
    recovery_time_s: int | None = None
    recovery_point_s: int | None = None
    says: str | None = None


class RecordDrill(Action[RecordParams]):
    """Record recovery time and recovery point really achieved. Without facts: that this run's drill proved nothing.

    Where this run has recorded its drill already, nothing is added.

    ```yaml
    - id: failed
      do: backup.record_drill
    ```
    """

    name = "backup.record_drill"
    Params = RecordParams
    Output = RecordOutput
    permissions = ()
    risk = Risk.LOW
    reversible = False

    def plan(self, ctx: StepContext, params: RecordParams) -> tuple[Change, ...]:
        if _recorded(ctx):
            return ()
        drill = drill_of(ctx, params)
        said = drill.model_dump(mode="json", exclude={"stack", "run_id", "at", "version"})
        return (
            Change(
                step=ctx.step_id,
                action=self.name,
                operation=OPERATION,
                parameters={
                    **said,
                    "snapshot": params.snapshot if params.database_proven else None,
                    "artifacts": params.artifacts,
                },
                resource=ctx.stack.stack,
                sentence=f"Record the drill: {drill.detail}",
            ),
        )

    def look(self, ctx: StepContext, change: Change) -> Look:  # noqa: ARG002 - the record is asked, not the Change
        if _recorded(ctx):
            return Look(standing=Standing.ALREADY, detail="this run's drill is recorded")
        return Look(standing=Standing.READY, detail="it is not recorded yet")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        given = change.parameters
        drill = Drill(
            stack=ctx.stack.stack, run_id=ctx.run_id, at=progress.started_at or ctx.now, proven=given["proven"],
            recovery_time_s=given["recovery_time_s"], recovery_point_s=given["recovery_point_s"],
            blind=given["blind"], detail=given["detail"],
        )  # fmt: skip
        known = _recorded(ctx)
        if known is None:
            ctx.history.record_drill(drill)
        if given["snapshot"]:
            _note_proof(ctx, BackupKind.DATABASE, given["snapshot"])
        if given["artifacts"]:
            _note_proof(ctx, BackupKind.ARTIFACTS, given["artifacts"])
        facts = {
            "proven": drill.proven,
            "recovery_time_s": drill.recovery_time_s,
            "recovery_point_s": drill.recovery_point_s,
            "says": drill.detail,
        }
        return Unchanged(detail="recorded already", facts=facts) if known else Done(detail=drill.detail, facts=facts)


def drill_of(ctx: StepContext, params: RecordParams) -> Drill:
    """What these facts prove. `ctx.now` is when the restored data had answered."""
    ordered = datetime.fromisoformat(params.ordered_at) if params.ordered_at else None
    taken = datetime.fromisoformat(params.taken_at) if params.taken_at else None
    proven = params.database_proven
    took = int((ctx.now - ordered).total_seconds()) if ordered and proven else None
    point = int((ordered - taken).total_seconds()) if ordered and taken and proven else None
    unread = params.proven is None and (params.snapshot is not None or _was_restored(ctx))
    blind = params.skipped or "the restored database could not be compared" if unread else None
    return Drill(
        stack=ctx.stack.stack,
        run_id=ctx.run_id,
        at=ctx.now,
        proven=proven and _all_came_back(ctx, params),
        recovery_time_s=took,
        recovery_point_s=point,
        blind=blind,
        detail=_told(params, took, point, restored=unread),
    )


def _all_came_back(ctx: StepContext, params: RecordParams) -> bool:
    """Where artifacts are to be backed up, a drill that restored none of them is no proof of the backups."""
    artifacts = ctx.stack.artifacts
    return bool(params.compared) or artifacts is None or artifacts.backup_bucket is None


def _was_restored(ctx: StepContext) -> bool:
    """By this run, whatever failed afterwards."""
    return any(c.operation in RESTORES and p.state is ChangeState.DONE for c, p in ctx.made())


def _told(params: RecordParams, took: int | None, point: int | None, *, restored: bool) -> str:
    said = [_of_database(params, took, point, restored=restored)]
    if params.compared:
        said.append(f"{params.compared} artifacts of {params.artifacts} came back as they were")
    else:
        said.append("no artifact was restored, so of them nothing is proven")
    return "; ".join(said)


def _of_database(params: RecordParams, took: int | None, point: int | None, *, restored: bool) -> str:
    if restored:
        return f"{params.snapshot or 'a snapshot'} was restored, but not compared: {params.skipped or 'see the steps'}"
    if params.snapshot is None:
        return "no database was restored, so of it nothing is proven"
    if params.proven is False:
        wrong = [f"{name} has more rows than the one in use" for name in params.more_rows]
        wrong += [f"{name} is empty or missing" for name in params.missing_tables]
        return f"{params.snapshot} does not hold the database: {', '.join(wrong) or 'schema or rows are not its own'}"
    lag = f", its newest run {roughly(max(params.lag_s, 0))} behind" if params.lag_s is not None else ""
    back = f"{roughly(took)} to get it back" if took is not None else "the time it took is not known"
    old = f", {roughly(point)} old" if point is not None else ""
    return f"{params.snapshot} holds the database: {back}{old}{lag}"


def _recorded(ctx: StepContext) -> Drill | None:
    return next((one for one in ctx.history.drills(ctx.stack.stack) if one.run_id == ctx.run_id), None)


def _note_proof(ctx: StepContext, kind: BackupKind, name: str) -> None:
    try:
        ctx.history.amend_backup(ctx.stack.stack, kind, name, ctx.now, restored_at=ctx.now)
    except UnknownName:  # RDS's own snapshot, or made by a Steward whose records are gone
        return
