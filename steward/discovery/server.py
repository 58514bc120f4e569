"""What a container's image, command and environment say of an MLflow server. Pure.

Values of the environment are secret (S29): what leaves this module are names, a bucket, a database's
host for comparison with RDS's own list, and nothing that could be a password.
"""

import re
from dataclasses import dataclass

from chalicelib.aws.ecs_shapes import ContainerDefinition, TaskDefinition
from chalicelib.steps.store_uri import dialect_and_driver, host_and_database, is_database_uri

_SERVES = re.compile(r"\bmlflow(?:\.exe)?\s+(?:server|ui)\b|\bmlflow\.server\b")
_IMAGE = re.compile(r"(?:^|[/_-])mlflow(?:$|[/_:@-])")
_OF_A_SERVER = (
    "MLFLOW_BACKEND_STORE_URI",
    "MLFLOW_REGISTRY_STORE_URI",
    "MLFLOW_ARTIFACTS_DESTINATION",
    "MLFLOW_DEFAULT_ARTIFACT_ROOT",
    "MLFLOW_AUTH_CONFIG_PATH",
    "MLFLOW_FLASK_SERVER_SECRET_KEY",
)
_OF_A_CLIENT = "MLFLOW_TRACKING_URI"
_OPTION = re.compile(r"--(?P<name>[a-z-]+)(?:[=\s]+)(?P<value>'[^']*'|\"[^\"]*\"|(?!--)[^\s;&|]+)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-[^}]*)?\}|(\w+))")
_S3 = re.compile(r"^s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[^?#\s]*))?$")
_ENDPOINT = re.compile(r"^https?://[A-Za-z0-9.-]+(?::\d{1,5})?/?$")
_ENGINES = {"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mariadb": "mariadb"}
_ADMIN = ("MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_AUTH_ADMIN_USERNAME")


@dataclass(frozen=True)
class Named:
    """Something that a place in the definition names; `where` is that place, in words."""

    what: str
    where: str


@dataclass(frozen=True)
class Server:
    container: str
    sure: bool
    why: str
    """Why it is taken for an MLflow server."""
    engine: str | None
    host: str | None
    """To be compared with addresses that RDS says; never shown."""
    database: str | None
    store: str
    """Where the address of the store stands, in words."""
    database_secret: Named | None
    admin_secret: Named | None
    bucket: str | None
    prefix: str
    artifacts: str
    """Where the place of artifacts stands, in words; why there is no bucket, if there is none."""
    endpoint: str | None
    basic_auth: bool
    metrics: bool
    directory: str | None
    """The variable in which a directory's address stands."""


def server_of(definition: TaskDefinition) -> Server | None:
    """The container that serves MLflow; of several the one that is surest."""
    found = [server for each in definition.containers if (server := _read(each))]
    return next((server for server in found if server.sure), found[0] if found else None)


def _read(container: ContainerDefinition) -> Server | None:
    command = _expanded(" ".join((*container.entry_point, *container.command)), container)
    verdict = _is_mlflow(container, command)
    if verdict is None:
        return None
    options = {match["name"]: match["value"].strip("'\"") for match in _OPTION.finditer(command)}
    engine, host, database, store = _store(container, options)
    bucket, prefix, artifacts = _artifacts(container, options)
    endpoint = container.environment.get("MLFLOW_S3_ENDPOINT_URL", "")
    directories = [name for name, value in container.environment.items() if value.startswith(("ldap://", "ldaps://"))]
    return Server(
        container=container.name,
        sure=verdict[0],
        why=verdict[1],
        engine=engine,
        host=host,
        database=database,
        store=store,
        database_secret=_database_secret(container, command),
        admin_secret=next((Named(container.secrets[name], name) for name in _ADMIN if name in container.secrets), None),
        bucket=bucket,
        prefix=prefix,
        artifacts=artifacts,
        endpoint=endpoint if _ENDPOINT.match(endpoint) else None,
        basic_auth=options.get("app-name") == "basic-auth",
        metrics="expose-prometheus" in options,
        directory=min(directories, default=None),
    )


def _is_mlflow(container: ContainerDefinition, command: str) -> tuple[bool, str] | None:
    """Whether that is sure, and why. None: it is not, or it only uses one."""
    if _SERVES.search(command):
        return True, "its command starts an MLflow server"
    named = [name for name in _OF_A_SERVER if name in container.environment or name in container.secrets]
    if named:
        return True, f"its environment has {named[0]}"
    if _IMAGE.search(container.image) and _OF_A_CLIENT not in container.environment:
        return False, "its image is called MLflow's, and nothing says that it serves"
    return None


def _expanded(text: str, container: ContainerDefinition) -> str:
    return _VARIABLE.sub(lambda match: container.environment.get(match[1] or match[2], match[0]), text)


def _store(container: ContainerDefinition, options: dict[str, str]) -> tuple[str | None, str | None, str | None, str]:
    address, where = options.get("backend-store-uri", ""), "--backend-store-uri"
    if not address:
        address, where = container.environment.get("MLFLOW_BACKEND_STORE_URI", ""), "MLFLOW_BACKEND_STORE_URI"
    if not is_database_uri(address):
        held = "MLFLOW_BACKEND_STORE_URI" in container.secrets or address.startswith("$")
        return None, None, None, "in a secret, which is not read" if held else "no database is named"
    engine = _ENGINES.get(dialect_and_driver(address)[0])
    host, database = host_and_database(address)
    return engine, host, database, where


def _artifacts(container: ContainerDefinition, options: dict[str, str]) -> tuple[str | None, str, str]:
    places = [(f"--{name}", options.get(name)) for name in ("artifacts-destination", "default-artifact-root")]
    places += [
        (name, container.environment.get(name))
        for name in ("MLFLOW_ARTIFACTS_DESTINATION", "MLFLOW_DEFAULT_ARTIFACT_ROOT")
    ]
    for where, value in places:
        match = _S3.match(value or "")
        if match:
            return match["bucket"], (match["prefix"] or "").strip("/"), where
    said = next((where for where, value in places if value), None)
    return None, "", f"{said} names no bucket" if said else "no place of artifacts is named"


def _database_secret(container: ContainerDefinition, command: str) -> Named | None:
    """The one whose variable stands in the store's address; else the one whose name says so."""
    if "MLFLOW_BACKEND_STORE_URI" in container.secrets:
        return Named(container.secrets["MLFLOW_BACKEND_STORE_URI"], "MLFLOW_BACKEND_STORE_URI is read from it")
    addresses = [command, container.environment.get("MLFLOW_BACKEND_STORE_URI", "")]
    used = {name for text in addresses for match in _VARIABLE.findall(_uris(text)) for name in match if name}
    for name in sorted(used & container.secrets.keys()):
        return Named(container.secrets[name], f"the store's address uses ${name}")
    likely = re.compile(r"^(DB|DATABASE|POSTGRES|PG|MYSQL)\w*(PASS|SECRET|UR[IL])", re.IGNORECASE)
    for name in sorted(container.secrets):
        if likely.match(name):
            return Named(container.secrets[name], f"{name} sounds like it")
    return None


def _uris(text: str) -> str:
    """Of a command only the words that are addresses of databases."""
    return " ".join(
        word
        for word in re.findall(r"[^\s'\"]+", text)
        if is_database_uri(word.partition("=")[2] if word.startswith("--") else word)
    )
