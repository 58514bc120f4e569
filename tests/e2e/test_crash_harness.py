"""Kills the worker before and after every AWS call and every store write of every shipped runbook."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.catalog.load import load_runbook
from chalicelib.store.memory import MemoryTable
from steward.sandbox.crash import FragileTable, Points
from steward.sandbox.crash_cases import CASES

SAMPLE = 12
QUICK = (
    "service-down", "service-down-approved", "debug-logging", "snapshot-database", "prune-snapshots",
    "restore-database", "backup-artifacts", "restore-artifacts", "gc", "tidy-up",
)  # fmt: skip
"""What changes each kind of thing: a service, after a question too; a log level put back; the database; objects."""
BY_ITSELF = {
    "service-down", "service-down-approved", "tasks-crash-looping", "deployment-failed", "high-error-rate",
    "high-latency", "out-of-memory", "image-cannot-be-pulled", "wrong-configuration", "health-check",
    "database-unreachable", "artifact-store-denied", "authentication-broken", "database-connections-exhausted",
}  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]


def shipped():
    return {path.stem: load_runbook(path.read_text(), str(path)) for path in sorted((ROOT / "runbooks").glob("*.yml"))}


def test_every_shipped_runbook_goes_through_the_crash_harness():
    assert {case.runbook for case in CASES.values()} == set(shipped())


def flown(case, every):
    """In a process of its own, since it forks at every point."""
    command = [sys.executable, "-m", "steward.sandbox.crash_cases", f"--every={every}", case]
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        command, cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False
    )
    assert done.stdout, done.stderr[-2000:]
    report = json.loads(done.stdout)
    print(f"{case}: killed at {report['killed']} of {report['points']} crash points")
    assert report["problems"] == []
    assert report["situations"] > 100, "a harness that finds nowhere to kill proves nothing"
    assert report["killed"] == report["situations"] // every
    assert done.returncode == 0


@pytest.mark.parametrize("case", QUICK)
def test_in_a_sample_of_places_a_worker_dies_and_the_run_ends_once_and_leaves_nothing_behind(case):
    """S31. `make test`: quick; every runbook, and many more places, are tried by `make test-real`."""
    flown(case, every=SAMPLE)


@pytest.mark.real
@pytest.mark.parametrize("case", list(CASES))
def test_wherever_a_worker_dies_the_run_ends_once_and_leaves_nothing_behind(case):
    """S31. In every place of what runs by itself on an alarm, in each sixth of the rest: those are long."""
    flown(case, every=1 if case in BY_ITSELF else 6)


FORGETFUL = """
import json, sys
from chalicelib.store.memory import MemoryTable
from steward.cli.folders import read_runbooks
from steward.sandbox.crash import FragileTable, Points
from steward.sandbox import crash_cases

class Forgetful(FragileTable):
    '''Loses what a step has stored of its Changes before it acts, as if nobody had written it first.'''
    def replace(self, item):
        body = item.body
        started = any(p["state"] == "started" and not p["detail"] for p in body.get("progress") or [])
        if item.key.sk.startswith("STEP#") and started:
            body = {**body, "changes": [], "progress": [], "status": "waiting"}
            return super().replace(type(item)(item.key, body, item.version, expires=item.expires))
        return super().replace(item)

class AtTheDeployment(Points):
    '''Only there: a quick part of what the whole harness does.'''
    def at(self, label):
        if "ecs:UpdateService" in label:
            super().at(label)

points = AtTheDeployment("forgetful")
crash_cases.Points = lambda name, every: points
report = crash_cases.fly_case("high-error-rate", read_runbooks(), table=Forgetful(points))
print(json.dumps(report.problems))
"""


def test_the_harness_notices_a_worker_that_does_not_store_its_changes_first():
    assert issubclass(FragileTable, MemoryTable)
    assert Points("x").report.points == 0
    done = subprocess.run(  # noqa: S603 - the same
        [sys.executable, "-c", FORGETFUL], cwd=ROOT, capture_output=True, text=True, timeout=540, check=False
    )
    assert done.stdout, done.stderr[-2000:]
    problems = json.loads(done.stdout)
    assert any("made twice" in problem or "not recorded" in problem for problem in problems)
