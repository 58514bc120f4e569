"""mlflow.try_versions: which version of the admin's secret MLflow accepts; never a value (S29)."""

import base64
from types import SimpleNamespace

import pytest

from chalicelib.aws.secrets import Login
from chalicelib.errors import AwsNotFound
from chalicelib.models.check import Answer
from chalicelib.net.http import HttpAnswer, HttpFailure
from chalicelib.steps.login_judgements import login_works
from chalicelib.steps.probes.mlflow_try_versions import TryAdminVersions
from chalicelib.steps.step import NoParams

PASSWORDS = {"v1": "canary-old-1", "v2": "canary-now-2", "v3": "canary-next-3"}


def login(name, version):
    if version not in PASSWORDS:
        raise AwsNotFound("secretsmanager:GetSecretValue", "ResourceNotFoundException", name)
    return Login("admin", PASSWORDS[version])


@pytest.fixture
def guarded(world):
    world.stack |= {"mlflow": {"auth": "basic", "adminSecret": "churn/admin"}, "url": "https://churn-alb.example.com"}
    return world


def read(world, takes, stages=None, answer=None):
    wanted = "Basic " + base64.b64encode(f"admin:{PASSWORDS.get(takes)}".encode()).decode()

    def answers(request):
        if answer is not None:
            if isinstance(answer, HttpFailure):
                raise answer
            return answer
        return HttpAnswer(200 if request.headers["Authorization"] == wanted else 401, {}, b"{}", 0.1)

    world.answers = answers
    ctx = world.ctx()
    known = stages or {"AWSCURRENT": "v2", "AWSPREVIOUS": "v1", "AWSPENDING": "v3"}
    ctx.aws.secrets = SimpleNamespace(versions=lambda _name: known, login=login)
    return TryAdminVersions().read(ctx, NoParams())


def test_when_the_current_one_works_no_other_is_tried(guarded):
    output = read(guarded, "v2")
    assert login_works(output) == (Answer.TRUE, "MLflow accepts AWSCURRENT of churn/admin")
    (request,) = guarded.requests
    assert request.url.endswith("/api/2.0/mlflow/users/get?username=admin")


@pytest.mark.parametrize(("takes", "said"), [("v1", "AWSPREVIOUS works"), ("v3", "AWSPENDING works")])
def test_when_it_is_refused_the_version_that_works_is_named(guarded, takes, said):
    output = read(guarded, takes)
    assert login_works(output) == (Answer.FALSE, f"MLflow refuses AWSCURRENT of churn/admin; {said}")


def test_when_none_works_it_says_that(guarded):
    assert "none of its other versions works either" in read(guarded, "v9").outcome


def test_s3_a_server_that_is_ill_or_out_of_reach_says_nothing_about_the_secret(guarded):
    output = read(guarded, "v2", answer=HttpAnswer(503, {}, b"", 0.1))
    assert (login_works(output)[0], len(output.versions)) == (Answer.UNKNOWN, 1)
    output = read(guarded, "v2", answer=HttpFailure("timeout", "no answer within 5 s"))
    assert login_works(output)[0] is Answer.UNKNOWN


def test_without_basic_auth_or_an_admin_it_does_not_apply(guarded):
    guarded.stack |= {"mlflow": {"auth": "none"}}
    assert login_works(read(guarded, "v2"))[0] is Answer.NOT_APPLICABLE


def test_s25_no_login_goes_over_plain_http_unless_the_stack_says_so(guarded):
    guarded.stack["url"] = "http://churn-alb.example.com"
    assert login_works(read(guarded, "v2"))[0] is Answer.UNKNOWN
    assert guarded.requests == []


def test_s29_no_value_is_in_what_it_says(guarded):
    assert "canary" not in read(guarded, "v1").model_dump_json()
