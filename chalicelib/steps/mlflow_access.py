"""How a probe may ask the stack's MLflow: which hosts (S25), and with which login."""

import base64
from urllib.parse import urlsplit

from chalicelib.models.stack import MlflowAuth, Stack
from chalicelib.models.step_index import Permission
from chalicelib.steps.permissions import DESCRIBE_LOAD_BALANCERS, READ_TARGETS
from chalicelib.steps.step import StepContext

ASK_MLFLOW = (
    READ_TARGETS[0],
    DESCRIBE_LOAD_BALANCERS,
    Permission(
        action="secretsmanager:GetSecretValue",
        resource="arn:{partition}:secretsmanager:{region}:{account}:secret:{admin_secret}-??????",
        why="log in where basic auth is on",
    ),
)


def allowed_hosts(ctx: StepContext) -> tuple[str, ...]:
    """The load balancer's own name and what the stack lists besides (S25)."""
    names: tuple[str, ...] = ()
    if ctx.stack.load_balancer is not None:
        group = ctx.aws.elb.target_group(ctx.stack.load_balancer.target_group)
        names = ctx.aws.elb.dns_names(group.load_balancers)
    return (*names, *ctx.stack.url_hosts)


def may_send_login(stack: Stack) -> bool:
    """Credentials go over plain http only where the stack says so (S25)."""
    return urlsplit(stack.url or "").scheme == "https" or stack.allow_plain_http


def login_headers(ctx: StepContext) -> dict[str, str]:
    stack = ctx.stack
    if stack.mlflow.auth is not MlflowAuth.BASIC or stack.mlflow.admin_secret is None or not may_send_login(stack):
        return {}
    login = ctx.aws.secrets.login(stack.mlflow.admin_secret)
    pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}
