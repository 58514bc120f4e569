"""This machine: versions, and the files that are packaged."""

import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from chalicelib.catalog.load import is_timezone
from chalicelib.catalog.schedules import schedule_problem
from chalicelib.errors import InputError
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.settings import Boto3TooOld, check_boto3
from chalicelib.store.schema import VERSION as SCHEMA
from chalicelib.wiring import VERSION
from steward.cli.folders import read_runbooks, read_stacks
from steward.doctor.finding import Findings, note, ok, wrong

_LAMBDA = ((3, 11), (3, 15))
"""Chalice packages for the interpreter that runs it."""
_FILES = "files"
_VERSIONS = "versions"


def versions() -> Findings:
    python = sys.version_info[:2]
    told = f"steward {VERSION}, store schema {SCHEMA}, Python {python[0]}.{python[1]}"
    if _LAMBDA[0] <= python <= _LAMBDA[1]:
        yield ok(_VERSIONS, "steward", told)
    else:
        yield note(_VERSIONS, "steward", told, "package with a Python that Lambda has: 3.11 to 3.15")
    yield from _boto3()
    if shutil.which("aws"):
        yield ok(_VERSIONS, "aws cli", "the AWS CLI is there")
    else:
        yield note(
            _VERSIONS, "aws cli", "there is no AWS CLI", "install it: `make deploy` and the plain stop command use it"
        )


def _boto3() -> Findings:
    try:
        found = version("boto3")
        check_boto3(found)
    except (PackageNotFoundError, Boto3TooOld) as error:
        yield wrong(_VERSIONS, "boto3", str(error), "run `make setup`")
    else:
        yield ok(_VERSIONS, "boto3", f"boto3 {found}")


def stack_files(given: str | None) -> tuple[dict[str, Stack], Findings]:
    """The stacks that can be read, and what was found on the way."""
    try:
        stacks = read_stacks(given)
    except InputError as error:
        remedy = "`steward stacks check-file FILE` says line and field"
        return {}, iter([wrong(_FILES, "stacks", str(error), remedy)])
    if not stacks:
        return {}, iter(
            [wrong(_FILES, "stacks", "there is no stack file", "write one: `steward stacks discover --on aws`")]
        )
    return stacks, iter([ok(_FILES, "stacks", f"{len(stacks)} can be read: {', '.join(sorted(stacks))}")])


def runbook_files(given: str | None = None) -> tuple[dict[str, Runbook], Findings]:
    try:
        runbooks = read_runbooks(given)
    except InputError as error:
        remedy = "`steward runbooks lint FILE` says what to write instead"
        return {}, iter([wrong(_FILES, "runbooks", str(error), remedy)])
    return runbooks, _schedules(runbooks)


def _schedules(runbooks: Mapping[str, Runbook]) -> Findings:
    yield ok(_FILES, "runbooks", f"{len(runbooks)} can be read")
    triggers = [(name, t.schedule) for name, runbook in runbooks.items() for t in runbook.on if t.schedule]
    for name, schedule in triggers:
        if problem := schedule_problem(schedule.expression):
            yield wrong("schedules", name, f"{schedule.expression}: {problem[0]}", f"write {problem[1]}")
        if not is_timezone(schedule.timezone):
            yield wrong("schedules", name, f"no time zone {schedule.timezone!r}", "write one like Europe/London or UTC")
    yield ok("schedules", "expressions", f"{len(triggers)} were looked at")
