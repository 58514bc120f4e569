"""steward backups: what there is, how good it is, and that a doubt is settled by a person (S18)."""

import json
import subprocess
import sys
from pathlib import Path

from chalicelib.flows import backups, start
from chalicelib.models.history import BackupKind
from steward.cli.operations import OPERATIONS
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World
from tests.shipped import read_runbooks

ROOT = Path(__file__).parents[3]
STACK = "fraud-scoring-mlflow"


def steward(*arguments):
    command = [sys.executable, "-m", "steward.cli.main", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own


def test_a_backup_is_listed_shown_and_after_a_doubt_cleared():
    with World.create(seed=0) as world:
        sim = Simulation(world, read_runbooks())
        world.break_with("artifacts-vanished")
        start.start(sim.parts, start.Request(runbook="backup-artifacts", stack=STACK, principal="somebody"))
        assert sim.run_until(sim.is_over, limit_s=3600)
        said = OPERATIONS["backups"](sim, stack=STACK)
        assert "vanished" in said["suspicion"]["why"]
        (one,) = [each for each in said["backups"] if each["kind"] == "artifacts"]
        assert (one["state"], one["good"], one["objects"]) == ("suspect", False, 14)
        assert OPERATIONS["backup"](sim, stack=STACK, backup=one["id"])["id"] == one["id"]
        cleared = OPERATIONS["clear_suspicion"](sim, stack=STACK, principal="cli/somebody", reason="a clean-up of ours")
        assert "vanished" in cleared["cleared"]
        assert backups.listed(sim.parts, STACK)["suspicion"] is None
        assert sim.parts.engine.history.backups(STACK, BackupKind.ARTIFACTS)[0].suspect, "what was doubted stays told"


def test_the_command_prints_one_json_document():
    done = steward("backups", "list", "--stack", STACK, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stack"] == STACK


def test_an_unknown_stack_or_backup_is_bad_input():
    for arguments in (["list", "--stack", "nowhere"], ["show", "nothing", "--stack", STACK]):
        done = steward("backups", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("steward: no ")
