"""Telemetry: correlated lines, counted dimensions, and no secret in either."""

import ast
import io
import json
from pathlib import Path

import pytest

from chalicelib.observability import (
    DIMENSIONS,
    Level,
    MemoryTelemetry,
    Metric,
    PowertoolsTelemetry,
    known_value,
    series_count,
)

ROOT = Path(__file__).parents[2]


def written(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def real(name: str) -> tuple[PowertoolsTelemetry, io.StringIO]:
    # Powertools keeps one logger per service name for the process, so each test has its own stage.
    stream = io.StringIO()
    return PowertoolsTelemetry(name, "DEBUG", stream=stream), stream


def test_all_series_that_can_ever_exist_are_few_and_counted() -> None:
    """CloudWatch bills per combination of dimension values; a new one is a decision, so it fails here first."""
    assert series_count() == sum(len(d.values) for d in DIMENSIONS.values()) + len(Metric) - len(DIMENSIONS)
    assert series_count() <= 60


@pytest.mark.parametrize("metric", list(DIMENSIONS))
def test_a_name_from_outside_never_becomes_a_series(metric: Metric) -> None:
    assert known_value(metric, "alarm-name-somebody-chose") == "other"
    assert known_value(metric, None) == "other"


def test_every_guard_there_is_has_a_name_of_its_own_to_be_counted_under() -> None:
    calls = [
        node
        for path in (ROOT / "chalicelib/guards").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"passes", "refuses", "_same"} and node.args
    ]
    names = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}
    assert names
    assert {name for name in names if known_value(Metric.REFUSALS_BY_GUARD, name) == "other"} == set()
    assert known_value(Metric.REFUSALS_BY_GUARD, "stand_aside.deployment_in_progress") == "stand_aside"


def test_a_metric_without_a_dimension_takes_none() -> None:
    assert known_value(Metric.HEARTBEAT, "x") is None


def test_every_line_carries_the_run_and_the_incident() -> None:
    telemetry, stream = real("t-ids")
    telemetry.bind(run_id="r1", incident_id="i1", stack=None)
    telemetry.note("planned", changes=2)
    (line,) = written(stream)
    assert (line["run_id"], line["incident_id"], line["correlation_id"]) == ("r1", "i1", "r1")
    assert line["facts"] == {"changes": 2}
    assert "stack" not in line
    assert line["level"] == "INFO"


def test_binding_again_forgets_the_run_before() -> None:
    telemetry, stream = real("t-again")
    telemetry.bind(run_id="r1")
    telemetry.bind(incident_id="i2")
    telemetry.note("x")
    (line,) = written(stream)
    assert "run_id" not in line
    assert line["correlation_id"] == "i2"


def test_facts_cannot_overwrite_the_line_s_own_fields() -> None:
    telemetry, stream = real("t-facts")
    telemetry.note("kept", level=Level.WARNING, name="n", args="a", service="s")
    (line,) = written(stream)
    assert line["message"] == "kept"
    assert line["facts"] == {"name": "n", "args": "a", "service": "s"}


def test_secrets_and_control_characters_never_reach_the_log_s29_s30() -> None:
    telemetry, stream = real("t-secret")
    telemetry.note(
        "db postgresql://u:canary1@h/db \x1b[2Jgone\u202e",
        password="canary2",
        env={"KEY": "canary3"},
        deep=[{"adminSecret": "canary4"}],
    )
    assert "canary" not in stream.getvalue()
    assert "\\u001b" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()


def test_an_error_at_a_boundary_is_logged_with_its_trace_and_without_its_secrets_s29() -> None:
    telemetry, stream = real("t-error")
    telemetry.bind(event_id="e1")
    try:
        raise ValueError("password=canary")  # noqa: TRY301  # an error with a trace is what is tested
    except ValueError as exc:
        telemetry.failure("advance failed", exc, move=3)
    (line,) = written(stream)
    assert line["exception_name"] == "ValueError"
    assert line["correlation_id"] == "e1"
    assert "canary" not in stream.getvalue()


def test_metrics_are_emf_with_their_dimension_and_the_ids_only_as_metadata(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = PowertoolsTelemetry("prod")
    telemetry.bind(run_id="r1")
    telemetry.count(Metric.RUNS_BY_VERDICT, "verified")
    telemetry.seconds(Metric.TIME_TO_RECOVERY, 312.5)
    runs, recovery = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert runs["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["stage", "verdict"]]
    assert (runs["stage"], runs["verdict"], runs["RunsByVerdict"]) == ("prod", "verified", [1.0])
    assert runs["run_id"] == "r1"
    assert recovery["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["stage"]]
    assert recovery["TimeToRecovery"] == [312.5]


def test_the_twin_keeps_what_the_real_one_writes() -> None:
    twin = MemoryTelemetry()
    twin.bind(run_id="r1")
    twin.count(Metric.REFUSALS_BY_GUARD, "cooldown")
    twin.count(Metric.REFUSALS_BY_GUARD, "made-up")
    twin.seconds(Metric.TIME_TO_FIRST_ACTION, 4.0)
    twin.failure("boom", ValueError("token=canary"))
    assert twin.counts[Metric.REFUSALS_BY_GUARD, "cooldown"] == 1
    assert twin.counts[Metric.REFUSALS_BY_GUARD, "other"] == 1
    assert twin.timings == [(Metric.TIME_TO_FIRST_ACTION, 4.0)]
    assert twin.notes[0]["correlation_id"] == "r1"
    assert "canary" not in str(twin.notes)


def test_nothing_of_powertools_is_imported_until_the_first_line() -> None:
    """It would cost every cold start 57 ms, also those that write nothing."""
    body = ast.parse((ROOT / "chalicelib/observability.py").read_text()).body
    loaded = [ast.unparse(node) for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [line for line in loaded if "aws_lambda_powertools" in line]


def test_a_share_is_told_in_percent(capsys: pytest.CaptureFixture[str]) -> None:
    PowertoolsTelemetry("prod").percent(Metric.BACKUP_AGE, 150.0, "database")
    line = json.loads(capsys.readouterr().out)
    (said,) = line["_aws"]["CloudWatchMetrics"]
    assert said["Metrics"] == [{"Name": "BackupAge", "Unit": "Percent"}]
    assert (line["BackupAge"], line["backup"]) == ([150.0], "database")
