"""ldap.bind: whether the directory that people log in with takes Steward's bind and finds anybody."""

from chalicelib.errors import AwsError
from chalicelib.models.step_index import Permission
from chalicelib.net.directory_login import DirectoryRequest
from chalicelib.net.login_problem import Problem
from chalicelib.steps.blindness import denied, unseen
from chalicelib.steps.step import NoParams, Output, Probe, StepContext


class BindOutput(Output):
    """None always means: not known, because it did not get that far."""

    applicable: bool
    """False: the stack has no directory."""
    skipped: str | None = None
    problem: Problem | None = None
    detail: str = ""
    reachable: bool | None = None
    tls: str | None = None
    bound: bool | None = None
    base_exists: bool | None = None
    finds_users: bool | None = None
    """Whether the user filter finds anybody at all under the base."""


class Bind(Probe[NoParams, BindOutput]):
    """One bind to the stack's LDAP directory with its secret, and one search of at most one entry.

    ```yaml
    - id: directory
      do: ldap.bind
    ```
    """

    name = "ldap.bind"
    Params = NoParams
    Output = BindOutput
    permissions = (
        Permission(
            action="secretsmanager:GetSecretValue",
            resource="arn:{partition}:secretsmanager:{region}:{account}:secret:{ldap_secret}-??????",
            why="bind as MLflow does",
        ),
    )

    def read(self, ctx: StepContext, params: NoParams) -> BindOutput:  # noqa: ARG002 - it has none
        ldap = ctx.stack.ldap
        if ldap is None:
            return BindOutput(applicable=False, detail="the stack has no directory")
        if ctx.directories.out_of_reach:
            return BindOutput(applicable=True, skipped=ctx.directories.out_of_reach)
        try:
            login = ctx.aws.secrets.login(ldap.bind_secret)
        except AwsError as error:
            return BindOutput(applicable=True, skipped=denied(error))
        facts = ctx.directories.look(
            DirectoryRequest(
                url=ldap.url.rstrip("/"),
                base_dn=ldap.base_dn,
                bind_dn=login.username,
                password=login.password,
                user_filter=ldap.user_filter,
                start_tls=ldap.start_tls,
                allow_plain=ctx.stack.allow_plain_http,
            )
        )
        ours = facts.problem is not None and facts.problem.is_ours
        return BindOutput(
            applicable=True,
            skipped=unseen(facts.detail) if ours else None,
            problem=facts.problem,
            detail="" if ours else facts.detail,
            reachable=facts.reachable,
            tls=facts.tls,
            bound=facts.bound,
            base_exists=facts.base_exists,
            finds_users=facts.finds_users,
        )
