"""s3.restore: brings artifacts back as of a backup, beside what is there or, with approval, in its place."""

from datetime import datetime

from pydantic import Field, model_validator

from chalicelib.backup.estimate import size_text
from chalicelib.backup.manifest import Head
from chalicelib.backup.manifests import RESTORED, Manifests
from chalicelib.backup.selection import Selection, where
from chalicelib.backup.standing import Fate
from chalicelib.errors import ManifestBroken, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.rights import planning
from chalicelib.models.words import Risk
from chalicelib.steps.backup_choice import against, newest
from chalicelib.steps.backup_other_account import let_in
from chalicelib.steps.backup_permissions import RESTORE
from chalicelib.steps.backup_places import Route, manifests_of, routes
from chalicelib.steps.mlflow_access import ASK_MLFLOW
from chalicelib.steps.restore_copies import Restore, tidy
from chalicelib.steps.restore_work import course, restore_on
from chalicelib.steps.run_models import models_of
from chalicelib.steps.step import Action, ActionOutput, Applied, Look, Params, Standing, StepContext

SIDE = f"{RESTORED}{{run}}/"
"""Beside the artifacts, so that the next backup does not take it for new ones."""


class RestoreParams(Params):
    backup: str | None = Field(default=None, pattern=r"^(latest|[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}-[0-9a-f]{6})?$")
    """An id out of `steward backups list`, or `latest`."""
    as_of: str | None = None
    """Instead: a time; the newest backup at or before it."""
    place: str | None = None
    """Which backed-up prefix, where the stack has several; the artifacts' own without it."""
    prefix: str | None = Field(default=None, max_length=900)
    experiment: str | None = Field(default=None, pattern=r"^[0-9A-Za-z_-]{0,64}$")
    run: str | None = Field(default=None, pattern=r"^[0-9A-Za-z_-]{0,64}$")
    in_place: bool = False
    over_newer: bool = False
    """Also write over what was written after the backup was made."""

    @model_validator(mode="after")
    def _one_of_each(self) -> "RestoreParams":
        if sum(bool(value) for value in (self.prefix, self.experiment, self.run)) > 1:
            raise ValueError("name a prefix, an experiment or a run, not several of them")
        if self.backup and self.as_of:
            raise ValueError("name a backup or a time, not both")
        if self.over_newer and not self.in_place:
            raise ValueError("overNewer is for restores in place")
        return self

    @property
    def meant(self) -> str:
        return str(
            Selection(prefix=f"{self.experiment}/" if self.experiment else self.prefix or "", run=self.run or None)
        )


class RestoreOutput(ActionOutput):
    backup: str | None = None
    to: str | None = None
    restored: int = 0
    already: int = 0
    kept_newer: int = 0
    compared: int = 0


class RestoreArtifacts(Action[RestoreParams]):
    """Restore a prefix, an experiment or a run as of a backup; to a side prefix unless told otherwise.

    In place it asks first, and never writes over what is newer than the backup unless told to.

    ```yaml
    - id: restore
      do: s3.restore
      with: {backup: latest, experiment: "12"}
      timeout: 12h
    ```
    """

    name = "s3.restore"
    Params = RestoreParams
    Output = RestoreOutput
    permissions = (*RESTORE, *planning(*ASK_MLFLOW))
    risk = Risk.MEDIUM
    reversible = False
    interruptible = True

    def plan(self, ctx: StepContext, params: RestoreParams) -> tuple[Change, ...]:
        route = _route(ctx, params)
        with let_in(ctx, route.target.bucket):
            return self._changes(ctx, route, params)

    def _changes(self, ctx: StepContext, route: Route, params: RestoreParams) -> tuple[Change, ...]:
        manifests = manifests_of(ctx, route)
        head = _head(ctx, manifests, params)
        to_prefix = route.source.prefix if params.in_place else SIDE
        models, with_models = models_of(ctx, params.run) if params.run else ((), "")
        selection = Selection(prefix=_folder(manifests, head, params), run=params.run or None, models=models)
        parameters = {
            "backup": head.id,
            "sha256": head.sha256,
            "from": route.target.bucket,
            "fromRegion": route.target_region,
            "set": route.set,
            "macKey": ctx.stack.backup.mac_key,
            "prefix": route.target.prefix,
            "selection": selection.model_dump(mode="json"),
            "to": route.source.bucket,
            "toPrefix": to_prefix,
            "overNewer": params.over_newer,
            "objects": 0,
        }
        counts, size = _counted(ctx, manifests, head, Restore.of(parameters))
        objects = sum(counts.values())
        if objects == 0:
            raise StepRefused(f"backup {head.id} holds nothing of {params.meant}")
        parameters["objects"] = objects
        return (
            Change(
                step=ctx.step_id,
                action=self.name,
                operation="s3:CopyObject",
                parameters=parameters,
                resource=f"s3://{route.source.bucket}/{to_prefix}",
                precondition={"sha256": head.sha256},
                sentence=_sentence(head, selection, route, to_prefix, objects, size) + with_models + _doubt(ctx, head),
                loses=_loses(params, counts) if params.in_place else None,
            ),
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        restore = Restore.of(change.parameters)
        for route in routes(ctx):
            if route.set == restore.set:
                sha = manifests_of(ctx, route).head(restore.backup).sha256
                if sha == change.precondition["sha256"]:
                    return Look(standing=Standing.READY, detail=f"backup {restore.backup} is the planned one")
                return Look(standing=Standing.DRIFTED, detail=f"manifest {restore.backup} is another one by now")
        return Look(standing=Standing.DRIFTED, detail="the stack backs up other places by now")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        return restore_on(ctx, change, progress)

    def abandon(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> str:
        tidy(ctx)
        done = progress.checkpoint.get("restored", 0)
        where = change.resource.replace("{run}", ctx.run_id)
        return f"left half done: {done:,} of {change.parameters['objects']:,} objects are restored to {where}"


def _route(ctx: StepContext, params: RestoreParams) -> Route:
    found = routes(ctx)
    if not params.place:
        return found[0]
    named = next((route for route in found if route.source.prefix.strip("/") == params.place.strip("/")), None)
    if named is None:
        known = ", ".join(repr(route.source.prefix) for route in found)
        raise StepRefused(f"{params.place!r} is not backed up here; backed up are {known}")
    return named


def _head(ctx: StepContext, manifests: Manifests, params: RestoreParams) -> Head:
    """Only what somebody names may be doubted, and then the plan says so."""
    try:
        if params.backup and params.backup != "latest":
            return manifests.head(params.backup)
        ids = manifests.as_of(_moment(params.as_of)) if params.as_of else manifests.ids()
        head = newest(ctx, manifests, ids)
    except ManifestBroken as broken:
        raise StepRefused(f"{broken}; choose another backup", rule="S17") from broken
    if head is None:
        when = f"as of {params.as_of} or before" if params.as_of else "to restore from"
        raise StepRefused(f"there is no backup {when}")
    return head


def _folder(manifests: Manifests, head: Head, params: RestoreParams) -> str:
    """What is named, relative to the backed-up prefix."""
    if not (params.experiment or params.run):
        return params.prefix or ""
    try:
        found = where(manifests.entries(head), experiment=params.experiment or None, run=params.run or None)
    except ManifestBroken as broken:
        raise StepRefused(f"{broken}; choose another backup", rule="S17") from broken
    if found is None:
        raise StepRefused(f"backup {head.id} holds nothing of {params.meant}")
    return found


def _doubt(ctx: StepContext, head: Head) -> str:
    why = against(ctx, head)
    return f"; that backup is {why}" if why else ""


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise StepRefused(f"asOf: {text!r} is no time; write 2026-11-02T02:00:00Z") from exc
    if moment.tzinfo is None:
        raise StepRefused(f"asOf: {text!r} has no zone; write 2026-11-02T02:00:00Z")
    return moment


def _counted(ctx: StepContext, manifests: Manifests, head: Head, restore: Restore) -> tuple[dict[Fate, int], int]:
    counts: dict[Fate, int] = {}
    size = 0
    try:
        for fated in course(ctx.aws.vault, manifests, head, restore, None, None):
            counts[fated.fate] = counts.get(fated.fate, 0) + 1
            size += fated.entry.size
    except ManifestBroken as broken:
        raise StepRefused(f"{broken}; choose another backup", rule="S17") from broken
    return counts, size


def _sentence(head: Head, selection: Selection, route: Route, to_prefix: str, objects: int, size: int) -> str:
    return (
        f"Restore {selection} of s3://{route.source.bucket}/{route.source.prefix} as of {head.as_of.isoformat()}"
        f" ({objects:,} objects, {size_text(size)}) to s3://{route.source.bucket}/{to_prefix}; what was written since"
        " is not in it"
    )


def _loses(params: RestoreParams, counts: dict[Fate, int]) -> str:
    older, newer = counts.get(Fate.OLDER, 0), counts.get(Fate.NEWER, 0)
    kept = f"{newer:,} newer ones, overwritten too" if params.over_newer else f"{newer:,} newer ones stay"
    return f"the present contents of {older:,} objects in place, replaced by those of the backup; {kept}"
