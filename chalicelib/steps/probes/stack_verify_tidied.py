"""stack.verify_tidied: whether what this run tidied away is gone, and what that saves: bytes, and dollars a month."""

from chalicelib.models.change import Change, ChangeState
from chalicelib.models.check import Answer
from chalicelib.models.step_index import Permission
from chalicelib.steps.actions.ecs_deregister_revisions import DeregisterRevisions
from chalicelib.steps.actions.s3_abort_uploads import AbortUploads
from chalicelib.steps.prices import dollars_per_month, in_words
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_REVISIONS, _UPLOADS = DeregisterRevisions.name, AbortUploads.name


class TidiedOutput(Output):
    applicable: bool
    """False: this run has tidied nothing away."""
    asked: int = 0
    """Revisions and uploads that its plan named."""
    left: int = 0
    spared: int = 0
    """Left on purpose: in use, or alive again."""
    revisions: int = 0
    uploads: int = 0
    saved_bytes: int = 0
    saved_dollars_per_month: float = 0.0
    outcome: str = ""


class VerifyTidied(Probe[NoParams, TidiedOutput]):
    """Asks ECS and S3 for what this run deregistered and aborted, and says what it saved.

    ```yaml
    - id: saved
      do: stack.verify_tidied
    ```
    """

    name = "stack.verify_tidied"
    Params = NoParams
    Output = TidiedOutput
    permissions = (
        Permission(action="ecs:ListTaskDefinitions", resource="*", why="which revisions are active"),
        *(
            Permission(
                action="s3:ListBucketMultipartUploads",
                resource=f"arn:{{partition}}:s3:::{{{bucket}}}",
                why="which uploads are left",
            )
            for bucket in ("bucket", "backup_bucket")
        ),
    )

    def read(self, ctx: StepContext, params: NoParams) -> TidiedOutput:  # noqa: ARG002 - it has none
        made = [pair for pair in ctx.made() if pair[0].action in {_REVISIONS, _UPLOADS}]
        if not made:
            return TidiedOutput(applicable=False, outcome="this run has tidied nothing away")
        facts = [progress.facts for _, progress in made if progress.state is ChangeState.DONE]
        freed = max((int(each.get("freed_bytes", 0)) for each in facts), default=0)
        spared = sum(int(each.get("left_in_use", 0)) for each in facts)
        spared += max((int(each.get("left_alive", 0)) for each in facts), default=0)
        revisions = sum(int(each.get("removed", 0)) for each in facts)
        uploads = max((int(each.get("aborted", 0)) for each in facts), default=0)
        saved = f"{revisions} revisions, {uploads} uploads; {in_words(freed)}, ${dollars_per_month(freed):.2f} a month"
        return TidiedOutput(
            applicable=True,
            asked=sum(len(_named(change)) for change, _ in made),
            left=sum(_left(ctx, change) for change, _ in made),
            spared=spared,
            revisions=revisions,
            uploads=uploads,
            saved_bytes=freed,
            saved_dollars_per_month=dollars_per_month(freed),
            outcome=f"saved: {saved}",
        )


def _named(change: Change) -> set[str]:
    if change.action == _REVISIONS:
        return set(change.parameters["taskDefinitions"])
    return {each["UploadId"] for each in change.parameters["uploads"]}


def _left(ctx: StepContext, change: Change) -> int:
    if change.action == _REVISIONS:
        return len(_named(change) & set(ctx.aws.ecs_families.active(change.parameters["family"])))
    there = ctx.aws.leftovers.uploads(change.parameters["bucket"], change.parameters["prefix"])
    return sum(upload.id in _named(change) for upload in there)


def tidied(output: TidiedOutput) -> tuple[Answer, str]:
    if not output.applicable:
        return Answer.NOT_APPLICABLE, output.outcome
    said = f"{output.left} of {output.asked} are left, {output.spared} of them on purpose; {output.outcome}"
    return (Answer.TRUE if output.left <= output.spared else Answer.FALSE), said
