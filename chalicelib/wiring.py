"""Builds everything, once, on first use. Nothing here happens at import.

`parts()` is what the handlers get in Lambda. The sandbox builds its own Parts from the same
`build_engine`, with twins where the account would be.
"""

import os
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.clock import RealClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.diagnosis.diagnose import Diagnoser
    from chalicelib.flows.parts import Parts
    from chalicelib.flows.reach import Inside
    from chalicelib.models.runbook import Runbook
    from chalicelib.models.stack import Stack
    from chalicelib.models.step_index import StepIndex
    from chalicelib.net.reach import Carry
    from chalicelib.settings import Settings
    from chalicelib.store.blobs import Blobs
    from chalicelib.store.table import Table

VERSION = "0.1.0"
CATALOG_FILE = "catalog.json"
"""Runbooks compiled by packaging; Lambda reads no YAML."""
SIGNATURES_FILE = "signatures.json"
STACKS_FILE = "stacks.json"
"""Which stacks were packaged, each with the hash of its parameter (S22)."""
DATABASE_CA_FILE = "rds-ca.pem"
"""Amazon's certificates for RDS, where packaging has put them; without them servers are not verified, and every
answer says so."""


@cache
def parts() -> "Parts":
    import gc

    # What is built here lives as long as the process: looking for garbage in it meanwhile is a tenth of the time.
    gc.disable()
    try:
        return build(os.environ)
    finally:
        gc.freeze()
        gc.enable()


@cache
def inside() -> "Inside":
    """What `reach` asks with, in the network of a stack. It reads no environment and no state."""
    from pathlib import Path

    from chalicelib.flows.reach import Inside
    from chalicelib.net.checked_connection import Connecting
    from chalicelib.net.database_login import ByEngine
    from chalicelib.net.guarded import GuardedHttp
    from chalicelib.net.ldap_login import LdapLogin
    from chalicelib.net.mysql_login import MysqlLogin
    from chalicelib.net.postgres_login import PostgresLogin

    certificates = Path(__file__).resolve().parent.parent / DATABASE_CA_FILE
    to_rds = Connecting(ca_file=str(certificates) if certificates.is_file() else None)
    mysql = MysqlLogin(to_rds)
    logins = ByEngine({"postgres": PostgresLogin(to_rds), "mysql": mysql, "mariadb": mysql})
    # A directory's certificates are its owner's: Amazon's would only refuse them.
    return Inside(databases=logins, directories=LdapLogin(Connecting()), http=GuardedHttp())


@cache
def step_index() -> "StepIndex":
    from chalicelib.catalog.control import control_entries
    from chalicelib.steps.registry import step_index as index

    return index(control_entries())


def engine_ports(table: "Table", stacks: "Mapping[str, Stack]", evidence: "Blobs", **rest: Any) -> Any:  # noqa: ANN401  # see Ports
    """The engine over one table; `rest` are sessions, http, jitter, senses."""
    from chalicelib.engine.ports import Ports
    from chalicelib.models.later import Later
    from chalicelib.store.approvals import Approvals
    from chalicelib.store.history import History
    from chalicelib.store.incidents import Incidents
    from chalicelib.store.ledgers import Ledgers
    from chalicelib.store.runs import Runs

    return Ports(
        runs=Runs(table, evidence),
        approvals=Approvals(table),
        ledgers=Ledgers(table),
        incidents=Incidents(table),
        history=History(table),
        stacks=stacks,
        probes=Later(lambda: _steps().PROBES),
        actions=Later(lambda: _steps().ACTIONS),
        checks=Later(lambda: _steps().CHECKS),
        **rest,
    )


def _steps() -> Any:  # noqa: ANN401  # the module of every step; `intake` and `api` never load it
    from chalicelib.steps import registry

    return registry


def pinned(runbooks: "Mapping[str, Runbook]") -> "dict[str, Runbook]":
    """With their includes in place: what is matched, planned and stored with a run."""
    from chalicelib.catalog.include import pin

    return {name: pin(runbook, runbooks) for name, runbook in runbooks.items()}


def build(env: "Mapping[str, str]", **twins: Any) -> "Parts":
    """`twins` of the sandbox: `lend` (makes sessions), `read` (what lies beside `app.py`), `http`, more `senses`."""
    import random
    import uuid

    from chalicelib.aws.blobs import S3Blobs
    from chalicelib.aws.gateways import Aws
    from chalicelib.aws.lean_session import botocore_version
    from chalicelib.aws.sessions import StackSessions, lean_session
    from chalicelib.aws.sns import by_name
    from chalicelib.catalog.match import Matcher
    from chalicelib.engine.machine import StepFunctionsDriver
    from chalicelib.flows.parts import Parts
    from chalicelib.guards.roles import Roles
    from chalicelib.observability import PowertoolsTelemetry
    from chalicelib.settings import LEAST_BOTOCORE, Settings, check_boto3
    from chalicelib.signals.tie import StackKeys
    from chalicelib.store.audit import Audit
    from chalicelib.store.decisions import Decisions
    from chalicelib.store.dynamodb import DynamoTable, dynamo_client
    from chalicelib.store.schema import fit_schema

    check_boto3(botocore_version(), LEAST_BOTOCORE)
    settings = Settings.from_env(env)
    lend, read = twins.get("lend", lean_session), twins.get("read", _compiled)
    session: Any = lend(settings.region, None)  # one for all of Steward's own clients
    sessions = StackSessions(settings.region, lambda where, lent: lend(where, lent) if lent else session)
    own: Aws = sessions.own
    table = DynamoTable(settings.table, lambda: dynamo_client(session))
    telemetry = PowertoolsTelemetry(settings.stage, settings.log_level)
    stacks = _stacks(own, settings.stage, telemetry, read(STACKS_FILE))
    fit_schema(table, stacks, migrates=_may_migrate(env))
    runbooks = pinned(_runbooks(read(CATALOG_FILE)))
    evidence = S3Blobs(own.s3, settings.evidence_bucket)
    http, more = twins.get("http") or _when_used(_http), twins.get("senses", {})
    senses = _when_used(lambda: _senses(own, settings, evidence, read, **more))
    return Parts(
        engine=engine_ports(table, stacks, evidence, sessions=sessions, http=http, jitter=random.random, senses=senses),
        decisions=Decisions(table),
        archive=S3Blobs(own.s3, settings.archive_bucket),
        runbooks=runbooks,
        matcher=Matcher.of(runbooks.values()),
        stack_keys=StackKeys.of(stacks.values()),
        channels=_channels(
            stacks,
            telemetry=telemetry,
            http=http,
            publish=by_name(own.sns, settings.region, settings.account),
            read_secret=own.secrets.text,
            slack_buttons=any(w.source == "slack" for w in settings.webhooks.values()),
        ),
        driver=StepFunctionsDriver(own.sfn, settings.machine_arn, telemetry),
        telemetry=telemetry,
        limits=settings.fleet_limits(len(stacks)),
        audit=Audit(table),
        roles=Roles.of(settings.roles),
        own_account=settings.account,
        clock=RealClock(),
        new_id=lambda: uuid.uuid4().hex,
        pause=RealClock().sleep,
        webhooks=settings.webhooks,
        secret_pair=own.secrets.pair,
    )


def _when_used(make: "Callable[[], Any]") -> Any:  # noqa: ANN401
    from threading import Lock

    from chalicelib.aws.when_used import WhenUsed

    return WhenUsed(make, Lock())


def _http() -> Any:  # noqa: ANN401  # `intake` and `api` ask nobody's address: they never load it
    from chalicelib.net.guarded import GuardedHttp

    return GuardedHttp()


def _senses(own: Any, settings: "Settings", evidence: "Blobs", read: Any, **more: Any) -> Any:  # noqa: ANN401
    from chalicelib.engine.copy_machine import StepFunctionsHands
    from chalicelib.steps.senses import Senses

    usual = Senses(
        diagnoser=_diagnoser(read(SIGNATURES_FILE)),
        evidence=evidence,
        many_hands=StepFunctionsHands(own.sfn, arn) if (arn := settings.copies_machine_arn) else None,
        carry_into=_carry_into(own, settings.stage),
        read_fingerprint_key=_fingerprint_key(own, settings.fingerprint_secret),
    )
    return replace(usual, **more)


def _may_migrate(env: "Mapping[str, str]") -> bool:
    """In the cloud sweep alone: one worker at a time, with time enough, and with the right to write there (S24)."""
    function = env.get("AWS_LAMBDA_FUNCTION_NAME", "")
    return not function or function.endswith("-sweep")


def _carry_into(own: Any, stage: str) -> "Callable[[Stack], Carry]":  # noqa: ANN401
    """With Steward's own rights: `advance` may call these functions, and a stack's role need not."""
    from functools import partial

    from chalicelib.aws.lambda_invoke import reach_function

    return lambda stack: partial(_ask, own, reach_function(stage, stack))


def _ask(own: Any, function: str, payload: bytes) -> bytes:  # noqa: ANN401
    from chalicelib.net.reach_words import MOST_ANSWERED

    if function.startswith("arn:"):  # an endpoint of Lambda knows only its own region's functions
        own = own.in_region(function.split(":")[3])
    answer: bytes = own.lambda_invoke.ask(function, payload, max_bytes=MOST_ANSWERED)
    return answer


def _fingerprint_key(own: Any, secret: str | None) -> "Callable[[], bytes] | None":  # noqa: ANN401
    """Read when the first step runs, and kept. One that cannot be read shows no fingerprints (S29)."""
    if secret is None:
        return None
    from chalicelib.errors import AwsError

    kept: list[bytes] = []

    def read() -> bytes:
        try:
            kept[:] = kept or [own.secrets.text(secret).encode()]
        except AwsError:
            return b""
        return kept[0]

    return read


def _stacks(own: Any, stage: str, telemetry: Any, packaged: str | None) -> "Mapping[str, Stack]":  # noqa: ANN401
    """From SSM parameters, one a stack, written by packaging; only those that were packaged (S22)."""
    from chalicelib.catalog.deployed import deployed_stacks
    from chalicelib.observability import Level

    stacks = deployed_stacks(own.ssm.parameters_under(f"/steward/{stage}/stacks"), packaged)
    for problem in stacks.refused.values():
        telemetry.note(problem, level=Level.ERROR)
    return stacks


def _compiled(name: str) -> str | None:
    """What packaging put beside `app.py`; in a checkout it lies in `vendor/`, whence Chalice takes it."""
    from pathlib import Path

    root = Path(__file__).resolve().parent.parent
    return next((path.read_text() for path in (root / name, root / "vendor" / name) if path.is_file()), None)


def _runbooks(compiled: str | None) -> "Mapping[str, Runbook]":
    import json

    from chalicelib.catalog.load import Catalog
    from chalicelib.errors import DocumentError

    if compiled is None:
        raise DocumentError(CATALOG_FILE, "is not there; package again with `steward package`")
    return Catalog.from_json(json.loads(compiled)).runbooks


def _diagnoser(compiled: str | None) -> "Diagnoser | None":
    """From the signatures that packaging compiled; without them `mlflow.diagnose` says that it knows nothing.
    Made by the first diagnosis: `intake` and `api` make none."""
    return _when_used(lambda: _reads_causes(compiled)) if compiled else None


def _reads_causes(compiled: str | None) -> "Diagnoser":
    from chalicelib.diagnosis.diagnose import Diagnoser
    from chalicelib.diagnosis.load import load_compiled

    return Diagnoser(lambda: load_compiled(compiled or ""))


def _channels(stacks: "Mapping[str, Stack]", **through: Any) -> "dict[str, Any]":
    from chalicelib.notify.channels import build_channel

    names = {name for stack in stacks.values() for listed in stack.channels.values() for name in listed}
    return {name: build_channel(name, **through) for name in sorted(names)}
