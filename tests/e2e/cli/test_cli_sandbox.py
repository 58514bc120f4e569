"""`steward sandbox`: a world that stays up, that other commands find, break and look at, and that goes away."""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steward.sandbox.gateway import key_of

PROJECT = Path(__file__).parents[3]


class Terminal:
    """Runs `steward` in a folder of its own, as people do."""

    def __init__(self, folder, **env):
        self.folder = folder
        self.env = {**os.environ, "PYTHONPATH": str(PROJECT), **env}

    def run(self, *argv, code=0):
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "steward.cli.main", *argv],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def said(self, *argv, code=0):
        return json.loads(self.run(*argv, "--json", code=code).stdout)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory):
    terminal = Terminal(tmp_path_factory.mktemp("operator"))
    terminal.said("sandbox", "up", "--detach", "--speed", "120")
    yield terminal
    if (terminal.folder / ".steward" / "sandbox.json").exists():
        terminal.run("sandbox", "down")


def note(terminal):
    return json.loads((terminal.folder / ".steward" / "sandbox.json").read_text())


def test_the_note_with_the_token_is_for_its_owner_only(terminal):
    path = terminal.folder / ".steward" / "sandbox.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert note(terminal)["address"].startswith("http://127.0.0.1:")


def test_nobody_is_heard_without_the_token(terminal):
    body = json.dumps({"operation": "stop", "arguments": {"principal": "x", "reason": "x"}})
    line = http.client.HTTPConnection(note(terminal)["address"].removeprefix("http://"), timeout=10)
    line.request("POST", "/", body, {"Authorization": "Bearer wrong"})
    assert line.getresponse().status == 401
    line.close()
    assert terminal.said("now")["stopped"] == []


def test_a_second_sandbox_in_the_same_folder_is_refused(terminal):
    assert "is up already" in terminal.run("sandbox", "up", code=2).stderr


def test_a_fault_in_the_running_world_is_mended_while_time_passes_by_itself(terminal):
    assert terminal.said("sandbox", "break", "task-hangs")["fault"] == "task-hangs"
    deadline = time.monotonic() + 45
    runs = []
    while time.monotonic() < deadline and not any(run["verdict"] for run in runs):
        time.sleep(0.5)
        runs = terminal.said("runs", "list")["runs"]
    assert [run["verdict"] for run in runs] == ["verified"]


def test_mistakes_come_back_over_the_port_as_sentences(terminal):
    assert "no fault named 'meteor'" in terminal.run("sandbox", "break", "meteor", code=2).stderr
    assert "no run named 'r-none'" in terminal.run("runs", "show", "r-none", code=2).stderr


def test_an_event_can_be_fired_at_it_and_is_decided_once(terminal):
    file = PROJECT / "tests/fixtures/events/alarm_eventbridge/unhealthy_hosts.json"
    first = terminal.said("sandbox", "fire", str(file))
    again = terminal.said("sandbox", "fire", str(file))
    assert first["outcome"] == again["outcome"] == "ignore"
    assert first["at"] == again["at"]


def test_backups_and_doubts_about_them_are_asked_of_a_stage_by_its_address(terminal):
    """S18: whoever runs a deployed stage can say that a doubt is settled."""
    key, secret = key_of("approver")
    own = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "eu-west-2"}
    caller = Terminal(terminal.folder, **own)
    on = ("--stack", "fraud-scoring-mlflow", "--on", note(terminal)["address"])
    assert caller.said("backups", "list", *on)["suspicion"] is None
    assert caller.said("backups", "clear-suspicion", "--reason", "looked", *on)["cleared"] is None
    assert "no backup named 'b-none'" in caller.run("backups", "show", "b-none", *on, code=2).stderr


def test_stop_holds_until_resume(terminal):
    """S8."""
    terminal.run("stop", "--reason", "we look ourselves")
    assert [each["reason"] for each in terminal.said("now")["stopped"]] == ["we look ourselves"]
    refused = terminal.said("run", "service-down", "--stack", "fraud-scoring-mlflow", code=1)
    assert refused["outcome"] == "refuse"
    assert any("stop" in reason for reason in refused["reasons"])
    terminal.run("resume")
    assert terminal.said("now")["stopped"] == []


def test_a_freeze_counts_from_the_sandbox_own_clock(terminal):
    until = terminal.said("freeze", "--reason", "release", "--for", "2h")["until"]
    assert until.startswith("2026-11-02T")
    assert [each["until"] for each in terminal.said("now")["frozen"]] == [until]


def test_down_ends_it_and_takes_the_note_away(terminal):
    terminal.run("sandbox", "down")
    assert not (terminal.folder / ".steward" / "sandbox.json").exists()
    assert "no sandbox is up here" in terminal.run("sandbox", "down", code=2).stderr


def test_a_note_that_a_killed_sandbox_left_behind_is_taken_away(terminal):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = {"address": "http://127.0.0.1:1", "token": "x", "pid": ended.pid, "speed": 1}
    path = terminal.folder / ".steward" / "sandbox.json"
    path.write_text(json.dumps(left))
    terminal.said("now")
    assert not path.exists()


def test_faults_are_listed_with_their_sentences_without_a_sandbox(terminal):
    faults = {each["name"]: each["sentence"] for each in terminal.said("sandbox", "faults")["faults"]}
    assert {"task-hangs", "task-crashes", "bad-deployment", "overload", "flapping-alarm"} <= set(faults)
