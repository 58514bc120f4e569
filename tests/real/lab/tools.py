"""Where the laboratory's programs are, and one clear sentence when one is missing."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.real.lab.child import LabFailure

ROOT = Path(__file__).resolve().parents[3]
LAB_VENV = Path(os.environ.get("LAB_VENV", ROOT / ".venv-mlflow"))
NEWEST, OLD, EARLY = "3.17.2", "2.22.5", "3.1.4"
"""Of MLflow: the one that is served, and what people migrate from."""
OLD_VENV, EARLY_VENV = ROOT / ".venv-mlflow-2", ROOT / ".venv-mlflow-3"
_PLACES = ("/usr/sbin", "/usr/local/sbin")


def _postgres_places() -> list[str]:
    """Debian keeps one directory a version, none of them on the PATH. Newest first."""
    return [str(place) for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


def program(name: str) -> Path:
    path = os.pathsep.join([*_postgres_places(), os.environ.get("PATH", os.defpath), *_PLACES])
    found = shutil.which(name, path=path)
    if found is None:
        raise LabFailure(f"real servers need the program `{name}`; run tests/real/setup_servers.sh as root")
    return Path(found)


def lab_program(name: str, venv: Path = LAB_VENV) -> Path:
    found = venv / "bin" / name
    if not found.exists():
        raise LabFailure(f"real servers need `{name}` in {venv.name}; run tests/real/setup_servers.sh")
    return found


def venv_of(version: str) -> Path:
    """Where this MLflow is installed."""
    return {NEWEST: LAB_VENV, OLD: OLD_VENV, EARLY: EARLY_VENV}[version]


def require_everything() -> None:
    """Said once and at the start, not by every test in its own way."""
    for name in ("initdb", "postgres", "psql", "mariadb-install-db", "mariadbd", "mariadb"):
        program(name)
    for name in ("mlflow", "moto_server"):
        lab_program(name)
    for venv in (OLD_VENV, EARLY_VENV):
        lab_program("mlflow", venv)


def run(command: Sequence[object], *, within_s: float, stdin: str = "", **options: object) -> str:
    """Run to the end and give what it printed; a failure names the program and its last words."""
    asked = [str(part) for part in command]
    try:
        done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603, PLW1510  the laboratory's own commands
            asked, input=stdin, capture_output=True, text=True, timeout=within_s, **options
        )
    except subprocess.TimeoutExpired:
        raise LabFailure(f"{Path(asked[0]).name} did not end within {within_s:g} s") from None
    if done.returncode != 0:
        raise LabFailure(f"{Path(asked[0]).name} answered {done.returncode}: {(done.stderr or done.stdout)[-800:]}")
    return str(done.stdout)


def clean_env(**more: str) -> dict[str, str]:
    """Nothing of this machine's cloud, proxy, registry or MLflow settings may leak into what is tried."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8", "NO_PROXY": "*"} | more
