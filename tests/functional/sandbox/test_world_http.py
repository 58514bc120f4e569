"""The HTTP face answers like MLflow behind a load balancer does in the state of the world."""

import base64
import json

import pytest

from chalicelib.net.http import HttpFailure, HttpRequest
from steward.sandbox import place
from steward.sandbox.world import World

LOGIN = {"Authorization": "Basic " + base64.b64encode(b"admin:sandbox-admin-password").decode()}
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def ask(world, path, headers=LOGIN, **rest):
    request = {"allow_hosts": (place.LOAD_BALANCER_HOST,), "headers": headers, **rest}
    return world.http.ask(HttpRequest("GET", f"http://{place.URL_HOST}{path}", **request))


def error(answer):
    return json.loads(answer.body)["error_code"]


def test_a_well_deployment_answers_everything(world):
    assert ask(world, "/health", headers={}).body == b"OK"
    assert ask(world, "/version").body == b"3.17.2"
    found = json.loads(ask(world, SEARCH).body)["experiments"]
    assert [each["name"] for each in found] == ["Default"]
    assert ask(world, ARTIFACTS + "?path=0").status == 200
    assert ask(world, "/api/2.0/mlflow/artifacts/list?run_id=a1").status == 200


def test_the_admin_secret_opens_the_api_and_nothing_else_does(world):
    secret = world.session().client("secretsmanager").get_secret_value(SecretId=place.ADMIN_SECRET)["SecretString"]
    login = json.loads(secret)
    pair = f"{login['username']}:{login['password']}".encode()
    assert ask(world, SEARCH, {"authorization": "Basic " + base64.b64encode(pair).decode()}).status == 200
    refused = ask(world, SEARCH, {})
    assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Basic realm="mlflow"')


def test_health_stays_200_while_the_database_is_away(world):
    world.break_with("database-failing-over")
    assert ask(world, "/health").status == 200
    answer = ask(world, SEARCH)
    assert (answer.status, error(answer)) == (503, "TEMPORARILY_UNAVAILABLE")
    assert "psycopg2.OperationalError" in json.loads(answer.body)["message"]
    world.advance(150)
    assert ask(world, SEARCH).status == 200


def test_a_hung_task_times_out_every_other_request_until_it_is_out_of_rotation(world):
    world.break_with("task-hangs")
    kinds = []
    for _ in range(4):
        try:
            kinds.append(ask(world, SEARCH).status)
        except HttpFailure as failure:
            kinds.append(failure.kind)
    assert sorted(map(str, kinds)) == ["200", "200", "timeout", "timeout"]
    world.advance(120)
    assert {ask(world, SEARCH).status for _ in range(4)} == {200}


def test_the_load_balancer_gives_up_after_a_minute_where_the_caller_waits_longer(world):
    for task in world.service.live():
        task.hung = True
    answer = ask(world, "/health", timeout_s=90)
    assert (answer.status, answer.headers["server"]) == (504, "awselb/2.0")


def test_no_targets_is_503_and_a_dead_process_502_from_the_load_balancer(world):
    client = world.session().client("ecs")
    for task in world.service.live():
        client.stop_task(cluster=place.CLUSTER, task=task.arn)
    assert ask(world, "/health").status == 503
    world.advance(40)
    answer = ask(world, "/health")
    assert (answer.status, b"502 Bad Gateway" in answer.body) == (502, True), "new tasks still install MLflow"
    world.advance(120)
    assert ask(world, "/health").status == 200


def test_an_error_burst_answers_every_second_api_request_of_one_task_with_500(world):
    world.break_with("error-burst")
    answers = [ask(world, SEARCH).status for _ in range(8)]
    assert answers.count(500) == 2
    assert {ask(world, "/health").status for _ in range(4)} == {200}


def test_artifacts_are_told_apart_as_mlflow_does(world):
    world.break_with("artifacts-broken", how="bucket_missing")
    missing = ask(world, ARTIFACTS + "?path=0")
    assert (missing.status, error(missing)) == (404, "RESOURCE_DOES_NOT_EXIST")
    world.break_with("artifacts-broken", how="s3_unreachable")
    assert ask(world, ARTIFACTS + "?path=0").status == 500
    assert ask(world, SEARCH).status == 200


def test_overload_makes_answers_slow_and_an_impatient_caller_gives_up(world):
    quick = ask(world, SEARCH).elapsed_s
    world.break_with("overload")
    assert ask(world, SEARCH).elapsed_s > 10 * quick
    with pytest.raises(HttpFailure) as failure:
        ask(world, SEARCH, timeout_s=3)
    assert failure.value.kind == "timeout"


@pytest.mark.parametrize(
    ("url", "hosts", "kind"),
    [
        (f"http://{place.URL_HOST}/health", (), "forbidden_address"),
        (f"http://{place.URL_HOST}/health", ("other.example.com",), "forbidden_address"),
        ("http://nowhere.example.com/", ("nowhere.example.com",), "dns"),
        (f"https://{place.URL_HOST}/health", (place.URL_HOST,), "refused"),
        ("http://10.0.1.20:5000/health", ("10.0.1.20",), "refused"),
    ],
)
def test_addresses_fail_as_the_real_port_lets_them_fail(world, url, hosts, kind):
    """S25."""
    with pytest.raises(HttpFailure) as failure:
        world.http.ask(HttpRequest("GET", url, allow_hosts=hosts))
    assert failure.value.kind == kind


def test_an_answer_longer_than_allowed_is_cut_loudly(world):
    with pytest.raises(HttpFailure) as failure:
        ask(world, SEARCH, max_bytes=20)
    assert failure.value.kind == "too_large"
