"""What of a stack is backed up, and to where; and the tools that reach both places."""

import re
from dataclasses import dataclass

from chalicelib.backup.entry import Place
from chalicelib.backup.manifests import RESERVED, RESTORED, Manifests, Owner, Seal, set_in, set_of, sha256_in
from chalicelib.errors import AwsError, StepRefused
from chalicelib.models.history import BackupKind
from chalicelib.models.stack import ArtifactsPart
from chalicelib.steps.backup_intents import NotedIntents
from chalicelib.steps.step import StepContext

BUCKET_VARIABLE, SCHEDULE_VARIABLE = "MLFLOW_S3_BACKUP_BUCKET", "MLFLOW_S3_BACKUP_SCHEDULE"
_BUCKET = re.compile(r"(s3://)?([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/?")
_CRON = re.compile(r"[0-9A-Za-z*/,?#() -]{1,64}")


@dataclass(frozen=True)
class Route:
    """One source in one place."""

    source: Place
    target: Place
    source_region: str
    target_region: str
    stack: str

    @property
    def set(self) -> str:
        return set_of(self.source, self.target)

    @property
    def owner(self) -> Owner:
        return Owner(self.set, f"{self.source.bucket}/{self.source.prefix}", self.target.prefix, self.stack)

    @property
    def sentence(self) -> str:
        return f"s3://{self.source.bucket}/{self.source.prefix} to s3://{self.target.bucket}/{self.target.prefix}"


def routes(ctx: StepContext) -> tuple[Route, ...]:
    """Raises StepRefused where the stack does not say enough, or what it says cannot be."""
    artifacts = ctx.stack.artifacts
    if artifacts is None:
        raise StepRefused("the stack names no artifact bucket: write `artifacts: {bucket: …}`")
    if artifacts.endpoint is not None:
        raise StepRefused("artifacts.endpoint is not Amazon's: S3 backups copy within Amazon S3")
    if artifacts.backup_bucket is None:
        raise StepRefused(f"the stack names no artifacts.backupBucket{suggested(ctx)}")
    if artifacts.backup_bucket == artifacts.bucket:
        raise StepRefused(
            f"artifacts.backupBucket is the artifact bucket itself, {artifacts.bucket}: what deletes or encrypts one"
            " would take the other along; name a bucket of its own"
        )
    prefixes = [as_prefix(prefix) for prefix in (artifacts.prefix, *artifacts.also)]
    for number, one in enumerate(prefixes):
        for other in prefixes[:number]:
            if one.startswith(other) or other.startswith(one):
                raise StepRefused(f"artifacts.also: {one!r} and {other!r} lie in one another; name each once")
    return tuple(_route(ctx, artifacts, prefix, artifacts.backup_bucket) for prefix in prefixes)


def _route(ctx: StepContext, artifacts: ArtifactsPart, prefix: str, backup: str) -> Route:
    if prefix.startswith(RESERVED):
        raise StepRefused(f"{prefix} is where Steward keeps manifests in the backup bucket; name another prefix")
    if prefix.startswith(RESTORED):
        raise StepRefused(
            f"{prefix} is where Steward puts what it restores, which is not backed up; name another prefix"
        )
    return Route(
        Place(artifacts.bucket, prefix),
        Place(backup, prefix),
        ctx.stack.region,
        artifacts.backup_region or ctx.stack.region,
        ctx.stack.stack,
    )


def as_prefix(written: str) -> str:
    """`mlflow` and `/mlflow/` mean the folder; a file of that name, or `mlflow-old`, does not belong to it."""
    bare = written.strip("/")
    return f"{bare}/" if bare else ""


def suggested(ctx: StepContext) -> str:
    """What the running tasks say of backups. Shown to people, never obeyed (S4)."""
    said = told_by_tasks(ctx)
    bucket = said.get(BUCKET_VARIABLE)
    if bucket is None:
        return ": write `artifacts: {backupBucket: …}`" + _schedule_in(ctx, said)
    where = f"; its tasks say {bucket}: if that is right, write `artifacts: {{backupBucket: {bucket}}}`"
    return where + _schedule_in(ctx, said)


def schedule_suggested(ctx: StepContext) -> str:
    """The same of the schedule alone, for a stack that names its bucket."""
    return _schedule_in(ctx, told_by_tasks(ctx)) if ctx.stack.backup.artifacts_schedule is None else ""


def _schedule_in(ctx: StepContext, said: dict[str, str]) -> str:
    schedule = said.get(SCHEDULE_VARIABLE)
    if schedule is None or ctx.stack.backup.artifacts_schedule is not None:
        return ""
    return f"; {SCHEDULE_VARIABLE} of its tasks says {schedule}: that would be `backup: {{artifactsSchedule: …}}`"


def told_by_tasks(ctx: StepContext) -> dict[str, str]:
    """Only what looks like a bucket or a schedule; an ill definition suggests nothing."""
    where = ctx.stack.ecs
    try:
        name = ctx.aws.ecs.service(where.cluster, where.service).task_definition
        definition = ctx.aws.ecs.task_definition(name)
    except AwsError:
        return {}
    container = next((each for each in definition.containers if each.name == where.container), None)
    environment = container.environment if container else {}
    bucket = _BUCKET.fullmatch(str(environment.get(BUCKET_VARIABLE, "")))
    schedule = _CRON.fullmatch(str(environment.get(SCHEDULE_VARIABLE, "")))
    found = {BUCKET_VARIABLE: bucket[2]} if bucket else {}
    return found | ({SCHEDULE_VARIABLE: schedule[0]} if schedule else {})


def manifests_of(ctx: StepContext, route: Route) -> Manifests:
    return manifests_in(ctx, route.target.bucket, route.target_region, route.set, ctx.stack.backup.mac_key)


def manifests_in(ctx: StepContext, bucket: str, region: str, set_: str, mac_key: str | None) -> Manifests:
    seal = Seal(ctx.aws.kms, mac_key) if mac_key else None
    return Manifests(
        ctx.aws.in_region(region).vault,
        bucket,
        set_,
        seal=seal,
        known=vouched(ctx, set_),
        intents=NotedIntents(ctx.evidence),
    )


def vouched(ctx: StepContext, set_: str) -> dict[str, str]:
    """The hashes of heads that Steward noted when it wrote them."""
    found = ctx.history.backups(ctx.stack.stack, BackupKind.ARTIFACTS)
    noted = {one.id: sha256_in(one.ref) for one in found if set_in(one.id) == set_}
    return {name: sha for name, sha in noted.items() if sha}
