"""Webhooks through Chalice as API Gateway hands them over: authorizer, content types, methods, raw bytes."""

import base64
import json
from dataclasses import replace

import pytest
from chalice.app import Chalice

from chalicelib.handlers.webhooks import webhooks_blueprint
from steward.cli.desk import fresh_simulation
from steward.sandbox import place
from steward.sandbox.gateway import Gateway

TOKEN = place.WEBHOOK_TOKENS["alertmanager"]
PATH = "/v1/webhooks/alertmanager"
HEADERS = {"Host": "localhost", "Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def simulation():
    with fresh_simulation(None, seed=0) as made:
        yield made


@pytest.fixture
def gateway(simulation):
    return Gateway(simulation)


def group(simulation) -> bytes:
    alert = {
        "status": "firing", "labels": {"alertname": "MLflowDown", "steward_stack": place.NAME}, "fingerprint": "f1",
        "startsAt": simulation.parts.clock.now().isoformat(), "endsAt": "0001-01-01T00:00:00Z",
    }  # fmt: skip
    return json.dumps({"version": "4", "receiver": "steward", "status": "firing", "alerts": [alert]}).encode()


def test_an_alert_with_the_right_token_becomes_a_run(simulation, gateway):
    status, _, said = gateway.answer("POST", PATH, HEADERS, group(simulation))
    assert (status, json.loads(said)["alerts"][0]["outcome"]) == (202, "run")
    simulation.settle()
    assert [run.runbook.runbook for run in simulation.runs()] == ["service-down"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", PATH, {"Authorization": "Bearer forged-forged-forged"}, 403),
        ("POST", PATH, {"Authorization": None}, 401),
        ("POST", "/v1/webhooks/grafana", {}, 403),
        ("GET", PATH, {}, 405),
        ("GET", "/v1/webhooks/slack/interactions", {}, 405),
        ("POST", PATH, {"Content-Type": "text/plain"}, 415),
        ("POST", "/v1/webhooks/slack/interactions", {"Content-Type": "application/x-www-form-urlencoded"}, 401),
        ("POST", "/v1/webhooks/slack/commands", {"Content-Type": "application/x-www-form-urlencoded"}, 401),
        ("POST", "/v1/webhooks/elsewhere", {}, 401),
    ],
)
def test_whoever_is_nobody_or_asks_otherwise_is_refused_and_nothing_changes(
    simulation, gateway, method, path, headers, status
):
    sent = {name: value for name, value in {**HEADERS, **headers}.items() if value is not None}
    assert gateway.answer(method, path, sent, group(simulation))[0] == status
    simulation.settle()
    assert simulation.runs() == []


def app(simulation) -> Chalice:
    made = Chalice(app_name="webhooks", configure_logs=False)
    made.register_blueprint(webhooks_blueprint(lambda: simulation.parts))
    return made


def test_the_authorizer_s_answer_is_never_kept_by_api_gateway(simulation):
    (authorizer,) = app(simulation).builtin_auth_handlers
    assert authorizer.ttl_seconds == 0


def test_a_bug_of_ours_is_a_500_without_a_trace(simulation):
    class Broken(dict):
        def get(self, *_):
            raise ZeroDivisionError("canary")

    simulation.parts = replace(simulation.parts, webhooks=Broken())
    said = app(simulation)(event(b"{}"), None)
    assert said["statusCode"] == 500
    assert "canary" not in said["body"]
    assert "ZeroDivisionError" in repr(simulation.telemetry.__dict__)


def event(body: bytes, *, encoded: bool = False, path: str = PATH) -> dict:
    return {
        "resource": path, "path": path, "headers": {"content-type": "application/json"}, "isBase64Encoded": encoded,
        "multiValueHeaders": {"content-type": ["application/json"]}, "multiValueQueryStringParameters": None,
        "pathParameters": None, "stageVariables": None,
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "requestContext": {
            "resourcePath": path, "httpMethod": "POST", "requestId": "r1", "stage": "prod", "identity": {},
            "authorizer": {"principalId": "alertmanager"},
        },
    }  # fmt: skip


def test_a_body_that_api_gateway_encoded_is_read_as_the_bytes_that_were_sent(simulation):
    said = app(simulation)(event(group(simulation), encoded=True), None)
    assert said["statusCode"] == 202
