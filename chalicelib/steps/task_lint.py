"""Mistakes in a running task definition that can be read off it. Pure: takes it, names what is wrong.

A finding carries names of variables and kinds of mistakes; of a value at most its fingerprint (S29).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.aws.ecs_shapes import ContainerDefinition, TaskDefinition
from chalicelib.redact import is_secret_key
from chalicelib.steps.mlflow_install import install_lines
from chalicelib.steps.store_uri import REMEDY, UriProblem, dialect_and_driver, is_database_uri, problems
from chalicelib.steps.task_disk import own_disk

_URI = re.compile(r"\b(?:postgres(?:ql)?|mysql|mariadb|mssql)(?:\+\w+)?://[^\s'\"]+")
_BUCKET = re.compile(r"\bs3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])")
# Bounded throughout: a start command can be 64 KB long, and an open end would be tried from everywhere.
_LOGIN_IN_URI = re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@]{0,128}:[^\s/@$][^\s@]{0,256}@")
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
_POINTS_ELSEWHERE = re.compile(r"^(arn:|\$|/|\{\{|https?://[^@]*$|true$|false$|\d{1,6}$)", re.IGNORECASE)
_PACKAGES = {
    ("postgresql", "psycopg2"): ("psycopg2",),
    ("postgresql", "psycopg"): ("psycopg",),
    ("postgresql", "pg8000"): ("pg8000",),
    ("postgresql", None): ("psycopg2", "psycopg"),
    ("mysql", "pymysql"): ("pymysql",),
    ("mysql", "mysqldb"): ("mysqlclient",),
    ("mysql", None): ("mysqlclient",),
    ("mssql", "pymssql"): ("pymssql",),
    ("mssql", "pyodbc"): ("pyodbc",),
    ("mssql", None): ("pyodbc",),
}
"""What SQLAlchemy imports for an address, as pip names it."""
_SAYS_LITTLE = re.compile(
    r"(?:^|\s)(?:-r|--requirement|-e|\.|\S+\.whl|\S+\.txt)(?:\s|$)|mlflow\S{0,40}\[[^]]{0,200}\bdb\b"
)
"""Install lines after which anything may be there."""
_SAYS = {
    UriProblem.DOUBLED_PORT: "the database address names its port twice",
    UriProblem.UNESCAPED_PASSWORD: "the password in the database address has a character that must be escaped",
    UriProblem.WRONG_SCHEME: "SQLAlchemy no longer knows postgres://; it is postgresql://",
}


@dataclass(frozen=True)
class Mistake:
    rule: str
    container: str
    where: str
    """The variable's name, or `command`, `image`."""
    says: str
    value: str | None = None
    """For its fingerprint; leaves this room in no other form."""
    correction: str | None = None
    """What `ecs.change_task_definition` can do about it."""

    def __repr__(self) -> str:
        return f"Mistake({self.rule}, {self.container}, {self.where})"


def mistakes(definition: TaskDefinition) -> tuple[Mistake, ...]:
    found = [m for container in definition.containers for rule in _RULES for m in rule(container)]
    found += [
        Mistake("state_on_task_disk", "", store.what, f"{store.what} are on the task's own disk and end with it")
        for store in own_disk(definition)
    ]
    return tuple(sorted(found, key=lambda m: (m.rule, m.container, m.where)))


def buckets(definition: TaskDefinition) -> tuple[tuple[str, str, str], ...]:
    """(container, where, bucket) of every bucket that is named."""
    return tuple(
        (container.name, where, bucket)
        for container in definition.containers
        for where, text in _texts(container)
        for bucket in dict.fromkeys(_BUCKET.findall(text))
    )


def _texts(container: ContainerDefinition) -> Iterator[tuple[str, str]]:
    yield from sorted(container.environment.items())
    yield "command", " ".join((*container.entry_point, *container.command))


def _uris(container: ContainerDefinition) -> Iterator[tuple[str, str]]:
    for where, text in _texts(container):
        if where != "command" and is_database_uri(text):
            yield where, text  # as a whole: an unescaped password may hold anything
        else:
            yield from ((where, uri) for uri in _URI.findall(text))


def _bad_uris(container: ContainerDefinition) -> Iterator[Mistake]:
    for where, uri in _uris(container):
        for problem in problems(uri):
            correction = REMEDY[problem].value if where != "command" else None
            yield Mistake(problem.value, container.name, where, _SAYS[problem], uri, correction)


def _missing_drivers(container: ContainerDefinition) -> Iterator[Mistake]:
    """Only where the start command says what is installed; what an image holds cannot be read off it."""
    lines = " ".join(install_lines(container))
    if not lines or _SAYS_LITTLE.search(lines):
        return
    installed = {re.split(r"[\[=<>~!;@]", word.strip("'\""), maxsplit=1)[0].lower() for word in lines.split()}
    installed = {name.removesuffix("-binary").replace("_", "-") for name in installed}
    for where, uri in _uris(container):
        dialect, driver = dialect_and_driver(uri)
        key = ("mysql" if dialect == "mariadb" else "postgresql" if dialect == "postgres" else dialect, driver)
        wanted = _PACKAGES.get(key)
        if wanted is None:
            continue
        if not installed & set(wanted):
            says = f"the address needs {' or '.join(wanted)}, which the start command does not install"
            yield Mistake("missing_driver", container.name, where, says, uri)
        elif key == ("postgresql", None) and "psycopg" not in installed and "sqlalchemy" not in installed:
            says = "postgresql:// leaves the driver to SQLAlchemy, whose 2.1 takes psycopg; only psycopg2 is installed"
            yield Mistake("ambiguous_driver", container.name, where, says, uri, "psycopg2_driver")


def _plain_secrets(container: ContainerDefinition) -> Iterator[Mistake]:
    for name, value in sorted(container.environment.items()):
        named = is_secret_key(name) and value and not _POINTS_ELSEWHERE.match(value)
        if named or _LOGIN_IN_URI.search(value) or _ACCESS_KEY.search(value):
            says = "a secret stands in the environment, where everyone who may describe the task reads it"
            yield Mistake("plain_text_secret", container.name, name, says, value)
    command = " ".join((*container.entry_point, *container.command))
    if _LOGIN_IN_URI.search(command) or _ACCESS_KEY.search(command):
        yield Mistake("plain_text_secret", container.name, "command", "a secret stands in the start command", command)


def _docker_hub(container: ContainerDefinition) -> Iterator[Mistake]:
    first, slash, _ = container.image.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    if not has_host or first in {"docker.io", "index.docker.io", "registry-1.docker.io"}:
        says = "the image comes from Docker Hub, whose limit on anonymous pulls can keep a task from starting"
        yield Mistake("docker_hub_image", container.name, "image", says)


_RULES: tuple[Callable[[ContainerDefinition], Iterator[Mistake]], ...] = (
    _bad_uris,
    _missing_drivers,
    _plain_secrets,
    _docker_hub,
)
