"""mlflow.upgrade_state: what has become of this run's upgrade: which MLflow answers, on which schema. Reads only."""

from dataclasses import dataclass

from chalicelib.errors import HttpFailure
from chalicelib.models.check import Answer
from chalicelib.net.http import HttpRequest
from chalicelib.redact import strip_hidden
from chalicelib.steps import permissions
from chalicelib.steps.mlflow_access import ASK_MLFLOW, allowed_hosts, login_headers
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.probes.ecs_describe_service import is_deploying
from chalicelib.steps.service_state import ServiceState, read_service
from chalicelib.steps.step import NoParams, Output, Probe, StepContext
from chalicelib.steps.upgrade_preflight import schema_now

MIGRATES, ROLLS = "mlflow.upgrade_schema", "ecs.change_mlflow_version"
_OK, _BROKEN = 200, 500
RIGHTS = (
    *permissions.READ_SERVICE,
    *ASK_MLFLOW,
    *Connect.permissions,
)


class UpgradeStateOutput(Output):
    applicable: bool
    """False: this run has begun neither a migration nor a rollout of another version."""
    version_wanted: str | None = None
    version_now: str | None = None
    """As the server says it; None: it does not answer, or not from here."""
    schema_before: str | None = None
    schema_wanted: str | None = None
    schema_now: str | None = None
    migrated: bool | None = None
    """The schema is another than before; None: not to be seen from here."""
    in_place: bool | None = None
    """The version that was wanted serves, alone, on a schema that fits it."""
    needs_restore: bool | None = None
    """The schema has changed, and what was to work on it does not: only the database of before helps."""
    detail: str = ""


@dataclass(frozen=True)
class _Wanted:
    version: str | None = None
    before: str | None = None
    schema: str | None = None
    revision_of: str | None = None
    """The former revision, where another was to take its place."""
    other_version: bool = False
    """The service was to get another MLflow; also where its rollout was never begun, or refused."""


class UpgradeState(Probe[NoParams, UpgradeStateOutput]):
    """Whether this run's upgrade is in place, and whether only a restore of the database helps.

    ```yaml
    - id: state
      do: mlflow.upgrade_state
    ```
    """

    name = "mlflow.upgrade_state"
    Params = NoParams
    Output = UpgradeStateOutput
    permissions = RIGHTS

    def read(self, ctx: StepContext, params: NoParams) -> UpgradeStateOutput:  # noqa: ARG002 - it has none
        wanted = _wanted(ctx)
        if wanted is None:
            return UpgradeStateOutput(applicable=False, detail="this run has begun no upgrade")
        schema, blind = schema_now(ctx)
        version, said, seen = _answering(ctx)
        migrated = None if schema is None or wanted.before is None else schema != wanted.before
        service = read_service(ctx)
        in_place = _in_place(wanted, version, schema, service) if seen else None
        return UpgradeStateOutput(
            applicable=True,
            version_wanted=wanted.version,
            version_now=version,
            schema_before=wanted.before,
            schema_wanted=wanted.schema,
            schema_now=schema,
            migrated=migrated,
            in_place=in_place,
            needs_restore=_needs_restore(wanted, schema, in_place=in_place) if migrated else migrated,
            detail="; ".join((said, *_where_it_is(wanted, service), *_on(wanted, version, schema, blind)))[:400],
        )


def _where_it_is(wanted: _Wanted, state: ServiceState) -> list[str]:
    now = state.service.task_definition
    return [f"the service runs {now.rsplit('/', 1)[-1]} as before"] if now == wanted.revision_of else []


def _on(wanted: _Wanted, version: str | None, schema: str | None, blind: str | None) -> list[str]:
    """In words where the former MLflow works on tables that are no longer its own."""
    if schema is None:
        return [blind] if blind else []
    words = f"the schema is {schema}"
    if version is None or version == wanted.version or schema != wanted.schema or schema == wanted.before:
        return [words]
    return [words, f"that of MLflow {wanted.version}: tasks of {version} that run go on, and none that starts comes up"]


def _wanted(ctx: StepContext) -> _Wanted | None:
    """From the Changes that were begun; what was only planned has changed nothing."""
    found: _Wanted | None = None
    for change, _ in ctx.made():
        facts = change.precondition
        if change.action == MIGRATES and facts.get("verb") == "db_upgrade":
            other = bool(facts.get("other_version"))
            found = _Wanted(facts.get("version"), facts.get("schema"), facts.get("wanted"), other_version=other)
        elif change.action == ROLLS and change.operation == "ecs:RegisterTaskDefinition":
            before = found.before if found else facts.get("schema")
            found = _Wanted(
                facts.get("version"), before, facts.get("schema"), change.parameters["former"], other_version=True
            )
    return found


def _needs_restore(wanted: _Wanted, schema: str | None, *, in_place: bool | None) -> bool | None:
    """A service that was to keep its version has nothing to go back to once its schema is the one it wants.
    Where MLflow cannot be asked, only a schema that got stuck half-way proves it (S3)."""
    if in_place is None:
        return True if wanted.schema is not None and schema not in {wanted.before, wanted.schema} else None
    return in_place is False and (wanted.other_version or schema != wanted.schema)


def _in_place(wanted: _Wanted, version: str | None, schema: str | None, state: ServiceState) -> bool:
    service = state.service
    steady = not is_deploying(state) and service.running == service.desired > 0
    primary = service.primary
    ours = primary is not None and primary.rollout != "FAILED" and service.task_definition != wanted.revision_of
    fits = wanted.schema is None or schema is None or schema == wanted.schema
    return steady and ours and fits and version == wanted.version


def _answering(ctx: StepContext) -> tuple[str | None, str, bool]:
    """Which MLflow serves and finds its database; `False`: the answer was not to be had from here (S3)."""
    if ctx.stack.url is None:
        return None, "the stack names no url, so nobody can ask its MLflow", False
    base, hosts, login = ctx.stack.url.rstrip("/"), allowed_hosts(ctx), login_headers(ctx)
    try:
        version = ctx.http.ask(HttpRequest("GET", f"{base}/version", headers=login, allow_hosts=hosts))
        search = f"{base}/api/2.0/mlflow/experiments/search?max_results=1"
        found = ctx.http.ask(HttpRequest("GET", search, headers=login, allow_hosts=hosts))
    except HttpFailure as failure:
        return None, str(failure), failure.kind == "timeout"
    for answer in (version, found):
        if answer.status != _OK:
            return None, f"MLflow answers {answer.status}", answer.status >= _BROKEN
    said = strip_hidden(version.body.decode(errors="replace")).strip()[:40]
    return said, f"MLflow {said} answers and finds its database", True


def upgrade_judged(output: UpgradeStateOutput) -> tuple[Answer, str]:
    """For the check `upgrade_in_place`."""
    if not output.applicable:
        return Answer.FALSE, output.detail  # a run that asks was to bring one
    if output.in_place is None:
        return Answer.UNKNOWN, output.detail
    wanted = f"MLflow {output.version_wanted} on schema {output.schema_wanted or 'of its own'} was wanted"
    return (Answer.TRUE if output.in_place else Answer.FALSE), f"{wanted}; {output.detail}"
