"""ecs.task_definition_lint: mistakes in the environment of the running task definition, without its values (S29)."""

from chalicelib.errors import AwsError, AwsNotFound
from chalicelib.models.shape import Shape
from chalicelib.models.step_index import Permission
from chalicelib.steps.blindness import denied
from chalicelib.steps.fingerprint import fingerprint
from chalicelib.steps.permissions import DESCRIBE_SERVICE, DESCRIBE_TASK_DEFINITION
from chalicelib.steps.step import Output, Params, Probe, StepContext
from chalicelib.steps.task_lint import Mistake, buckets, mistakes


class LintParams(Params):
    revision: str | None = None
    """Family and revision, like `mlflow:12`; without it the one the service runs."""


class LintFinding(Shape):
    rule: str
    container: str
    where: str
    """The variable's name, or `command`, `image`."""
    says: str
    fingerprint: str | None = None
    """Of the value, to see whether it is still the same; the value itself is nowhere."""
    correction: str | None = None
    """What `ecs.change_task_definition` can do about it by itself."""


class LintOutput(Output):
    skipped: str | None = None
    name: str | None = None
    rules: tuple[str, ...] = ()
    """Of all findings, each once."""
    findings: tuple[LintFinding, ...] = ()
    unchecked: tuple[str, ...] = ()
    """Buckets whose region could not be read."""


class TaskDefinitionLint(Probe[LintParams, LintOutput]):
    """A doubled port, an unescaped password, a missing driver, a bucket elsewhere, secrets in plain text.

    ```yaml
    - id: lint
      do: ecs.task_definition_lint
    ```
    """

    name = "ecs.task_definition_lint"
    Params = LintParams
    Output = LintOutput
    permissions = (
        DESCRIBE_SERVICE,
        DESCRIBE_TASK_DEFINITION,
        Permission(
            action="s3:ListBucket", resource="arn:{partition}:s3:::{bucket}", why="which region the bucket is in"
        ),
    )

    def read(self, ctx: StepContext, params: LintParams) -> LintOutput:
        where = ctx.stack.ecs
        try:
            name = params.revision or ctx.aws.ecs.service(where.cluster, where.service).task_definition
            definition = ctx.aws.ecs.task_definition(name)
        except AwsError as error:
            return LintOutput(skipped=denied(error))
        found, unchecked = list(mistakes(definition)), list[str]()
        for container, variable, bucket in buckets(definition):
            found += _of_bucket(ctx, container, variable, bucket, unchecked)
        key = ctx.fingerprint_key
        return LintOutput(
            name=f"{definition.family}:{definition.revision}",
            rules=tuple(sorted({mistake.rule for mistake in found})),
            findings=tuple(_view(mistake, key) for mistake in found),
            unchecked=tuple(dict.fromkeys(unchecked)),
        )


def _of_bucket(ctx: StepContext, container: str, where: str, bucket: str, unchecked: list[str]) -> list[Mistake]:
    artifacts, here = ctx.stack.artifacts, ctx.stack.region
    if artifacts is not None and artifacts.endpoint is not None:
        return []  # regions are Amazon's
    try:
        region = ctx.aws.s3.region_of(bucket)
    except AwsNotFound:
        return [Mistake("bucket_missing", container, where, f"there is no bucket {bucket}")]
    except AwsError:
        unchecked.append(bucket)
        return []
    says = f"bucket {bucket} is in {region}, the service in {here}"
    return [Mistake("bucket_elsewhere", container, where, says)] if region != here else []


def _view(mistake: Mistake, key: bytes) -> LintFinding:
    place = f"{mistake.container}/{mistake.where}"
    return LintFinding(
        rule=mistake.rule,
        container=mistake.container,
        where=mistake.where,
        says=mistake.says,
        fingerprint=fingerprint(key, place, mistake.value) if mistake.value else None,
        correction=mistake.correction,
    )
