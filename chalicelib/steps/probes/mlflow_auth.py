"""mlflow.auth: whether MLflow asks for a login, and takes the one that the stack knows."""

from chalicelib.errors import AwsError
from chalicelib.models.stack import MlflowAuth
from chalicelib.net.http import HttpAnswer, HttpFailure, HttpRequest
from chalicelib.steps.blindness import denied, unseen
from chalicelib.steps.deep_answers import State, of_search
from chalicelib.steps.mlflow_access import ASK_MLFLOW, allowed_hosts, login_headers, may_send_login
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_PATH = "/api/2.0/mlflow/experiments/search?max_results=1"
_NO_LOGIN = 401


class AuthOutput(Output):
    applicable: bool
    """False: the stack has no url."""
    skipped: str | None = None
    configured: bool = False
    """The stack says that basic auth is on."""
    challenged: bool | None = None
    """A request without a login is answered 401 with `WWW-Authenticate: Basic`. A 401 without it is none:
    a wrong S3 key looks like that."""
    open: bool | None = None
    """The API answers anybody."""
    login_sent: bool = False
    login_accepted: bool | None = None
    anonymous_state: State | None = None
    login_state: State | None = None
    detail: str = ""


class Auth(Probe[NoParams, AuthOutput]):
    """One request without a login and, where the server asks for one and it may be sent, one with it (S25).

    ```yaml
    - id: auth
      do: mlflow.auth
    ```
    """

    name = "mlflow.auth"
    Params = NoParams
    Output = AuthOutput
    permissions = ASK_MLFLOW

    def read(self, ctx: StepContext, params: NoParams) -> AuthOutput:  # noqa: ARG002 - it has none
        if ctx.stack.url is None:
            return AuthOutput(applicable=False, detail="the stack has no url")
        known = AuthOutput(applicable=True, configured=ctx.stack.mlflow.auth is MlflowAuth.BASIC)
        try:
            hosts = allowed_hosts(ctx)
            anonymous = _ask(ctx, {}, hosts)
            known = known.model_copy(update=_of_anonymous(anonymous))
            if not known.challenged:
                return known
            headers = login_headers(ctx)
            if not headers:
                return known.model_copy(update={"detail": _why_not_sent(ctx)})
            return known.model_copy(update=_of_login(_ask(ctx, headers, hosts)))
        except AwsError as error:
            return known.model_copy(update={"skipped": denied(error)})
        except HttpFailure as failure:
            return known.model_copy(update={"skipped": unseen(failure.kind)})


def _ask(ctx: StepContext, headers: dict[str, str], hosts: tuple[str, ...]) -> HttpAnswer:
    url = (ctx.stack.url or "").rstrip("/") + _PATH
    return ctx.http.ask(HttpRequest(method="GET", url=url, headers=headers, allow_hosts=hosts))


def _asks_for_login(answer: HttpAnswer) -> bool:
    return answer.status == _NO_LOGIN and answer.headers.get("www-authenticate", "").lower().startswith("basic")


def _of_anonymous(answer: HttpAnswer) -> dict[str, bool | str | State]:
    state, challenged = of_search(answer), _asks_for_login(answer)
    said = "asks for a login" if challenged else f"answers {answer.status}"
    detail = f"without a login the API {said}"
    return {"challenged": challenged, "open": state is State.OK, "anonymous_state": state, "detail": detail}


def _of_login(answer: HttpAnswer) -> dict[str, bool | str | State | None]:
    """Anything but a new challenge means that the login was taken, however ill the rest may be."""
    refused, state = _asks_for_login(answer), of_search(answer)
    unclear = state in {State.REDIRECTED, State.THROTTLED, State.UNCLEAR, State.DOWN}
    return {
        "login_sent": True,
        "login_accepted": False if refused else None if unclear else True,
        "login_state": state,
        "detail": f"with the stack's login the API answers {answer.status}",
    }


def _why_not_sent(ctx: StepContext) -> str:
    if ctx.stack.mlflow.auth is not MlflowAuth.BASIC or ctx.stack.mlflow.admin_secret is None:
        return "the server asks for a login, and the stack names none"
    if not may_send_login(ctx.stack):
        return "the server asks for a login, and none may be sent over plain http (allowPlainHttp)"
    return "the server asks for a login, and none could be sent"
