"""mlflow.try_versions: which version of the admin's secret MLflow accepts. Never a value (S29).

MLflow keeps its users itself: a rotation that nobody told it of leaves a secret that logs nobody in.
"""

import base64
from urllib.parse import urlencode

from chalicelib.aws.secrets import Login
from chalicelib.errors import AwsError, AwsInvalid, AwsNotFound, HttpFailure
from chalicelib.models.stack import MlflowAuth
from chalicelib.net.http import HttpRequest
from chalicelib.steps.blindness import denied, unseen
from chalicelib.steps.mlflow_access import ASK_MLFLOW, allowed_hosts, may_send_login
from chalicelib.steps.permissions import DESCRIBE_SECRETS
from chalicelib.steps.probes.secrets_try_versions import CURRENT, STAGES, VersionLogin, VersionsOutput
from chalicelib.steps.step import NoParams, Probe, StepContext

_OK, _NO_LOGIN = 200, 401


class TryAdminVersions(Probe[NoParams, VersionsOutput]):
    """Ask MLflow for its admin with AWSCURRENT; where that login is refused, say which other version works.

    ```yaml
    - id: admin
      do: mlflow.try_versions
    ```
    """

    name = "mlflow.try_versions"
    Params = NoParams
    Output = VersionsOutput
    permissions = (*ASK_MLFLOW, DESCRIBE_SECRETS)

    def read(self, ctx: StepContext, params: NoParams) -> VersionsOutput:  # noqa: ARG002 - it has none
        stack = ctx.stack
        secret = stack.mlflow.admin_secret
        if stack.url is None or stack.mlflow.auth is not MlflowAuth.BASIC or secret is None:
            return VersionsOutput(applicable=False, outcome="the stack names no admin of its MLflow, or no url")
        if not may_send_login(stack):
            why = unseen("a login goes over plain http only where the stack says allow_plain_http")
            return VersionsOutput(applicable=True, skipped=why, outcome="not told")
        try:
            tried = _try(ctx, secret, ctx.aws.secrets.versions(secret), allowed_hosts(ctx))
        except AwsError as error:
            return VersionsOutput(applicable=True, skipped=denied(error), outcome="not told")
        return _output(secret, tried)


def _try(ctx: StepContext, secret: str, there: dict[str, str], hosts: tuple[str, ...]) -> list[VersionLogin]:
    """Only once the current one is refused are others tried: each refusal is somebody's failed login."""
    tried: list[VersionLogin] = []
    for stage in STAGES:
        version = there.get(stage)
        if version is None or version in {each.version for each in tried}:
            continue
        tried.append(_log_in(ctx, secret, stage, version, hosts))
        if stage == CURRENT and tried[-1].accepted is not False:
            break
    return tried


def _log_in(ctx: StepContext, secret: str, stage: str, version: str, hosts: tuple[str, ...]) -> VersionLogin:
    try:
        login = ctx.aws.secrets.login(secret, version)
    except (AwsInvalid, AwsNotFound) as error:  # a version without a value, or not of the usual shape: no login
        return VersionLogin(stage=stage, version=version, accepted=False, detail=str(error))
    accepted, said = _ask(ctx, login, hosts)
    return VersionLogin(stage=stage, version=version, accepted=accepted, detail=said)


def _ask(ctx: StepContext, login: Login, hosts: tuple[str, ...]) -> tuple[bool | None, str]:
    pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    path = f"/api/2.0/mlflow/users/get?{urlencode({'username': login.username})}"
    url = f"{(ctx.stack.url or '').rstrip('/')}{path}"
    try:
        answer = ctx.http.ask(HttpRequest("GET", url, headers={"Authorization": f"Basic {pair}"}, allow_hosts=hosts))
    except HttpFailure as failure:
        return None, str(failure)
    if answer.status == _OK:
        return True, "MLflow knows it"
    return (False if answer.status == _NO_LOGIN else None), f"MLflow answers {answer.status}"


def _output(secret: str, tried: list[VersionLogin]) -> VersionsOutput:
    current = next((each for each in tried if each.stage == CURRENT), None)
    if current is None:
        why = unseen(f"secret {secret} has no {CURRENT}")
        return VersionsOutput(applicable=True, skipped=why, outcome="not told", versions=tuple(tried))
    works = tuple(each.stage for each in tried if each.accepted)
    others = f"{' and '.join(works)} works" if works else "none of its other versions works either"
    said = {
        True: f"MLflow accepts {CURRENT} of {secret}",
        False: f"MLflow refuses {CURRENT} of {secret}; {others}",
        None: f"whether MLflow accepts {CURRENT} of {secret} could not be told: {current.detail}",
    }[current.accepted]
    return VersionsOutput(applicable=True, accepted=current.accepted, works=works, outcome=said, versions=tuple(tried))
