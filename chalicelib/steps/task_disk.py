"""What a task keeps on its own disk, and loses when it stops (S1). Pure: reads a task definition.

The usual deployment keeps its users in `sqlite:////tmp/mlflow-auth.db`, one file a task, and writes
that address in an encoded config; so values are also looked at base64- and URL-decoded.
"""

import base64
import contextlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from chalicelib.aws.ecs_shapes import ContainerDefinition, TaskDefinition

_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>[^\s'\"?#;,)}\\|&>]*)")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
# The look-behind keeps it linear: without it a long run is tried from every character in it.
_WRAPPED = re.compile(r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{40,}\\?\r?\n)+[A-Za-z0-9+/_-]+={0,2}")
_GZIP = b"\x1f\x8b"
_MOST = 64 * 1024
_OPTION = re.compile(r"--(?P<name>[a-z-]+)(?:[=\s]+)(?P<value>'[^']*'|\"[^\"]*\"|(?!--)[^\s;&|]+)")
"""A flag without a value (`--serve-artifacts`) must not take the next option for it."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-[^}]*)?\}|(\w+))")
_SERVER = re.compile(r"\bmlflow(?:\.exe)?\s+(?:server|ui)\b")
_DEPTH = 3
"""Encoded in encoded in encoded: more has not been seen, and bounded it must be."""

_OPTIONS = {
    "backend-store-uri": "experiments",
    "registry-store-uri": "models",
    "default-artifact-root": "artifacts",
    "artifacts-destination": "artifacts",
}
_VARIABLES = {
    "MLFLOW_BACKEND_STORE_URI": "experiments",
    "_MLFLOW_SERVER_FILE_STORE": "experiments",
    "MLFLOW_REGISTRY_STORE_URI": "models",
    "MLFLOW_DEFAULT_ARTIFACT_ROOT": "artifacts",
    "MLFLOW_ARTIFACTS_DESTINATION": "artifacts",
}


@dataclass(frozen=True, order=True)
class OwnDisk:
    what: str
    """users, experiments, models, artifacts or data."""
    where: str

    def __str__(self) -> str:
        return f"{self.what} in {self.where}"


def own_disk(definition: TaskDefinition) -> tuple[OwnDisk, ...]:
    found = {disk for container in definition.containers for disk in _of_container(definition, container)}
    # The same file found twice, once with a name for what it is: the name is the better answer.
    named = {disk.where for disk in found if disk.what != "data"}
    return tuple(sorted(disk for disk in found if disk.what != "data" or disk.where not in named))


def what_is_lost(definition: TaskDefinition) -> str | None:
    """For `Change.loses`."""
    stores = own_disk(definition)
    return f"{'; '.join(map(str, stores))} on this task" if stores else None


def _of_container(definition: TaskDefinition, container: ContainerDefinition) -> Iterator[OwnDisk]:
    kept = tuple(path for path, volume in container.mounts.items() if volume in definition.shared_volumes)
    command = expanded(" ".join((*container.entry_point, *container.command)), container)
    for what, where in (
        *_sqlite_files(command, container),
        *_local_paths(command, container),
        *_defaults(command, container),
    ):
        if not _is_kept(where, kept):
            yield OwnDisk(what, where)


def expanded(command: str, container: ContainerDefinition) -> str:
    def value(match: re.Match[str]) -> str:
        return container.environment.get(match[1] or match[2], match[0])

    return _VARIABLE.sub(value, command)


def _sqlite_files(command: str, container: ContainerDefinition) -> Iterator[tuple[str, str]]:
    texts = [("", command), *container.environment.items()]
    for name, text in texts:
        for layer in _layers(text, _DEPTH):
            for match in _SQLITE.finditer(layer):
                yield _what(name, layer[: match.start()], match["path"]), f"sqlite:///{match['path']}"


def _layers(text: str, depth: int) -> Iterator[str]:
    """The text, and what is encoded in it."""
    yield text
    if depth == 0:
        return
    plain = unquote(text)
    if plain != text:
        yield from _layers(plain, depth - 1)
    wrapped = (re.sub(r"[\s\\]", "", block) for block in _WRAPPED.findall(text))  # `base64` breaks lines at 76
    for token in dict.fromkeys((*_BASE64.findall(text), *wrapped)):
        yield from _layers(_decoded(token), depth - 1)


def _decoded(token: str) -> str:
    """Anything decodes to something: what is no text holds no address, and the rest is not missed."""
    bare = token.rstrip("=").replace("-", "+").replace("_", "/")
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    raw = base64.b64decode(bare + "=" * (-len(bare) % 4))
    if raw.startswith(_GZIP):
        with contextlib.suppress(zlib.error):
            raw = zlib.decompressobj(wbits=31).decompress(raw, _MOST)
    return raw.decode(errors="replace")


def _what(variable: str, before: str, path: str) -> str:
    if variable in _VARIABLES:
        return _VARIABLES[variable]
    last = before[-60:]
    for option, what in _OPTIONS.items():
        if re.search(rf"--{option}[=\s'\"]*$", last):
            return what
    if re.search(r"database_uri\W*$", last) or "auth" in path.lower():
        return "users"
    return "data"


def _local_paths(command: str, container: ContainerDefinition) -> Iterator[tuple[str, str]]:
    stores = [(_OPTIONS[m["name"]], m["value"]) for m in _OPTION.finditer(command) if m["name"] in _OPTIONS]
    stores += [
        (what, container.environment[name]) for name, what in _VARIABLES.items() if name in container.environment
    ]
    for what, raw in stores:
        value = raw.strip("'\"")
        if value and _is_local(value):
            yield what, value


def _is_local(value: str) -> bool:
    """A path or file: address. An unexpanded variable comes from a secret or the shell: not known to be."""
    if value.startswith("$"):
        return False
    return value.startswith("file:") or ("://" not in value and not re.match(r"^[a-z0-9+-]{2,}:", value))


def _defaults(command: str, container: ContainerDefinition) -> Iterator[tuple[str, str]]:
    """A store that nobody named is on the task's disk as well."""
    if not _SERVER.search(command):
        return
    options = {match["name"] for match in _OPTION.finditer(command)}
    known = container.environment.keys() | container.secrets.keys()
    if "backend-store-uri" not in options and not known & {"MLFLOW_BACKEND_STORE_URI", "_MLFLOW_SERVER_FILE_STORE"}:
        yield "experiments", "the server's default store"
    artifact_options = {"artifacts-destination", "default-artifact-root"} & options
    if not artifact_options and not known & {"MLFLOW_ARTIFACTS_DESTINATION", "MLFLOW_DEFAULT_ARTIFACT_ROOT"}:
        yield "artifacts", "the server's default ./mlartifacts"
    if re.search(r"--app-name[=\s'\"]+basic-auth", command) and "MLFLOW_AUTH_CONFIG_PATH" not in known | _exported(
        command
    ):
        yield "users", "sqlite:///basic_auth.db, the default"


def _exported(command: str) -> set[str]:
    return set(re.findall(r"\b([A-Z][A-Z0-9_]+)=", command))


def _is_kept(where: str, kept: tuple[str, ...]) -> bool:
    """It lies on EFS or FSx, which outlives the task."""
    path = re.sub(r"^(sqlite:///|file:(?://)?)", "", where)
    return any(path == mount or path.startswith(mount.rstrip("/") + "/") for mount in kept)
