"""The list of MLflow's migrations, compared with the packages that are installed here."""

import re
from pathlib import Path

import pytest

from chalicelib.steps.mlflow_schemas import CHAIN, head_of
from tests.real.lab.tools import EARLY, NEWEST, OLD, venv_of

pytestmark = pytest.mark.real

_SAID = re.compile(r"^(revision|down_revision)\s*(?::[^=]*)?=\s*(?:['\"](\w+)['\"]|None)", re.MULTILINE)


def migrations(version: str) -> dict[str | None, str]:
    """What follows upon what; None: upon an empty database."""
    (folder,) = Path(venv_of(version)).glob("lib/python3*/site-packages/mlflow/store/db_migrations/versions")
    said = [dict(_SAID.findall(path.read_text())) for path in folder.glob("*.py") if path.name != "__init__.py"]
    return {one["down_revision"] or None: one["revision"] for one in said}


def chain_in(version: str) -> tuple[str, ...]:
    after, line, at = migrations(version), list[str](), None
    while at in after:
        at = after[at]
        line.append(at)
    assert len(line) == len(after), "it has branches"
    return tuple(line)


@pytest.mark.parametrize("version", [OLD, EARLY, NEWEST])
def test_every_migration_of_an_installed_mlflow_stands_at_its_place(version: str) -> None:
    chain = chain_in(version)
    assert chain == CHAIN[: len(chain)]
    assert chain[-1] == head_of(version)


def test_the_list_ends_where_the_newest_mlflow_ends() -> None:
    assert chain_in(NEWEST) == CHAIN
