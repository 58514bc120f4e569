"""http.deep_health tells the server's illnesses apart, and our blindness from all of them (S3, S25)."""

import base64
import json

import pytest

from chalicelib.errors import HttpFailure
from chalicelib.net.http import HttpAnswer
from chalicelib.steps.deep_answers import State
from chalicelib.steps.probes.http_deep_health import DeepHealth, DeepParams

SEARCH, RUNS, LISTING = "/experiments/search", "/runs/search", "artifacts"


def answer(status=200, body=None, **headers):
    text = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return HttpAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, 0.01)


def experiment(location="mlflow-artifacts:/7"):
    return answer(body={"experiments": [{"experiment_id": "7", "artifact_location": location}]})


def mlflow(search=None, listing=None, runs=None):
    def answers(request):
        for part, given in ((SEARCH, search or experiment()), (RUNS, runs or answer()), (LISTING, listing or answer())):
            if part in request.url:
                if isinstance(given, HttpFailure):
                    raise given
                return given
        raise AssertionError(request.url)

    return answers


def read(world, **params):
    return DeepHealth().read(world.ctx(), DeepParams(**params))


def test_every_task_is_asked_twice_and_a_search_and_a_listing_each_time(world):
    world.answers = mlflow()
    output = read(world)
    assert (output.state, output.asked, output.good, output.bad, output.running) == (State.OK, 4, 4, 0, 2)
    paths = [request.url.removeprefix("http://churn-alb.example.com") for request in world.requests]
    assert paths[:2] == [
        "/api/2.0/mlflow/experiments/search?max_results=1",
        "/api/2.0/mlflow-artifacts/artifacts?path=7",
    ]
    assert len(paths) == 8


def test_artifacts_that_are_not_proxied_are_listed_by_the_newest_run(world):
    world.answers = mlflow(experiment("s3://bucket/7"), runs=answer(body={"runs": [{"info": {"run_id": "ab12"}}]}))
    assert read(world, attempts=1).state is State.OK
    assert world.requests[1].method == "POST"
    assert json.loads(world.requests[1].body) == {"experiment_ids": ["7"], "max_results": 1}
    assert world.requests[2].url.endswith("/api/2.0/mlflow/artifacts/list?run_id=ab12")


@pytest.mark.parametrize("found", [answer(body={}), experiment("s3://bucket/7")])
def test_an_empty_server_has_nothing_to_list_and_is_well(world, found):
    world.answers = mlflow(found)
    output = read(world)
    assert output.state is State.OK
    assert "no run" in output.detail


TEMPORARY = {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "connection refused"}
INTERNAL = {"error_code": "INTERNAL_ERROR", "message": "no such table"}


@pytest.mark.parametrize(
    ("server", "state"),
    [
        (mlflow(answer(503, TEMPORARY)), State.DATABASE),
        (mlflow(answer(500, INTERNAL)), State.DATABASE),
        (mlflow(answer(503, b"<html>Service Temporarily Unavailable</html>")), State.DOWN),
        (mlflow(answer(502, b"<html>")), State.DOWN),
        (mlflow(answer(504, b"<html>")), State.DOWN),
        (mlflow(HttpFailure("timeout", "no whole answer within 10 s")), State.DOWN),
        (mlflow(HttpFailure("protocol", "the connection broke off")), State.DOWN),
        (mlflow(answer(403, b"Invalid Host header - possible DNS rebinding attack detected")), State.HOST_REFUSED),
        (mlflow(listing=answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})), State.ARTIFACTS),
        (mlflow(listing=answer(500, INTERNAL)), State.ARTIFACTS),
        (mlflow(listing=answer(403, {"error_code": "PERMISSION_DENIED"})), State.ARTIFACTS),
        (mlflow(listing=answer(401, {"error_code": "UNAUTHENTICATED"})), State.S3_LOGIN),
        (mlflow(answer(418, b"teapot")), State.ERROR),
        (mlflow(HttpFailure("too_large", "more than 262144 bytes")), State.ERROR),
    ],
)
def test_an_ill_server_is_named_by_its_illness(world, server, state):
    world.answers = server
    output = read(world)
    assert output.state is state
    assert output.state.is_ill
    assert output.bad == output.asked


@pytest.mark.parametrize(
    ("server", "state"),
    [
        (mlflow(answer(401, b"login", www_authenticate='Basic realm="mlflow"')), State.AUTH),
        (mlflow(listing=answer(401, b"login", www_authenticate="Basic")), State.AUTH),
        (mlflow(answer(403, b"forbidden")), State.AUTH),
        (mlflow(answer(302, b"", location="https://login.example.com")), State.REDIRECTED),
        (mlflow(answer(429, b"")), State.THROTTLED),
        (mlflow(answer(200, b"<html>Please log in</html>")), State.UNCLEAR),
        (mlflow(HttpFailure("dns", "does not resolve")), State.UNREACHABLE),
        (mlflow(HttpFailure("refused", "no connection")), State.UNREACHABLE),
        (mlflow(HttpFailure("tls", "certificate has expired")), State.UNREACHABLE),
        (mlflow(HttpFailure("forbidden_address", "169.254.169.254")), State.UNREACHABLE),
    ],
)
def test_s3_what_we_cannot_see_is_no_illness_and_is_asked_once(world, server, state):
    world.answers = server
    output = read(world)
    assert output.state is state
    assert not output.state.is_ill
    assert output.bad == 0
    assert output.asked == 1


def test_one_bad_task_of_two_makes_the_whole_ill(world):
    turns = iter([experiment(), answer(500, INTERNAL), experiment(), answer(500, INTERNAL)])
    world.answers = lambda request: next(turns) if SEARCH in request.url else answer()
    output = read(world)
    assert (output.state, output.asked, output.good, output.bad) == (State.DATABASE, 4, 2, 2)


def test_after_three_bad_answers_it_stops_asking(world):
    for number in range(8):
        world.task(f"t{number}")
    world.answers = mlflow(HttpFailure("timeout", "no answer"))
    assert read(world).asked == 3


def test_without_a_url_it_does_not_apply(world):
    del world.stack["url"]
    assert read(world).state is State.NO_URL
    assert world.requests == []


def test_s25_only_the_load_balancer_s_name_and_listed_hosts_are_allowed(world):
    world.stack["urlHosts"] = ["mlflow.example.com"]
    world.answers = mlflow()
    read(world, attempts=1)
    assert world.requests[0].allow_hosts == ("churn-alb.example.com", "mlflow.example.com")


BASIC = "Basic " + base64.b64encode(b"admin:canary-pass-9931").decode()


@pytest.mark.parametrize(
    ("over", "sent"),
    [
        ({"url": "https://mlflow.example.com"}, BASIC),
        ({"url": "http://mlflow.example.com"}, None),
        ({"url": "http://mlflow.example.com", "allowPlainHttp": True}, BASIC),
    ],
)
def test_s25_credentials_go_over_plain_http_only_where_the_stack_says_so(world, over, sent):
    world.stack |= {"mlflow": {"auth": "basic", "adminSecret": "mlflow/admin"}, **over}
    world.answers = mlflow()
    read(world, attempts=1)
    assert world.requests[0].headers.get("Authorization") == sent


def test_a_login_that_may_not_be_sent_is_said(world):
    world.stack |= {"mlflow": {"auth": "basic", "adminSecret": "mlflow/admin"}}
    world.answers = mlflow(answer(401, b"", www_authenticate="Basic"))
    output = read(world)
    assert output.state is State.AUTH
    assert "none may be sent" in output.detail


def test_s30_no_text_of_the_server_comes_out(world):
    world.answers = mlflow(answer(500, {"error_code": "INTERNAL_ERROR", "message": "canary <!here> \x1b[31m"}))
    detail = read(world).detail
    assert detail == "the search answers 500 INTERNAL_ERROR"
    world.answers = mlflow(answer(500, {"error_code": "<!channel> do as I say"}))
    assert read(world).detail == "the search answers 500"


def test_the_credentials_are_in_no_repr(world):
    world.stack |= {"mlflow": {"auth": "basic", "adminSecret": "mlflow/admin"}, "allowPlainHttp": True}
    world.answers = mlflow()
    read(world, attempts=1)
    assert BASIC not in repr(world.requests[0])
