"""`steward demo`: every scenario of the issue, told as JSON and as a story without a terminal."""

import json

import pytest

from steward.cli.main import run_cli
from steward.sandbox.scenarios import SCENARIOS


def told(capsys, *argv):
    code = run_cli(["demo", *argv, "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert said.err == ""
    return json.loads(said.out)


def counted(said):
    return {each["operation"]: each["count"] for each in said["changes"]}


def test_the_demo_without_a_name_tells_how_an_alarm_becomes_a_verified_remediation(capsys):
    said = told(capsys)
    assert {"scenario", "incident", "run", "verdict", "timeline", "summary"} <= set(said)
    assert (said["scenario"], said["verdict"]) == ("service-down", "verified")
    assert counted(said) == {"ecs:StopTask": 1}
    words = [beat["what"] for beat in said["timeline"]]
    story = ["broken", "signal", "incident", "decision", "preflight", "planned", "change_started", "sample", "verdict"]
    places = [words.index(word) for word in story]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("name", "verdict", "status", "changes"),
    [
        ("recovers-by-itself", "recovered_before_action", "finished", {}),
        ("never-recovers", "failed", "finished", {"ecs:StopTask": 1}),
        ("users-on-task-disk", None, "awaiting_approval", {}),
        ("task-crashes", "verified", "finished", {"ecs:UpdateService": 1}),
        ("bad-deployment", "verified", "finished", {"ecs:UpdateService": 1}),
        ("failed-upgrade", None, "stopped", {}),
        ("overload", "verified", "finished", {"ecs:UpdateService": 2}),
    ],
)
def test_each_scenario_ends_as_its_promise_says(capsys, name, verdict, status, changes):
    said = told(capsys, "--scenario", name)
    assert (said["verdict"], said["run"]["status"], counted(said)) == (verdict, status, changes)


def test_a_held_incident_is_looked_at_again_before_its_run_is_told(capsys):
    beats = told(capsys, "--scenario", "failed-upgrade")["timeline"]
    again = next(n for n, beat in enumerate(beats) if beat["what"] == "decision" and beat["facts"]["again"])
    assert beats[again]["facts"]["runbook"] == "deployment-failed"
    run = beats[again]["facts"]["run"]
    assert again < next(
        n for n, beat in enumerate(beats) if beat["facts"].get("run") == run and "again" not in beat["facts"]
    )


def test_never_recovers_escalates_to_people(capsys):
    said = told(capsys, "--scenario", "never-recovers")
    assert said["incident"]["state"] == "needs_human"
    assert said["summary"]["severity"] == "critical"


def test_a_flapping_alarm_gets_no_more_restarts_than_the_guards_allow(capsys):
    said = told(capsys, "--scenario", "flapping-alarm")
    assert said["counts"]["firing"] > 3
    assert counted(said) == {"ecs:StopTask": 3}
    assert said["counts"]["hold"] > 0


def test_users_on_a_task_disk_are_asked_about_and_the_plan_says_what_is_lost(capsys):
    """S1."""
    said = told(capsys, "--scenario", "users-on-task-disk")
    planned = [beat for beat in said["timeline"] if beat["what"] == "would_change"]
    assert planned
    assert "users" in planned[0]["facts"]["loses"]
    assert any("approve" in command["text"] for command in said["summary"]["commands"])


def test_without_a_terminal_the_story_is_plain_text_without_control_codes(capsys):
    assert run_cli(["demo", "--scenario", "recovers-by-itself"]) == 0
    out = capsys.readouterr().out
    assert "recovered_before_action" in out
    assert "What the team is told" in out
    assert "steward runs show" in out
    assert not [c for c in out if c != "\n" and not c.isprintable()]


def test_the_commands_the_demo_ends_with_find_the_very_same_run_again(capsys):
    said = told(capsys)
    assert run_cli(["runs", "show", said["run"]["id"], "--on", f"sandbox:{said['fault']}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "verified"


def test_all_scenarios_together_are_one_document(capsys):
    said = told(capsys, "--scenario", "all")
    assert [each["scenario"] for each in said["scenarios"]] == list(SCENARIOS)


def test_a_scenario_that_does_not_exist_is_one_sentence_and_exit_code_2(capsys):
    assert run_cli(["demo", "--scenario", "meteor", "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("steward: no scenario named 'meteor'; known: ")
