"""mlflow.auth: whether a login is asked for, and whether the stack's is taken."""

import pytest

from chalicelib.net.http import HttpAnswer, HttpFailure
from chalicelib.steps.probes.mlflow_auth import Auth
from chalicelib.steps.step import NoParams

CHALLENGE = HttpAnswer(401, {"www-authenticate": 'Basic realm="mlflow"'}, b"", 0.1)
FINE = HttpAnswer(200, {}, b'{"experiments": []}', 0.1)


@pytest.fixture
def guarded(world):
    world.stack |= {"mlflow": {"auth": "basic", "adminSecret": "churn/admin"}, "url": "https://churn-alb.example.com"}
    world.answers = lambda request: FINE if "Authorization" in request.headers else CHALLENGE
    return world


def read(world):
    return Auth().read(world.ctx(), NoParams())


def test_a_challenge_and_a_login_that_is_taken(guarded):
    output = read(guarded)
    assert (output.challenged, output.open, output.login_sent, output.login_accepted) == (True, False, True, True)
    assert "canary" not in repr(output)


def test_a_login_that_is_refused(guarded):
    guarded.answers = lambda request: CHALLENGE
    assert read(guarded).login_accepted is False


def test_a_login_is_taken_also_where_the_database_behind_it_is_down(guarded):
    ill = HttpAnswer(503, {}, b'{"error_code": "TEMPORARILY_UNAVAILABLE"}', 0.1)
    guarded.answers = lambda request: ill if "Authorization" in request.headers else CHALLENGE
    assert read(guarded).login_accepted is True


def test_an_api_that_answers_anybody_is_open(guarded):
    guarded.answers = lambda request: FINE
    output = read(guarded)
    assert (output.configured, output.open, output.challenged, output.login_sent) == (True, True, False, False)


def test_a_401_without_a_challenge_is_no_login(guarded):
    guarded.answers = lambda request: HttpAnswer(401, {}, b"", 0.1)
    assert read(guarded).challenged is False


def test_s25_no_login_goes_over_plain_http_unless_the_stack_says_so(guarded):
    guarded.stack["url"] = "http://churn-alb.example.com"
    output = read(guarded)
    assert (output.challenged, output.login_sent, output.login_accepted) == (True, False, None)
    assert "allowPlainHttp" in output.detail
    assert not any("Authorization" in request.headers for request in guarded.requests)
    guarded.stack["allowPlainHttp"] = True
    assert read(guarded).login_accepted is True


def test_s3_no_way_there_and_a_secret_that_cannot_be_read_are_skipped(guarded):
    guarded.gone_secrets.add("churn/admin")
    output = read(guarded)
    assert (output.challenged, output.login_accepted) == (True, None)
    assert "GetSecretValue" in (output.skipped or "")

    def refuse(request):
        raise HttpFailure("dns", "no")

    guarded.answers = refuse
    assert read(guarded).skipped == "not reachable from here: dns"
