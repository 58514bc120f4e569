"""`steward diagnose`: a log, a JSON of signals, or many cases."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from steward.cli.commands.diagnose import diagnose
from steward.cli.main import run_cli

REFUSED = 'connection to server at "pg" (10.0.0.9), port 5432 failed: Connection refused'


def invoked(*argv: str) -> Result:
    return CliRunner().invoke(diagnose, argv, catch_exceptions=False)


def test_cases_are_answered_line_by_line_from_their_signals_alone(tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    rows = [
        {"id": "a", "signals": {"logs": [REFUSED], "http": None}, "root_cause": "db.charset", "note": "not read"},
        {"id": "b", "signals": {"logs": [], "http": {"status": 200, "headers": {}, "body": "OK"}}},
        {"id": "c", "signals": {"logs": ["what is this"], "exit_code": None, "ecs_stopped_reason": None}},
    ]
    cases.write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = [json.loads(line) for line in invoked("--cases", str(cases), "--json").output.splitlines()]
    assert [(answer["id"], answer["outcome"]) for answer in answers] == [
        ("a", "diagnosed"),
        ("b", "healthy"),
        ("c", "unknown"),
    ]
    finding = answers[0]["findings"][0]
    assert set(finding) == {"cause", "confidence", "evidence", "remedy"}
    assert finding["cause"] == "db.connection_refused"
    assert finding["evidence"][0]["line"] == 1
    assert answers[1]["findings"] == answers[2]["findings"] == []


def test_a_log_is_told_to_people_with_what_helps_and_what_does_not(tmp_path: Path) -> None:
    log = tmp_path / "task.log"
    log.write_text(f"starting\n{REFUSED}\n")
    said = invoked(str(log)).output
    assert "1. db.connection_refused" in said
    assert "log:2: connection to server" in said
    assert "does not help: Restarting tasks" in said
    assert "rests on log text alone" in said


def test_signals_in_a_file_are_read_as_signals_and_the_veto_is_shown(tmp_path: Path) -> None:
    case = tmp_path / "case.json"
    case.write_text(json.dumps({"signals": {"ecs_stopped_reason": "CannotPullContainerError: toomanyrequests"}}))
    answer = json.loads(invoked(str(case), "--json").output)
    assert answer["findings"][0]["cause"] == "image.pull_rate_limited"
    assert answer["findings"][0]["may_act_alone"]
    assert "ecs.restart_tasks" in {veto["step"] for veto in answer["vetoes"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cases.jsonl:1: not JSON"),
        ('{"id": 1}', "cases.jsonl:1: a case is a JSON object"),
        ('{"id": 1, "signals": []}', "signals must be an object"),
        ('{"id": 1, "signals": {"exit_code": "one"}}', "exit_code must be a whole number"),
        ('{"id": 1, "signals": {"http": 3}}', "http must be an object"),
    ],
)
def test_a_mistake_in_the_cases_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text(text + "\n")
    assert run_cli(["diagnose", "--cases", str(cases)]) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["diagnose", "nowhere.log"]) == 2
    assert "nowhere.log" in capsys.readouterr().err


def test_s30_nothing_in_a_log_steers_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "task.log"
    log.write_bytes(b"\x1b[31m\x1b]0;x\x07NoCredentialsError: Unable to locate credentials \x9b2J\n")
    assert "\x1b" not in invoked(str(log)).output
