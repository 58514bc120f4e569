"""`steward demo`: every scenario of the issue, told as JSON and as a story without a terminal."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout

import pytest

from steward.cli.main import run_cli
from steward.cli.scoreboard import show
from steward.cli.story import next_commands
from steward.sandbox.scenarios import OF_MLFLOW, SCENARIOS


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


def test_of_an_approved_run_the_commands_lead_back_to_the_question(capsys):
    said = told(capsys, "--scenario", "image-rate-limited")
    commands = [command for command, _ in next_commands(said)]
    assert commands[0].startswith(f"steward runs approve {said['run']['id']} ")
    assert "--input image=public.ecr.aws/docker/library/python:3.11-slim --plan" in commands[2]
    on = ["--on", "sandbox:image-rate-limited", "--json"]
    assert run_cli(["runs", "approve", said["run"]["id"], "--reason", "the mirror is ours", *on]) == 0
    answered = json.loads(capsys.readouterr().out)
    assert said["run"]["id"] in json.dumps(answered)


@pytest.fixture(scope="module")
def everything():
    """All scenarios, once for all tests that read them."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert run_cli(["demo", "--scenario", "all", "--json"]) == 0
    assert err.getvalue() == ""
    return json.loads(out.getvalue())


@pytest.fixture(scope="module")
def rows(everything):
    return {row["scenario"]: row for row in everything["table"]}


def test_all_scenarios_together_are_one_document(everything):
    assert [each["scenario"] for each in everything["scenarios"]] == list(SCENARIOS)
    assert [each["scenario"] for each in everything["table"]] == list(SCENARIOS)


TRUE_CAUSES = {
    "database-down": "db.connection_refused",
    "password-rotated": "db.auth_failed",
    "database-disk-full": "rds.storage_full",
    "connections-exhausted": "db.too_many_connections",
    "idle-duplicates": "db.too_many_connections",
    "schema-too-new": "db.schema_out_of_date",
    "bucket-denied": "s3.access_denied",
    "bucket-missing": "s3.bucket_missing",
    "bucket-wrong-region": "s3.region_mismatch",
    "kms-denied": "s3.sse_kms_denied",
    "image-rate-limited": "image.pull_rate_limited",
    "out-of-memory": "container.oom",
    "host-header-refused": "auth.host_header_rejected",
    "ldap-down": "ldap.unreachable",
    "doubled-port": "db.url_malformed",
}


@pytest.mark.parametrize("fault", TRUE_CAUSES)
def test_every_fault_of_mlflow_is_diagnosed_as_what_it_is(rows, fault):
    assert (rows[fault]["diagnosis"], rows[fault]["confidence"] >= 0.8) == (TRUE_CAUSES[fault], True)


def test_every_scenario_about_mlflow_has_its_true_cause_in_this_test():
    assert list(TRUE_CAUSES) == [each.name for each in OF_MLFLOW]


@pytest.mark.parametrize(
    ("fault", "changes", "by"),
    [
        ("idle-duplicates", {"ecs:StopTask": 2}, None),
        ("image-rate-limited", {"ecs:RegisterTaskDefinition": 1, "ecs:UpdateService": 1}, "demo/approver"),
        ("out-of-memory", {"ecs:RegisterTaskDefinition": 1, "ecs:UpdateService": 1}, "demo/approver"),
        ("doubled-port", {"ecs:RegisterTaskDefinition": 1, "ecs:UpdateService": 1}, "demo/approver"),
    ],
)
def test_where_the_remedy_helps_the_row_ends_verified_and_says_who_approved(rows, fault, changes, by):
    row = rows[fault]
    assert (row["verdict"], counted(row), row["approved_by"]) == ("verified", changes, by)


@pytest.mark.parametrize(
    "fault", ["database-down", "password-rotated", "database-disk-full", "bucket-missing", "bucket-wrong-region"]
)
def test_a_vetoed_row_names_the_veto_and_changed_nothing(rows, fault):
    row = rows[fault]
    (veto,) = row["vetoes"]
    assert veto.startswith(f"veto: ecs.force_deployment would do harm while {TRUE_CAUSES[fault]}: ")
    assert (row["verdict"], row["status"], row["changes"]) == (None, "stopped", [])


def test_s4_what_rests_on_log_text_alone_vetoes_nothing_and_ends_with_people(everything, rows):
    for fault in ("bucket-denied", "kms-denied", "schema-too-new"):
        assert (rows[fault]["verdict"], counted(rows[fault]), rows[fault]["vetoes"]) == (
            "failed", {"ecs:UpdateService": 1}, []
        )  # fmt: skip
        (story,) = (each for each in everything["scenarios"] if each["scenario"] == fault)
        assert story["incident"]["state"] == "needs_human"


def test_other_programs_that_hold_the_connections_are_named_to_people_and_nothing_is_changed(everything, rows):
    row = rows["connections-exhausted"]
    assert (row["status"], row["changes"], row["verdict"]) == ("awaiting_approval", [], None)
    (story,) = (each for each in everything["scenarios"] if each["scenario"] == "connections-exhausted")
    (named,) = (step["output"]["named"] for step in story["run"]["steps"] if step["id"] == "holders")
    assert "feature-export at 10.0.9.77 holds 52, jupyter at 10.0.9.78 holds 24" in named
    assert "feature-export" in json.dumps(story["summary"]), "people are told who it is"


def test_the_table_says_of_each_row_how_it_came_in(rows):
    assert rows["database-down"]["entered"] == "alarm fraud-scoring-mlflow-5xx"
    assert rows["out-of-memory"]["entered"] == "ecs.task out_of_memory"
    assert (rows["ldap-down"]["entered"], rows["ldap-down"]["runbook"]) == ("demo/operator", "authentication-broken")


def test_for_people_it_is_one_table_within_a_hundred_columns(everything, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    show(everything["scenarios"])
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert max(map(len, lines)) <= 100
    assert sum("ACTION OR VETO" in line for line in lines) == 1
    assert all(any(f" {fault} " in line for line in lines) for fault in TRUE_CAUSES)
    assert all(any(cause in line for line in lines) for cause in TRUE_CAUSES.values())
    assert not [c for c in out if c != "\n" and not c.isprintable()]


def test_a_scenario_that_does_not_exist_is_one_sentence_and_exit_code_2(capsys):
    assert run_cli(["demo", "--scenario", "meteor", "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("steward: no scenario named 'meteor'; known: ")
