"""What people paste into theirs, judged by the programs that read it: promtool, amtool, and an Alertmanager that
delivers to a sandbox's API until a run comes of it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from steward.cli.api_desk import ApiDesk
from steward.sandbox import place
from steward.sandbox.gateway import key_of
from steward.sandbox.world import START
from tests.real.lab.child import Child, free_port, is_listening, wait_until
from tests.real.lab.tools import clean_env, run

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
PROGRAMS = ROOT / ".venv-prometheus" / "usr" / "bin"
SHIPPED_URL = "https://API_ID.execute-api.REGION.amazonaws.com/STAGE"

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    "words",
    [
        ("promtool", "check", "rules", "prometheus/mlflow-rules.yml"),
        ("promtool", "check", "config", "prometheus/prometheus.yml"),
        ("promtool", "test", "rules", "prometheus/mlflow-rules.test.yml"),
        ("amtool", "check-config", "alertmanager/alertmanager.yml"),
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_what_is_shipped_is_what_the_programs_read(words):
    assert "SUCCESS" in run([PROGRAMS / words[0], *words[1:]], within_s=60, cwd=MONITORING)


def test_promtool_refuses_a_rule_that_is_wrong(tmp_path):
    text = (MONITORING / "prometheus" / "mlflow-rules.yml").read_text()
    (tmp_path / "rules.yml").write_text(text.replace("sum by", "sum bye", 1))
    with pytest.raises(AssertionError, match="promtool answered"):
        run([PROGRAMS / "promtool", "check", "rules", tmp_path / "rules.yml"], within_s=60)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A sandbox that is up, in which time passes as it does here; its note lies in a folder of its own."""
    key, secret = key_of("viewer")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)

    def steward(*words: str) -> dict[str, object]:
        command = [str(Path(sys.executable).parent / "steward"), *words, "--json"]
        said = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True, timeout=60)  # noqa: S603 - our own command
        return json.loads(said.stdout)

    up = steward("sandbox", "up", "--detach", "--speed", "1", "--runbooks", str(ROOT / "runbooks"))
    yield ApiDesk(str(up["address"]), "eu-west-2"), str(up["address"])
    steward("sandbox", "down")


@pytest.fixture
def alertmanager(desk, tmp_path):
    """With the configuration that is shipped; only the address and how long it waits are this test's."""
    _, address = desk
    text = (MONITORING / "alertmanager" / "alertmanager.yml").read_text()
    for shipped, here in (
        (SHIPPED_URL, address),
        ("group_wait: 10s", "group_wait: 1s"),
        ("interval: 1m", "interval: 2s"),
    ):
        assert shipped in text
        text = text.replace(shipped, here)
    (tmp_path / "alertmanager.yml").write_text(text)
    (tmp_path / "steward-token").write_text(place.WEBHOOK_TOKENS["alertmanager"] + "\n")
    port = free_port()
    child = Child(
        [PROGRAMS / "prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=data",
         f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
        env=clean_env(HOME=os.environ.get("HOME", "/")), cwd=tmp_path,
    )  # fmt: skip
    try:
        wait_until(lambda: is_listening(port), 20, "Alertmanager", child)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.stop()


def post(alertmanager: str, *alerts: dict[str, object]) -> None:
    request = urllib.request.Request(  # noqa: S310 - the Alertmanager of this test
        f"{alertmanager}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"}
    )
    end = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as said:  # noqa: S310 - as above
                assert said.status == 200
                return
        except OSError:  # it listens before it is ready
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def alert(name: str, stack: str, ends: datetime) -> dict[str, object]:
    labels = {"alertname": name, "steward_stack": stack, "severity": "critical"}
    # The sandbox's time is its own, so the alert begins when that world began.
    times = {"startsAt": START.isoformat(), "endsAt": ends.isoformat()}
    return {"labels": labels, "annotations": {"summary": f"{name} of {stack}"}, **times}


def test_s2_s28_a_real_alertmanager_delivers_and_a_run_comes_of_it(desk, alertmanager):
    ask, _ = desk
    later = max(START, datetime.now(UTC)) + timedelta(minutes=10)
    post(alertmanager, alert("MLflowDown", place.NAME, later), alert("MLflowDown", "somebody-else", later))

    def decided() -> list[dict[str, object]]:
        return ask.ask("decisions", limit=50)["decisions"]

    def outcomes() -> set[object]:
        return {one["outcome"] for one in decided()}

    wait_until(lambda: {"run", "invalid"} <= outcomes(), 30, "a run, and a refusal of the other stack")
    runs = ask.ask("runs")["runs"]
    assert [(one["runbook"], one["stack"]) for one in runs] == [("service-down", place.NAME)]

    # What is told again every two seconds is the same event; what has ended is told to the incident.
    post(alertmanager, alert("MLflowDown", place.NAME, START + timedelta(seconds=90)))
    wait_until(lambda: any("resolved" in json.dumps(one) for one in decided()), 30, "the word that it has ended")
    assert len(ask.ask("runs")["runs"]) == 1
