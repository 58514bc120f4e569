"""secrets.try_versions: which version of the database's secret the database accepts. Never a value (S29)."""

from chalicelib.errors import AwsError, AwsInvalid, AwsNotFound
from chalicelib.models.finding import Veto
from chalicelib.models.shape import Shape
from chalicelib.steps.blindness import denied, unseen
from chalicelib.steps.permissions import DESCRIBE_SECRETS
from chalicelib.steps.probes.db_connect import Connect, login_request, where_it_is
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

CURRENT = "AWSCURRENT"
STAGES = (CURRENT, "AWSPENDING", "AWSPREVIOUS")
"""In the order in which they are tried; the others only once the database refuses the current one."""


class VersionLogin(Shape):
    stage: str
    version: str
    """The version's id, which is no secret."""
    accepted: bool | None = None
    """None: nobody could tell, as `detail` says."""
    detail: str = ""


class VersionsOutput(Output):
    applicable: bool
    """False: the stack names no database, or no secret to log in with."""
    skipped: str | None = None
    accepted: bool | None = None
    """Whether the database takes AWSCURRENT, which is what a task that starts now reads."""
    works: tuple[str, ...] = ()
    """The stages that the database accepts, of those that were tried."""
    outcome: str = ""
    """In words, for the run's own outcome."""
    versions: tuple[VersionLogin, ...] = ()
    vetoes: tuple[Veto, ...] = ()


class TryVersions(Probe[NoParams, VersionsOutput]):
    """Log in to the database with AWSCURRENT; where that is refused, say which other version works.

    ```yaml
    - id: logins
      do: secrets.try_versions
    ```
    """

    name = "secrets.try_versions"
    Params = NoParams
    Output = VersionsOutput
    permissions = (*Connect.permissions, DESCRIBE_SECRETS)

    def read(self, ctx: StepContext, params: NoParams) -> VersionsOutput:  # noqa: ARG002 - it has none
        database = ctx.stack.database
        if database is None or database.secret is None:
            return VersionsOutput(applicable=False, outcome="the stack names no database with a secret")
        if ctx.databases.out_of_reach:
            return VersionsOutput(applicable=True, skipped=ctx.databases.out_of_reach, outcome="not told")
        try:
            there = ctx.aws.secrets.versions(database.secret)
            tried = _try(ctx, there)
        except AwsError as error:
            return VersionsOutput(applicable=True, skipped=denied(error), outcome="not told")
        return _output(database.secret, tried)


def _try(ctx: StepContext, there: dict[str, str]) -> list[VersionLogin]:
    """Stages that name the same version are one login: after a rotation PENDING often is CURRENT."""
    tried: list[VersionLogin] = []
    for stage in STAGES:
        version = there.get(stage)
        if version is None or version in {each.version for each in tried}:
            continue
        tried.append(_log_in(ctx, stage, version))
        if stage == CURRENT and tried[-1].accepted is not False:
            break
    return tried


def _log_in(ctx: StepContext, stage: str, version: str) -> VersionLogin:
    database = ctx.stack.database
    assert database is not None and database.secret is not None  # noqa: S101,PT018  # read() saw to it
    try:
        secret = ctx.aws.secrets.database(database.secret, version)
    except (AwsInvalid, AwsNotFound) as error:  # a version without a value, or not of the usual shape: no login
        return VersionLogin(stage=stage, version=version, accepted=False, detail=str(error))
    host, port = where_it_is(ctx, database, secret)
    if host is None:
        return VersionLogin(stage=stage, version=version, detail=unseen("neither RDS nor the secret says where it is"))
    facts = ctx.databases.look(login_request(database, secret, host, port))
    return VersionLogin(stage=stage, version=version, accepted=facts.authenticated, detail=facts.detail)


def _output(secret: str, tried: list[VersionLogin]) -> VersionsOutput:
    current = next((each for each in tried if each.stage == CURRENT), None)
    works = tuple(each.stage for each in tried if each.accepted)
    if current is None:
        why = unseen(f"secret {secret} has no {CURRENT}")
        return VersionsOutput(applicable=True, skipped=why, outcome="not told", versions=tuple(tried))
    said = _said(secret, current, works)
    refused = current.accepted is False
    replacing = ("ecs.restart_tasks", "ecs.force_deployment")
    vetoes = tuple(Veto(step=step, cause="db.auth_failed", why=said) for step in replacing)
    return VersionsOutput(
        applicable=True,
        accepted=current.accepted,
        works=works,
        outcome=said,
        versions=tuple(tried),
        vetoes=vetoes if refused else (),
    )


def _said(secret: str, current: VersionLogin, works: tuple[str, ...]) -> str:
    if current.accepted:
        return f"the database accepts {CURRENT} of {secret}"
    if current.accepted is None:
        return f"whether the database accepts {CURRENT} of {secret} could not be told: {current.detail}"
    others = f"{' and '.join(works)} works" if works else "none of its other versions works either"
    return f"the database refuses {CURRENT} of {secret}; {others}"
