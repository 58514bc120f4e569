"""What an MLflow of another version would need and not find: image, drivers, settings. Facts of released packages.

`wrong` forbids the upgrade; `unseen` says what nobody can know before a task of the new version has started.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from urllib.parse import urlsplit

from chalicelib.aws.ecs_shapes import ContainerDefinition
from chalicelib.errors import AwsError
from chalicelib.models.stack import MlflowAuth, Stack
from chalicelib.steps.blindness import denied
from chalicelib.steps.mlflow_install import install_commands
from chalicelib.steps.mlflow_schemas import MAKES_A_TRIGGER, Need, head_of, is_older, may_cross, need, numbers
from chalicelib.steps.mlflow_target import Source, Where, said_edits, source_of, with_target
from chalicelib.steps.probes.db_connect import Connect, ConnectOutput
from chalicelib.steps.step import NoParams, StepContext
from chalicelib.steps.store_uri import dialect_and_driver

HOSTS_SINCE, SECRET_KEY_SINCE, OWN_PASSWORD_SINCE = (3, 5, 0), (2, 22, 0), (3, 16, 0)
"""As the released packages have it: the host check, the secret key of basic-auth, no default password."""
NOT_INSTALLABLE = {"3.18.0": "its mlflow-skinny was missing from the index in November 2026"}
_STORE = re.compile(r"""--backend-store-uri(?:\s+|=)["']?([^\s"';&|]+)""")
_HOSTS = re.compile(r"""--allowed-hosts(?:\s+|=)('[^']*'|"[^"]*"|\S+)""")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_DRIVERS = {
    "psycopg2": r"psycopg2(?:-binary)?",
    "psycopg": r"psycopg(?:\[[\w,]+\])?",
    "pymysql": r"pymysql",
    "mysqldb": r"mysqlclient",
}
_MEANT = {"postgresql": "psycopg", "postgres": "psycopg", "mysql": "mysqldb", "mariadb": "mysqldb"}
"""What SQLAlchemy 2.1 takes where the address names no driver."""


@dataclass(frozen=True)
class Judged:
    source: Source
    container: ContainerDefinition
    """As it is now."""
    target: ContainerDefinition
    """As it would be."""
    edits: tuple[dict[str, str], ...]
    """What makes the one of the other; none where the version stays."""
    version: str
    schema_now: str | None
    schema_wanted: str | None
    need: Need
    wrong: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def is_work(self) -> bool:
        """Another version, or a schema that is not known to fit."""
        return bool(self.edits) or self.need is not Need.NOTHING

    @property
    def why_not(self) -> str:
        return "; ".join(self.wrong)


def judge(ctx: StepContext, container: ContainerDefinition, version: str | None, image: str | None) -> Judged:
    """Reads the database's revision and whether the image is there; the rest is in the task definition."""
    source = source_of(container)
    wanted = version or source.version
    wrong: list[str] = []
    unseen: list[str] = []
    if wanted is None:
        wrong.append("neither the start command nor the image says which MLflow runs: name the version")
    same = wanted is None or (wanted == source.version and image is None)
    edits = [] if same else said_edits(container, wanted or "", image)
    target = with_target(container, edits) if edits else container
    database = Connect().read(ctx, NoParams())
    now, blind = _schema_of(database)
    unseen += [blind] if blind else []
    head = head_of(wanted)
    if wanted and head is None:
        unseen.append(f"nobody here knows the schema of MLflow {wanted}: whether it migrates shows only when it does")
    needs = need(now, head)
    wrong += [*_backwards(source, wanted, needs, now), *settings(ctx.stack, target, wanted)]
    wrong += _triggers(database, now, wanted)
    missing, unknown = _image(ctx, target, changed=target.image != container.image)
    drivers, not_seen = _drivers(target, source)
    return Judged(
        source, container, target, tuple(edits), wanted or "", now, head, needs,
        (*wrong, *missing, *drivers), (*unseen, *unknown, *not_seen, *_known_trouble(wanted)),
    )  # fmt: skip


def schema_now(ctx: StepContext) -> tuple[str | None, str | None]:
    """The database's Alembic revision; or why it is not known (S3)."""
    return _schema_of(Connect().read(ctx, NoParams()))


def _schema_of(found: ConnectOutput) -> tuple[str | None, str | None]:
    if found.alembic_version and len(found.alembic_version) == 1:
        return found.alembic_version[0], None
    why = found.skipped or found.detail or "the database does not say which schema it has"
    return None, f"schema not known: {why}"


def _triggers(database: ConnectOutput, now: str | None, wanted: str | None) -> list[str]:
    """Half-way through, MySQL takes nothing back: only the snapshot of before would help (error 1419)."""
    if database.makes_triggers is not False or not may_cross(MAKES_A_TRIGGER, now, wanted):
        return []
    why = "makes a trigger, which this database forbids while it writes a binary log"
    return [f"the migration to MLflow {wanted} {why}: set log_bin_trust_function_creators to 1 in its parameter group"]


def _backwards(source: Source, wanted: str | None, needs: Need, now: str | None) -> list[str]:
    if needs is Need.NEWER_MLFLOW:
        return [f"the database's schema {now} is newer than MLflow {wanted}: no upgrade goes back"]
    if source.version and wanted and is_older(wanted, source.version):
        return [f"MLflow {wanted} is older than {source.version}, which runs: that is no upgrade"]
    return []


def settings(stack: Stack, container: ContainerDefinition, version: str | None) -> list[str]:
    """What newer versions demand and nobody has set. Pure."""
    release = numbers(version) if version else None
    if release is None:
        return []
    line = " ".join((*container.entry_point, *container.command))
    names = {*container.environment, *container.secrets}
    wrong = []
    if stack.mlflow.auth is MlflowAuth.BASIC or "basic-auth" in line:
        if release >= SECRET_KEY_SINCE and "MLFLOW_FLASK_SERVER_SECRET_KEY" not in names:
            wrong.append(f"MLflow {version} with basic-auth does not start without MLFLOW_FLASK_SERVER_SECRET_KEY")
        configured = "MLFLOW_AUTH_CONFIG_PATH" in names
        if release >= OWN_PASSWORD_SINCE and "MLFLOW_AUTH_ADMIN_PASSWORD" not in names and not configured:
            wrong.append(f"MLflow {version} has no default admin password: MLFLOW_AUTH_ADMIN_PASSWORD must be set")
    if release >= HOSTS_SINCE:
        wrong += _hosts(stack, container, line, version)
    return wrong


def _hosts(stack: Stack, container: ContainerDefinition, line: str, version: str | None) -> list[str]:
    header, flag = _host_header(stack.url), _HOSTS.search(line)
    variable = container.environment.get("MLFLOW_SERVER_ALLOWED_HOSTS")
    allowed = flag[1].strip("'\"") if flag else variable  # what the command line says goes before the variable
    if header is None or (flag is None and "MLFLOW_SERVER_ALLOWED_HOSTS" in container.secrets):
        return []
    if allowed and ("$" in allowed or is_allowed(header, allowed)):  # what a shell makes of it is not seen from here
        return []
    # Never `*`: that would let anybody's page in (S20).
    where = "--allowed-hosts" if flag else "MLFLOW_SERVER_ALLOWED_HOSTS"
    return [f"MLflow {version} refuses {header} with 403: {where} must name it"]


def _host_header(url: str | None) -> str | None:
    """As a client sends it: with the port, unless it is the scheme's own."""
    parts = urlsplit(url or "")
    if parts.hostname is None:
        return None
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return name if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{name}:{parts.port}"


def is_allowed(header: str, allowed: str) -> bool:
    """MLflow's own rule: the whole header, and a pattern only where there is a `*` in it."""
    each = [one.strip() for one in allowed.split(",")]
    return "*" in each or any(fnmatch(header, one) if "*" in one else header == one for one in each)


def _image(ctx: StepContext, target: ContainerDefinition, *, changed: bool) -> tuple[list[str], list[str]]:
    try:
        there = ctx.aws.ecr.has_image(target.image)
    except AwsError as error:
        return [], [f"whether the image is there: {denied(error)}"]
    if there is False:
        return [f"the image is not there: {target.image}"], []
    unseen = f"{target.image} lies in no private registry: whether it can be pulled shows when a task starts"
    return [], [unseen] if there is None and changed else []


def _drivers(target: ContainerDefinition, source: Source) -> tuple[list[str], list[str]]:
    if source.where is Where.IMAGE:
        return [], ["which database drivers the image holds cannot be seen from here"]
    match = _STORE.search(" ".join((*target.entry_point, *target.command)))
    uri = match[1] if match else target.environment.get("MLFLOW_BACKEND_STORE_URI", "")
    dialect, driver = dialect_and_driver(uri)
    wanted = driver or _MEANT.get(dialect)
    if wanted is None:
        return [], ["where the store is stands in a secret, so its driver is not checked"]
    line = " ".join(install_commands(target))
    known = _DRIVERS.get(wanted)
    if known is None or re.search(rf"(?<![\w-]){known}(?![\w-])", line, re.IGNORECASE):
        return [], []
    says = f"{dialect}{f'+{driver}' if driver else ''}:// takes the driver {wanted}"
    return [f"{says}, and the start command does not install it"], []


def _known_trouble(version: str | None) -> list[str]:
    trouble = NOT_INSTALLABLE.get(version or "")
    return [f"MLflow {version} may not be installable: {trouble}"] if trouble else []
