"""What people get wrong: a named error on stderr that says where and what to do, exit code 2, never a stack trace."""

import json

import pytest

from steward.cli.main import run_cli

STACK = "fraud-scoring-mlflow"


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["frobnicate"], "No such command"),
        (["run", "service-down"], "Missing option '--stack'"),
        (["run", "no-such", "--stack", STACK], "no runbook named 'no-such'; known: "),
        (["run", "service-down", "--stack", "nope"], "no stack named 'nope'; known: fraud-scoring-mlflow"),
        (["run", "service-down", "--stack", STACK, "--input", "maxTasks"], "write NAME=VALUE"),
        (["run", "service-down", "--stack", STACK, "--input", "maxTasks=9"], "must be at most 4; got 9"),
        (["run", "service-down", "--stack", STACK, "--input", "maxTusks=1"], "maxTusks"),
        (["runs", "show", "r-none"], "no run named 'r-none'"),
        (["runs", "approve", "r-none", "--reason", "x"], "no run named 'r-none'"),
        (["now", "--on", "http://steward.example.com"], "over https only"),
        (["now", "--on", "moon"], "write sandbox, sandbox:FAULT, aws, aws:STAGE or the URL"),
        (["now", "--on", "sandbox:meteor"], "no fault named 'meteor'; known: "),
        (["stop"], "Missing option '--reason'"),
        (["freeze", "--reason", "x", "--for", "3"], "a duration is a number and a unit"),
        (["freeze", "--reason", "x", "--for", "3h", "--until", "2027-01-01T00:00:00Z"], "not both"),
        (["explain", "no-such-file.json"], "no-such-file.json: No such file"),
        (["runbooks", "rehearse", "nope"], "no runbook named 'nope'"),
        (["runbooks", "list", "--runbooks", "no-such-dir"], "no-such-dir is not a folder"),
        (["bench", "nope"], "no bench named 'nope'"),
        (["sandbox", "break", "task-hangs"], "no sandbox is up here"),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr_and_exit_code_2(capsys, tmp_path, monkeypatch, argv, sentence):
    monkeypatch.chdir(tmp_path)
    assert run_cli(argv) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.startswith("steward: ")
    assert "Traceback" not in said.err


def test_a_runbook_with_mistakes_is_linted_with_file_line_and_what_to_write(capsys, tmp_path):
    file = tmp_path / "broken-one.yml"
    file.write_text(
        "runbook: broken-one\ntitle: A broken runbook\non: [manual: {}]\nsteps:\n"
        "  - id: look\n    do: ecs.describe_servce\n"
    )
    assert run_cli(["runbooks", "lint", str(file)]) == 2
    out = capsys.readouterr().out
    assert f"{file}:" in out
    assert "ecs.describe_service" in out


def test_lint_findings_come_as_json_too(capsys, tmp_path):
    file = tmp_path / "broken-two.yml"
    file.write_text("runbook: broken-two\ntitle: A broken runbook\non: [manual: {}]\nstep: []\n")
    assert run_cli(["runbooks", "lint", str(file), "--json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["findings"]
    assert all(finding["file"] == str(file) and finding["line"] >= 1 for finding in said["findings"])


def test_the_shipped_runbooks_have_nothing_to_mend(capsys):
    assert run_cli(["runbooks", "lint"]) == 0
    assert "nothing to mend" in capsys.readouterr().out


def test_a_stack_file_with_mistakes_says_line_and_field(capsys, tmp_path):
    file = tmp_path / "my-stack.yml"
    file.write_text("stack: my-stack\nregion: eu-west-2\nautonomy: fully\necs: {cluster: c, service: s}\n")
    assert run_cli(["stacks", "check-file", str(file), "--json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert [(mistake["line"], mistake["field"]) for mistake in said["mistakes"]] == [(3, "autonomy")]


def test_a_broken_stack_file_in_the_folder_is_said_with_its_place(capsys, tmp_path):
    (tmp_path / "one.yml").write_text("stack: one\n")
    (tmp_path / "event.json").write_text("{}")
    assert run_cli(["signal", str(tmp_path / "event.json"), "--stacks", str(tmp_path)]) == 2
    assert f"{tmp_path / 'one.yml'}:1" in capsys.readouterr().err
