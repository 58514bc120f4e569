"""lambda:InvokeFunction: one try, and whatever the function did not say by itself is an error without its text."""

import io

import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from chalicelib.aws.gateways import Aws
from chalicelib.aws.lambda_invoke import LambdaInvoke, reach_function
from chalicelib.errors import AwsDenied, AwsError, AwsInvalid, AwsNotFound, AwsThrottled, AwsUnavailable
from chalicelib.models.stack import Stack
from tests.aws_sessions import aws_session

STACK = {"stack": "churn", "region": "eu-west-2", "ecs": {"cluster": "c", "service": "s"}}
NETWORK = {"subnets": ["subnet-0123456789abcdef0"], "securityGroups": ["sg-0123456789abcdef0"]}
SENT = {"FunctionName": "f", "InvocationType": "RequestResponse", "Payload": b'{"password": "canary-7710"}'}


@pytest.fixture
def invoked():
    session = aws_session(region_name="eu-west-2", aws_access_key_id="AK", aws_secret_access_key="SK")
    client = session.client("lambda")
    with Stubber(client) as stub:

        def invoke(body=b"{}", *, error=None, refused=None, status=400):
            if refused:
                stub.add_client_error("invoke", refused, "canary-7710", http_status_code=status)
            else:
                answer = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body))}
                stub.add_response("invoke", answer | ({"FunctionError": error} if error else {}), SENT)
            return LambdaInvoke(client).ask("f", SENT["Payload"], max_bytes=100)

        yield invoke


def test_the_answer_comes_back_as_it_is(invoked):
    assert invoked(b'{"said": 1}') == b'{"said": 1}'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"errorType": "Sandbox.Timedout", "errorMessage": "canary-7710"}', "FunctionError.Sandbox.Timedout"),
        (b'{"errorMessage": "2026-11-20T10:00:00Z x Task timed out after 20.00 seconds"}', "FunctionError.TimedOut"),
        (b'{"errorType": "canary 7710; rm"}', "FunctionError"),
        (b"canary-7710", "FunctionError"),
        (b"[1]", "FunctionError"),
    ],
)
def test_a_function_that_ends_badly_is_told_by_lambda_s_word_and_never_by_its_text(invoked, body, code):
    with pytest.raises(AwsUnavailable) as caught:
        invoked(body, error="Unhandled")
    assert caught.value.code == code
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        ("ResourceNotFoundException", AwsNotFound),
        ("AccessDeniedException", AwsDenied),
        ("TooManyRequestsException", AwsThrottled),
        ("EC2ThrottledException", AwsError),
    ],
)
def test_a_refused_call_is_one_of_our_errors(invoked, refused, kind):
    with pytest.raises(kind):
        invoked(refused=refused)


def test_an_answer_without_end_is_cut_off(invoked):
    with pytest.raises(AwsInvalid, match="more than 100 bytes"):
        invoked(b"x" * 5000)


def test_it_is_tried_once_and_waited_for_longer_than_anything_that_may_be_asked():
    session = aws_session(region_name="eu-west-2", aws_access_key_id="AK", aws_secret_access_key="SK")
    made = []

    class Watched:
        def client(self, service, **given):
            made.append(given["config"])
            return session.client(service, **given)

    assert Aws(Watched(), "eu-west-2").lambda_invoke
    assert made[0].retries == {"mode": "standard", "total_max_attempts": 1}
    assert made[0].read_timeout > 15


def of(network, **over):
    return reach_function("prod", Stack.model_validate({**STACK, "network": network, **over}))


def test_stacks_of_the_same_subnets_and_groups_share_a_function_and_others_do_not():
    two = {**NETWORK, "subnets": ["subnet-0a1b2c3d", "subnet-0123456789abcdef0"]}
    assert of(NETWORK) == of(NETWORK, stack="a" * 64)
    assert of(two) == of({**two, "subnets": two["subnets"][::-1]})
    names = {of(NETWORK), of(two), of({**NETWORK, "securityGroups": ["sg-0a1b2c3d"]})}
    assert len(names) == 3
    assert all(name.startswith("mlflow-steward-prod-reach-") and len(name) <= 64 for name in names)


def test_a_stack_may_name_a_function_that_is_there_already():
    assert of({**NETWORK, "function": "shared-reach"}) == "shared-reach"


@pytest.mark.parametrize(
    "wrong",
    [
        {"subnets": []},
        {"subnets": ["10.0.0.0/24"]},
        {"securityGroups": []},
        {"securityGroups": ["default"]},
        {"function": "http://example.com"},
        {"vpc": "vpc-1"},
    ],
)
def test_a_network_that_no_function_could_live_in_is_a_mistake_in_the_stack_file(wrong):
    with pytest.raises(ValueError, match="network"):
        Stack.model_validate({**STACK, "network": {**NETWORK, **wrong}})
