"""Drift and quotas near their limit, in the world and in what Steward says of it: worth knowing, and no illness."""

import json

import pytest

from chalicelib.errors import InputsRejected
from chalicelib.models.runbook import Runbook
from steward.cli.desk import carry_out
from steward.cli.main import run_cli
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World
from tests.shipped import read_runbooks

STACK = "fraud-scoring-mlflow"
SCALE = {
    "runbook": "one-more",
    "title": "One task more",
    "on": [{"manual": {}}],
    "autonomy": "auto",
    "steps": [{"id": "more", "do": "ecs.scale_service", "with": {"desired": 3}}],
    "verify": {"within": "20m", "hold": "2m", "that": ["service_steady", "targets_healthy"]},
}


@pytest.fixture
def sim():
    runbooks = {**read_runbooks(), "one-more": Runbook.model_validate(SCALE)}
    with World.create(seed=3) as world:
        sim = Simulation(world, runbooks, seed=3)
        sim.pass_time(60)
        yield sim


def carried_out(sim, runbook):
    given = {"principal": "cli/test", "inputs": {}, "mode": "live", "reason": "try"}
    begun = carry_out(sim, "begin", {"runbook": runbook, "stack": STACK, **given})
    return carry_out(sim, "drive", {"run": begun["run"]})


def diagnosed(sim):
    run = carried_out(sim, "health-check")
    return next(step["output"] for step in run["steps"] if step["do"] == "mlflow.diagnose")


def told(output):
    return {finding["cause"]: finding for finding in output["findings"]}


def test_a_world_in_which_nothing_happened_has_nothing_to_tell(sim):
    output = diagnosed(sim)
    assert (output["outcome"], output["findings"]) == ("healthy", [])
    assert {"stack.drift", "quotas.near_limit", "secrets.describe", "ldap.bind"} <= set(output["read"])


def test_what_steward_scaled_and_nobody_touched_is_no_drift(sim):
    assert carried_out(sim, "one-more")["verdict"] == "verified"
    assert told(diagnosed(sim)) == {}


def test_drifted_puts_back_what_steward_scaled_and_a_healthy_stack_stays_healthy_with_the_finding_s13(sim):
    scaled = carried_out(sim, "one-more")
    sim.pass_time(300)
    sim.world.break_with("drifted")
    sim.pass_time(600)
    output = diagnosed(sim)
    assert (output["outcome"], output["cause"], output["may_act_alone"]) == ("healthy", None, False)
    found = told(output)
    assert set(found) == {"drift.reverted", "drift.changed_outside"}
    (evidence,) = found["drift.reverted"]["evidence"]
    assert scaled["id"] in evidence
    assert "Scale fraud-scoring-mlflow from 2 to 3 tasks" in evidence
    assert evidence.endswith("last by dana")
    assert found["drift.reverted"]["remedy"]


def test_drifted_to_a_third_value_differs_from_what_steward_left(sim):
    carried_out(sim, "one-more")
    sim.pass_time(300)
    sim.world.break_with("drifted", desired=4)
    sim.pass_time(600)
    assert "drift.differs" in told(diagnosed(sim))


def test_what_steward_itself_undid_is_nobody_s_drift_s34(sim):
    scaled = carried_out(sim, "one-more")
    sim.pass_time(300)
    begun = carry_out(sim, "undo", {"run": scaled["id"], "principal": "cli/test", "reason": "enough"})
    carry_out(sim, "drive", {"run": begun["run"]})
    assert told(diagnosed(sim)) == {}


def test_what_steward_set_again_later_is_the_one_that_counts(sim):
    carried_out(sim, "one-more")
    sim.pass_time(300)
    sim.world.break_with("drifted")
    sim.pass_time(1800)
    carried_out(sim, "one-more")
    assert set(told(diagnosed(sim))) == {"drift.changed_outside"}


@pytest.mark.parametrize(
    ("of", "words"), [("vcpu", "15 of 16 Fargate"), ("snapshots", "97 of 100 manual DB snapshots")]
)
def test_quota_near_is_told_with_its_numbers_and_the_stack_is_healthy(sim, of, words):
    sim.world.break_with("quota-near", of=of)
    sim.pass_time(300)
    output = diagnosed(sim)
    assert (output["outcome"], output["cause"]) == ("healthy", None)
    assert words in told(output)["quota.near_limit"]["evidence"][0]


def test_quota_near_knows_what_it_is_about(sim):
    with pytest.raises(InputsRejected, match="neither vcpu nor snapshots"):
        sim.world.break_with("quota-near", of="addresses")


def test_a_notice_never_outranks_a_real_cause(sim):
    carried_out(sim, "one-more")
    sim.pass_time(300)
    sim.world.break_with("drifted")
    sim.world.break_with("quota-near")
    sim.world.break_with("database-disk-full")
    sim.pass_time(300)
    output = diagnosed(sim)
    assert (output["outcome"], output["cause"]) == ("diagnosed", "rds.storage_full")
    causes = [finding["cause"] for finding in output["findings"] if not finding["notice"]]
    assert [finding["cause"] for finding in output["findings"]][: len(causes)] == causes
    assert {"drift.reverted", "quota.near_limit"} <= set(told(output))
    assert {veto["cause"] for veto in output["vetoes"]} == {"rds.storage_full"}


def test_people_read_the_notice_under_a_healthy_stack(capsys):
    assert run_cli(["stacks", "check", STACK, "--on", "sandbox:quota-near"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("healthy")
    assert "quota.near_limit: Ask for a higher quota" in text


def test_diagnose_stack_gives_the_notice_as_json(capsys):
    assert run_cli(["diagnose", "--stack", STACK, "--on", "sandbox:quota-near", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["outcome"], [each["cause"] for each in said["findings"]]) == ("healthy", ["quota.near_limit"])
