"""`steward signal` and `steward explain`: own fixtures in, the signals they hold and the decision about them out."""

import json
from pathlib import Path

import pytest

from steward.cli.main import run_cli
from steward.sandbox.world import World

EVENTS = Path(__file__).parents[2] / "fixtures" / "events"
EXPECTED = [json.loads(line) for line in (EVENTS / "expected.jsonl").read_text().splitlines()]


def shown(signal):
    return signal["kind"], signal["state"], signal["name"], signal["resource"]


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def alarm(tmp_path):
    """The sandbox's own alarm, as EventBridge would deliver it."""
    with World.create() as world:
        world.break_with("task-hangs")
        world.advance(240)
        event = next(event for event in world.take_events() if event["source"] == "aws.cloudwatch")
    file = tmp_path / "alarm.json"
    file.write_text(json.dumps(event))
    return file


def test_every_fixture_is_read_into_the_kinds_and_states_that_are_expected(capsys):
    files = [str(EVENTS / each["file"]) for each in EXPECTED]
    assert run_cli(["signal", *files, "--json"]) == 0
    found = lines(capsys)
    assert [each["file"] for each in found] == files
    for got, wanted in zip(found, EXPECTED, strict=True):
        assert got["ok"] is True
        assert got["error"] is None
        # Whether it is actionable can hang on the stack's own file (its topics), and these are of other stacks.
        assert [shown(s) for s in got["signals"]] == [shown(s) for s in wanted["signals"]], got["file"]


def test_a_signal_of_a_known_stack_is_tied_to_it(capsys, alarm):
    assert run_cli(["signal", str(alarm), "--json"]) == 0
    (signal,) = lines(capsys)[0]["signals"]
    assert signal["stack"] == "fraud-scoring-mlflow"
    assert set(signal) == {
        "kind", "state", "name", "resource", "stack", "actionable", "reason", "occurred_at", "fingerprint",
    }  # fmt: skip


def test_a_file_that_cannot_be_read_is_said_and_the_rest_goes_on(capsys, tmp_path, alarm):
    broken = tmp_path / "broken.json"
    broken.write_text('{"id": ')
    code = run_cli(["signal", str(broken), str(tmp_path / "none.json"), str(alarm), "--json"])
    said = capsys.readouterr()
    found = [json.loads(line) for line in said.out.splitlines()]
    assert code == 2
    assert [each["ok"] for each in found] == [False, False, True]
    assert "not JSON" in found[0]["error"]
    assert "No such file" in found[1]["error"]


def test_an_alarm_of_the_stack_is_explained_with_runbook_reasons_and_guards(capsys, alarm):
    assert run_cli(["explain", str(alarm), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["outcome"], said["runbook"]) == ("run", "service-down")
    assert said["reasons"]
    assert {"stop", "cooldown", "one_run"} <= {guard["guard"] for guard in said["guards"]}


def test_an_event_of_no_known_stack_is_explained_as_ignored(capsys):
    assert run_cli(["explain", str(EVENTS / "alarm_eventbridge" / "unhealthy_hosts.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "ignore"


@pytest.mark.parametrize("text", ["{", "[1, 2", "\udcff", "[" * 100_000])
def test_explain_answers_what_is_no_json_with_one_sentence(capsys, tmp_path, text):
    file = tmp_path / "event.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    assert run_cli(["explain", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("text", ["[]", "null", "{}", '"alarm"', '{"detail-type": 7}'])
def test_explain_calls_json_that_is_no_event_invalid_or_ignores_it(capsys, tmp_path, text):
    file = tmp_path / "event.json"
    file.write_text(text)
    assert run_cli(["explain", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] in {"invalid", "ignore"}
