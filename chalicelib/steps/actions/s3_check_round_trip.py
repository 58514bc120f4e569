"""s3.check_round_trip: writes, reads and deletes a canary in the artifact bucket, under Steward's own prefix."""

from chalicelib.aws.s3 import S3
from chalicelib.errors import AwsError, StepFailed, StepRefused
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store, why_no_endpoint
from chalicelib.steps.key_permissions import USE_SOURCE_KEY
from chalicelib.steps.step import Action, ActionOutput, Applied, Done, Look, NoParams, Standing, StepContext

PREFIX = ".steward/canary/"
_OWN = "arn:{partition}:s3:::{bucket}/.steward/canary/*"


class CheckRoundTrip(Action[NoParams]):
    """Prove that the artifact bucket takes, gives back and lets go of an object. Leaves nothing behind.

    ```yaml
    - id: round_trip
      do: s3.check_round_trip
    ```
    """

    name = "s3.check_round_trip"
    Params = NoParams
    Output = ActionOutput
    permissions = (
        Permission(action="s3:PutObject", resource=_OWN, why="write the canary"),
        Permission(action="s3:GetObject", resource=_OWN, why="read it back"),
        Permission(action="s3:DeleteObject", resource=_OWN, why="delete it again"),
        *USE_SOURCE_KEY,
        READ_ENDPOINT_KEYS,
    )
    risk = Risk.LOW
    reversible = False

    def plan(self, ctx: StepContext, params: NoParams) -> tuple[Change, ...]:  # noqa: ARG002 - it has none
        artifacts = ctx.stack.artifacts
        if artifacts is None:
            raise StepRefused("the stack names no artifact bucket")
        key = f"{PREFIX}{{run}}"
        return (
            Change(
                step=ctx.step_id,
                action=self.name,
                operation="s3:PutObject",
                parameters={"bucket": artifacts.bucket, "key": key},
                resource=f"s3://{artifacts.bucket}/{key}",
                sentence=f"Write, read and delete {key} in bucket {artifacts.bucket}",
            ),
        )

    def look(self, ctx: StepContext, change: Change) -> Look:
        """Always ready: what an attempt that died has left is written over and deleted."""
        if ctx.stack.artifacts is None or ctx.stack.artifacts.bucket != change.parameters["bucket"]:
            return Look(standing=Standing.DRIFTED, detail="the stack's bucket is another one now")
        return Look(standing=Standing.READY, detail="the canary can be written")

    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:  # noqa: ARG002 - one go
        artifacts = ctx.stack.artifacts
        if artifacts is None:
            raise StepFailed(ctx.step_id, "the stack names no artifact bucket any more")
        failure = why_no_endpoint(ctx, artifacts)
        if failure is not None:
            raise StepFailed(ctx.step_id, f"{artifacts.endpoint}: {failure.kind}")
        bucket = str(change.parameters["bucket"])
        key = str(change.parameters["key"]).replace("{run}", ctx.run_id)
        _round_trip(ctx, open_store(ctx, artifacts), bucket, key)
        return Done(detail=f"bucket {bucket} took, gave back and let go of {key}")


def _round_trip(ctx: StepContext, store: S3, bucket: str, key: str) -> None:
    canary = f"canary of {ctx.run_id}\n".encode()
    store.put(bucket, key, canary, "text/plain")
    read: bytes | None = None
    try:
        read = store.get(bucket, key, max_bytes=4096)
    finally:
        # also when reading fails: a canary left behind would be the only trace of this step
        _delete(ctx, store, bucket, key)
    if read != canary:
        raise StepFailed(ctx.step_id, f"bucket {bucket} gave back something else than was written to {key}")


def _delete(ctx: StepContext, store: S3, bucket: str, key: str) -> None:
    try:
        store.delete(bucket, key)
    except AwsError as exc:
        raise StepFailed(ctx.step_id, f"{key} was written to {bucket} and could not be deleted: {exc.code}") from exc
