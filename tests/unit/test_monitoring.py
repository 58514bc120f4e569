"""What people paste into Prometheus, Alertmanager and Grafana agrees with what Steward reads and MLflow counts."""

import json
import re
from pathlib import Path

import pytest
import yaml

from chalicelib.catalog.match import Matcher
from chalicelib.flows.webhook import MOST_ALERTS
from chalicelib.handlers.webhooks import ROAD
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.words import utc
from chalicelib.observability import DIMENSIONS, NAMESPACE, Metric
from chalicelib.signals.alertmanager import STACK_LABEL
from steward.cli.folders import read_runbooks, read_stacks

MONITORING = Path(__file__).parents[2] / "monitoring"
GUIDES = {
    "MLflowDown": "service-down",
    "MLflowHighErrorRate": "high-error-rate",
    "MLflowHighResponseTime": "high-latency",
}
COUNTED = {"mlflow_http_request_total", "up"} | {
    f"mlflow_http_request_duration_seconds_{kind}" for kind in ("bucket", "count", "sum")
}
"""What MLflow 3.17.2 exports of its requests (prometheus_flask_exporter), and what Prometheus adds."""
BUCKETS = {"0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1.0", "2.5", "5.0", "7.5", "10.0"}
"""prometheus_client's own, which MLflow does not change."""


def read(name: str):
    return yaml.safe_load((MONITORING / name).read_text())


RULES = [rule for group in read("prometheus/mlflow-rules.yml")["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}


def test_the_alerts_have_the_names_of_the_guides():
    assert set(ALERTS) == set(GUIDES)


@pytest.mark.parametrize("kind", [SignalKind.WEBHOOK_ALERTMANAGER, SignalKind.WEBHOOK_GRAFANA])
@pytest.mark.parametrize("name", sorted(ALERTS))
def test_every_alert_is_answered_by_a_shipped_runbook(name, kind):
    matcher = Matcher.of(read_runbooks(None).values())
    signal = Signal(
        id="e", kind=kind, state=SignalState.FIRING, name=name, source="api", occurred_at=utc("2026-11-02T09:00:00Z")
    )
    assert matcher.matches(signal)[0].runbook == GUIDES[name]
    assert matcher.matches(signal.model_copy(update={"state": SignalState.RESOLVED})) == ()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_rule_keeps_the_label_that_names_the_stack(rule):
    grouped = re.findall(r"\bby \(([^)]*)\)", rule["expr"])
    assert grouped or any(name in rule["expr"] for name in RECORDED)
    assert all(STACK_LABEL in names for names in grouped)


def metrics_in(expression: str) -> set[str]:
    found = set(re.findall(r"[a-z_:]+(?=\{)", expression)) | set(re.findall(r"\bsteward_stack:[a-z0-9_:]+", expression))
    assert found, expression
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_the_rules_read_only_what_is_counted(rule):
    assert metrics_in(rule["expr"]) <= COUNTED | RECORDED


def panels(name: str) -> list[dict]:
    return json.loads((MONITORING / "grafana" / f"{name}.json").read_text())["panels"]


def test_the_dashboard_of_mlflow_shows_requests_errors_latency_and_the_quick_ones():
    shown = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in panels("mlflow")}
    assert {"Requests per second", "Errors per second", "Latency", "Requests under 250 ms"} <= set(shown)
    assert [re.search(r"quantile\(([\d.]+)", each)[1] for each in shown["Latency"]] == ["0.5", "0.9"]
    for expression in (each for listed in shown.values() for each in listed):
        assert metrics_in(expression) <= COUNTED
        assert set(re.findall(r'le="([\d.]+)"', expression)) <= BUCKETS


def test_the_dashboard_of_steward_shows_each_of_its_metrics_by_its_dimension():
    targets = [target for panel in panels("steward") for target in panel["targets"]]
    assert {target["metricName"] for target in targets} == {metric.value for metric in Metric}
    assert {target["namespace"] for target in targets} == {NAMESPACE}
    for target in targets:
        dimension = DIMENSIONS.get(Metric(target["metricName"]))
        assert set(target["dimensions"]) == {"stage", *([dimension.name] if dimension else [])}


@pytest.mark.parametrize("name", ["mlflow", "steward"])
def test_panels_have_ids_of_their_own_and_do_not_overlap(name):
    places = [tuple(panel["gridPos"].values()) for panel in panels(name)]
    assert len(set(places)) == len({panel["id"] for panel in panels(name)}) == len(places)


def test_alertmanager_tells_steward_where_it_listens_with_a_token_from_a_file_and_what_has_ended():
    config = read("alertmanager/alertmanager.yml")
    (hook,) = next(one["webhook_configs"] for one in config["receivers"] if one["name"] == "steward")
    assert hook["url"].endswith(f"{ROAD}/alertmanager")
    assert hook["send_resolved"] is True
    assert hook["max_alerts"] <= MOST_ALERTS
    assert hook["http_config"]["authorization"] == {"type": "Bearer", "credentials_file": "steward-token"}
    (route,) = config["route"]["routes"]
    assert route["matchers"] == [f'{STACK_LABEL}!=""']


def test_targets_carry_the_name_of_a_stack_that_there_is():
    (scraped,) = read("prometheus/prometheus.yml")["scrape_configs"]
    monitor = read("kubernetes/servicemonitor.yml")
    (endpoint,) = monitor["spec"]["endpoints"]
    (relabeled,) = endpoint["relabelings"]
    names = {scraped["static_configs"][0]["labels"][STACK_LABEL], relabeled["replacement"]}
    assert relabeled["targetLabel"] == STACK_LABEL
    assert names <= set(read_stacks(None))
    assert (monitor["apiVersion"], monitor["kind"]) == ("monitoring.coreos.com/v1", "ServiceMonitor")
    assert scraped["metrics_path"] == endpoint["path"] == "/metrics"
