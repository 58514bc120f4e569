"""Finds and reads the folders of YAML: `runbooks/` and `stacks/` of where one is, else those shipped."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from chalicelib.catalog.load import load_runbook, load_stack
from chalicelib.errors import DocumentError, DocumentErrors, InputError
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack

T = TypeVar("T")
PROJECT = Path(__file__).resolve().parents[2]


def folder(name: str, given: str | None = None) -> Path:
    if given is not None:
        if not Path(given).is_dir():
            raise InputError(f"{given} is not a folder; name the one with your {name}")
        return Path(given)
    here = Path(name)
    return here if here.is_dir() else PROJECT / name


def yaml_files(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.suffix in {".yml", ".yaml"})


def read_runbooks(given: str | None = None) -> dict[str, Runbook]:
    return {each.runbook: each for each in _read_all(folder("runbooks", given), load_runbook)}


def read_stacks(given: str | None = None) -> dict[str, Stack]:
    return {each.stack: each for each in _read_all(folder("stacks", given), load_stack)}


def _read_all(place: Path, load: Callable[[str | bytes, str], T]) -> list[T]:
    """Everything, or every mistake in all files at once."""
    found: list[T] = []
    mistakes: list[DocumentError] = []
    for path in yaml_files(place):
        try:
            found.append(load(path.read_bytes(), str(path)))
        except DocumentErrors as errors:
            mistakes += errors.errors
        except DocumentError as error:
            mistakes.append(error)
    if mistakes:
        raise DocumentErrors(mistakes)
    return found
