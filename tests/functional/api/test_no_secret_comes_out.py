"""S29: the world's own secrets are canaries; a run that works with them lets none out by any channel."""

import base64
import json
from urllib.parse import quote

import pytest

from steward.cli.desk import fresh_simulation
from steward.sandbox import place
from steward.sandbox.gateway import Gateway
from tests.functional.api.test_signed_requests import ask

SECRETS = (place.DATABASE_PASSWORD, place.ADMIN_PASSWORD)
BODY = {"stack": place.NAME, "reason": "look for canaries"}


def spellings(secret):
    plain = secret.encode()
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], base64.b64encode(plain).decode()}


@pytest.mark.parametrize(("fault", "runbook"), [("password-rotated", "health-check"), ("doubled-port", "health-check")])
def test_s29_no_secret_is_in_an_answer_a_run_a_log_a_message_or_the_archive(fault, runbook):
    with fresh_simulation(fault=fault) as simulation:
        gateway = Gateway(simulation)
        simulation.world.break_with(fault)
        simulation.run_until(lambda: False, limit_s=300)
        data = json.dumps(BODY).encode()
        key = {"idempotency-key": "canary-0001"}
        status, _, begun = ask(gateway, "POST", f"/v1/runbooks/{runbook}/plan", data, role="operator", **key)
        assert status == 202
        simulation.run_until(lambda: False, limit_s=1800)
        run = json.loads(begun)["run"]
        paths = [f"/v1/runs/{run}", f"/v1/runs/{run}/plan", "/v1/runs", "/v1/decisions", "/v1/incidents", "/v1/now"]
        said = [ask(gateway, "GET", path)[2].decode() for path in paths]
        said += [ask(gateway, "GET", "/v1/audit", role="admin")[2].decode()]
        said += [repr(vars(simulation.telemetry)), repr(simulation.channel.sent), repr(vars(simulation.parts.archive))]
        assert all(len(one) > 20 for one in said[:3])
        found = [word for secret in SECRETS for word in spellings(secret) for one in said if word in one]
        assert found == []
