"""The stack's artifact bucket, at Amazon or at an endpoint of the stack's own (MinIO and the like)."""

from urllib.parse import urlsplit

from chalicelib.aws.s3 import S3
from chalicelib.errors import HttpFailure
from chalicelib.models.stack import ArtifactsPart
from chalicelib.models.step_index import Permission
from chalicelib.net.http import HttpRequest
from chalicelib.steps.step import StepContext

READ_ENDPOINT_KEYS = Permission(
    action="secretsmanager:GetSecretValue",
    resource="arn:{partition}:secretsmanager:{region}:{account}:secret:{artifacts_secret}-??????",
    why="the keys of an endpoint that is not Amazon's",
)


def why_no_endpoint(ctx: StepContext, artifacts: ArtifactsPart) -> HttpFailure | None:
    """Asks the endpoint for anything at all, over the port that checks where a name leads to (S25)."""
    if artifacts.endpoint is None:
        return None
    host = urlsplit(artifacts.endpoint).hostname or ""
    try:
        ctx.http.ask(HttpRequest(method="GET", url=artifacts.endpoint, timeout_s=5, allow_hosts=(host,)))
    except HttpFailure as failure:
        return None if failure.kind == "too_large" else failure
    return None


def may_send_keys(ctx: StepContext, artifacts: ArtifactsPart) -> bool:
    return urlsplit(artifacts.endpoint or "https://").scheme == "https" or ctx.stack.allow_plain_http


def open_store(ctx: StepContext, artifacts: ArtifactsPart) -> S3:
    if artifacts.endpoint is None:
        return ctx.aws.s3
    keys = ctx.aws.secrets.login(artifacts.secret) if artifacts.secret and may_send_keys(ctx, artifacts) else None
    return ctx.aws.s3_at(artifacts.endpoint, keys)
