"""Chalice's zip made over: bytecode in, dead weight out, the same bytes from the same files.

Bytecode is `unchecked-hash`: Lambda's files have times of their own, with which Python would throw the
`.pyc` away and compile anew on every cold start (twice the start-up). Our own sources go along, for
tracebacks; of other people's packages the bytecode is enough.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chalicelib.errors import StewardError

OURS = {"app.py", "chalicelib"}
LONG_AGO = (1980, 1, 1, 0, 0, 0)
IN_LAMBDA = "/var/task"
"""Where Lambda unpacks it: what tracebacks will say."""

LEFT_OUT: dict[str, tuple[str, ...]] = {
    "pydantic 1, for code that has not moved on, and a plugin for type checkers": ("pydantic/v1/", "pydantic/mypy.py"),
    "a router; Chalice is ours": ("aws_lambda_powertools/event_handler/",),
    "signals/ reads payloads by its own models, and the engine has its own idempotency; logs and metrics stay": (
        "aws_lambda_powertools/utilities/auth_alpha/",
        "aws_lambda_powertools/utilities/batch/",
        "aws_lambda_powertools/utilities/circuit_breaker/",
        "aws_lambda_powertools/utilities/data_classes/",
        "aws_lambda_powertools/utilities/data_masking/",
        "aws_lambda_powertools/utilities/feature_flags/",
        "aws_lambda_powertools/utilities/idempotency/",
        "aws_lambda_powertools/utilities/kafka/",
        "aws_lambda_powertools/utilities/parameters/",
        "aws_lambda_powertools/utilities/parser/",
        "aws_lambda_powertools/utilities/streaming/",
        "aws_lambda_powertools/utilities/validation/",
    ),
    "schemas of directories that nobody asks; we bind, and search one person": ("ldap3/protocol/schemas/",),
    "a command line tool": ("jmespath-1.1.0.data/",),
    "of Slack's we use the signature check, which brings `web` and `webhook` along": (
        "slack/",
        "slack_sdk/audit_logs/",
        "slack_sdk/oauth/",
        "slack_sdk/rtm/",
        "slack_sdk/rtm_v2/",
        "slack_sdk/scim/",
        "slack_sdk/socket_mode/",
    ),
    "Lambda has the system's own time zones": ("dateutil/zoneinfo/dateutil-zoneinfo.tar.gz",),
}
"""Why, and the beginnings of the names of what does not go along for it. A test imports every
module of Steward from what is left."""
_ENDINGS_LEFT_OUT = (".pyc", ".pyi", ".typed", "/RECORD", "/INSTALLER", "/REQUESTED", "/direct_url.json", "/WHEEL")


def make_over(chalice_zip: Path, target: Path, scratch: Path) -> int:
    """The new zip's size in bytes."""
    tree = scratch / "tree"
    unpack(chalice_zip, tree)
    compile_tree(tree)
    write(tree, target)
    return target.stat().st_size


def unpack(archive: Path, tree: Path) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    with zipfile.ZipFile(archive) as zipped:
        names = [name for name in zipped.namelist() if not name.endswith("/") and not is_left_out(name)]
        zipped.extractall(tree, names)


def is_left_out(name: str) -> bool:
    return name.startswith(tuple(each for names in LEFT_OUT.values() for each in names)) or name.endswith(
        _ENDINGS_LEFT_OUT
    )


def compile_tree(tree: Path) -> None:
    """In a process of its own with a fixed hash seed: sets among constants would otherwise change their order."""
    words = [sys.executable, "-m", "steward.packaging.bytecode_zip", str(tree)]
    project = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(project)}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise StewardError(f"bytecode could not be made: {(done.stdout or done.stderr).strip()[-400:]}")


def _compile(tree: Path) -> int:
    options: dict[str, Any] = {"quiet": 1, "force": True, "stripdir": str(tree), "prependdir": IN_LAMBDA}
    options["invalidation_mode"] = py_compile.PycInvalidationMode.UNCHECKED_HASH
    made = True
    for path in sorted(tree.rglob("*.py")):
        is_ours = path.relative_to(tree).parts[0] in OURS
        made = bool(compileall.compile_file(path, legacy=not is_ours, **options)) and made
        if not is_ours:
            path.unlink()
    return 0 if made else 1


def write(tree: Path, target: Path) -> None:
    """Sorted, with one time and one mode for all."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for path in _files(tree):
            info = zipfile.ZipInfo(path.relative_to(tree).as_posix(), LONG_AGO)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            zipped.writestr(info, path.read_bytes(), compresslevel=9)


def _files(tree: Path) -> Iterator[Path]:
    yield from sorted((path for path in tree.rglob("*") if path.is_file()), key=lambda path: path.as_posix())


if __name__ == "__main__":
    sys.exit(_compile(Path(sys.argv[1])))
