"""The API as it is served: Chalice behind a small API Gateway that checks signatures for real."""

import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from chalicelib.models.problem import PROBLEM_JSON
from steward.cli.desk import fresh_simulation
from steward.sandbox.gateway import Gateway, key_of

HOST = "127.0.0.1:1"


@pytest.fixture(scope="module")
def gateway():
    with fresh_simulation() as simulation:
        yield Gateway(simulation)


def signed(method, path, body=b"", role="viewer", **headers):
    given = {"host": HOST, "content-type": "application/json", **headers}
    request = AWSRequest(method, f"http://{HOST}{path}", given, body)
    SigV4Auth(Credentials(*key_of(role)), "execute-api", "eu-west-2").add_auth(request)
    return dict(request.headers)


def ask(gateway, method, path, body=b"", **more):
    return gateway.answer(method, path, signed(method, path, body, **more), body)


@pytest.mark.parametrize("path", ["/v1/runs?limit=5", "/v1/stacks", "/v1/runbooks/service-down", "/v1/openapi.json"])
def test_an_answer_is_json_and_says_so(gateway, path):
    status, headers, body = ask(gateway, "GET", path)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body)


def test_a_problem_is_problem_json_and_says_so(gateway):
    status, headers, body = ask(gateway, "GET", "/v1/runs/r-none")
    assert (status, headers["Content-Type"]) == (404, PROBLEM_JSON)
    assert json.loads(body)["status"] == 404


def test_health_needs_no_signature_and_everything_else_does(gateway):
    assert gateway.answer("GET", "/health", {"host": HOST}, b"")[0] == 200
    assert gateway.answer("GET", "/v1/runs", {"host": HOST}, b"")[0] == 401


def test_a_signature_over_something_else_is_refused(gateway):
    said = b'{"reason": "a"}'
    headers = signed("POST", "/v1/stop", said, role="operator")
    assert gateway.answer("POST", "/v1/stop", headers, b'{"reason": "b"}')[0] == 403
    assert gateway.answer("POST", "/v1/resume", headers, said)[0] == 403
    assert gateway.answer("POST", "/v1/stop", {**headers, "Authorization": "Bearer x"}, said)[0] == 403


def test_a_method_that_a_path_does_not_know_says_which_it_does(gateway):
    status, headers, _ = ask(gateway, "DELETE", "/v1/stop")
    assert (status, headers["Allow"]) == (405, "POST")


def test_a_body_that_is_not_json_is_refused_as_such(gateway):
    headers = signed("POST", "/v1/stop", b"x=1", role="operator", **{"content-type": "text/plain"})
    assert gateway.answer("POST", "/v1/stop", headers, b"x=1")[0] == 415
