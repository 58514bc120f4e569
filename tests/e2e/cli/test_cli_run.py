"""`steward run`, `runs`, `decisions`, `now`: by hand, on a fresh world that is broken."""

import json

from steward.cli.desk import LocalDesk, fresh_simulation, let_it_show
from steward.cli.main import run_cli

STACK = "fraud-scoring-mlflow"
RUN = ("run", "service-down", "--stack", STACK)


def said(capsys, *argv, code=0):
    assert run_cli([*argv, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_plan_lists_the_exact_changes_with_their_values_and_has_a_hash(capsys):
    plan = said(capsys, *RUN, "--plan", "--on", "sandbox:task-hangs")
    (change,) = plan["changes"]
    assert len(plan["hash"]) == 64
    assert change["operation"] == "ecs:StopTask"
    assert change["parameters"]["cluster"] == "fraud-scoring-mlflow-cluster"
    assert change["parameters"]["task"] == change["resource"]
    assert "undo" in change


def test_planning_makes_no_change_in_the_account():
    with fresh_simulation() as sim:
        let_it_show(sim, "task-hangs")
        desk = LocalDesk(sim)
        asked = {"runbook": "service-down", "stack": STACK, "principal": "cli/test", "inputs": {}}
        begun = desk.ask("begin", **asked, mode="plan")
        plan = desk.ask("plan", run=begun["run"])
        assert len(plan["changes"]) == 1
        assert sim.world.calls
        assert sim.world.mutations() == []


def test_the_same_plan_has_the_same_hash_however_often_it_is_made(capsys):
    first = said(capsys, *RUN, "--plan", "--on", "sandbox:task-hangs")
    again = said(capsys, *RUN, "--plan", "--on", "sandbox:task-hangs")
    assert first["hash"] == again["hash"]


def test_a_run_by_hand_is_driven_to_its_verdict(capsys):
    run = said(capsys, *RUN, "--reason", "trying it", "--on", "sandbox:task-hangs")
    assert (run["status"], run["verdict"]) == ("finished", "verified")
    assert run["started_by"].startswith("cli/")


def test_people_can_say_yes_to_a_run_that_asks(capsys):
    (run,) = said(capsys, "runs", "list", "--on", "sandbox:users-on-task-disk")["runs"]
    assert run["status"] == "awaiting_approval"
    done = said(capsys, "runs", "approve", run["id"], "--reason", "we know", "--on", "sandbox:users-on-task-disk")
    assert (done["answered"]["state"], done["verdict"]) == ("approved", "verified")


def test_people_can_say_no_and_nothing_is_changed(capsys):
    (run,) = said(capsys, "runs", "list", "--on", "sandbox:users-on-task-disk")["runs"]
    done = said(capsys, "runs", "reject", run["id"], "--reason", "not now", "--on", "sandbox:users-on-task-disk")
    assert (done["answered"]["state"], done["status"]) == ("rejected", "stopped")
    assert not any(progress["state"] == "done" for step in done["steps"] for progress in step["progress"])


def test_an_approval_of_another_plan_than_the_one_asked_about_is_refused(capsys):
    (run,) = said(capsys, "runs", "list", "--on", "sandbox:users-on-task-disk")["runs"]
    argv = ["runs", "approve", run["id"], "--hash", "0" * 64, "--reason", "x", "--on", "sandbox:users-on-task-disk"]
    assert run_cli(argv) in {1, 2}
    assert "Traceback" not in capsys.readouterr().err


def test_decisions_say_why_nothing_was_done(capsys):
    found = said(capsys, "decisions", "list", "--on", "sandbox:flapping-alarm")["decisions"]
    held = [decision for decision in found if decision["outcome"] == "hold"]
    assert held
    assert all(decision["reasons"] for decision in held)


def test_now_says_what_was_changed_lately(capsys):
    now = said(capsys, "now", "--on", "sandbox:task-hangs")
    assert [change["what"][:9] for change in now["changed"]] == ["Stop task"]
    assert now["stopped"] == []


def test_an_undo_of_a_scale_out_can_be_planned(capsys):
    (run,) = said(capsys, "runs", "list", "--on", "sandbox:overload")["runs"]
    plan = said(capsys, "runs", "undo", run["id"], "--plan", "--on", "sandbox:overload")
    assert plan["runbook"] == "undo"
