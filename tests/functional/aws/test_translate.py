"""Every error of botocore becomes one of ours, with the operation named and the cause kept."""

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsDenied, AwsInvalid, AwsNotFound, AwsThrottled, AwsUnavailable, PlanModeViolation


def answered(code, status=400):
    response = {"Error": {"Code": code, "Message": "because"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "StopTask")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (answered("AccessDeniedException"), AwsDenied),
        (answered("AccessDenied", 403), AwsDenied),
        (answered("ExpiredTokenException"), AwsDenied),
        (answered("UnrecognizedClientException"), AwsDenied),
        (answered("ThrottlingException"), AwsThrottled),
        (answered("Throttling"), AwsThrottled),
        (answered("SlowDown", 503), AwsThrottled),
        (answered("ServiceNotFoundException"), AwsNotFound),
        (answered("DBInstanceNotFound", 404), AwsNotFound),
        (answered("TargetGroupNotFound"), AwsNotFound),
        (answered("NoSuchKey", 404), AwsNotFound),
        (answered("ExecutionDoesNotExist"), AwsNotFound),
        (answered("ServerException", 500), AwsUnavailable),
        (answered("InternalFailure", 500), AwsUnavailable),
        (answered("InvalidParameterException"), AwsInvalid),
        (NoCredentialsError(), AwsDenied),
        (ParamValidationError(report="desiredCount"), AwsInvalid),
        (EndpointConnectionError(endpoint_url="https://ecs"), AwsUnavailable),
        (ConnectTimeoutError(endpoint_url="https://ecs"), AwsUnavailable),
        (ReadTimeoutError(endpoint_url="https://ecs"), AwsUnavailable),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:60]),
)
def test_an_error_is_translated_and_keeps_its_cause(raised, expected):
    with pytest.raises(expected) as caught, calling("ecs:StopTask"):
        raise raised
    assert type(caught.value) is expected
    assert caught.value.operation == "ecs:StopTask"
    assert caught.value.__cause__ is raised


def test_what_is_not_botocore_s_passes():
    with pytest.raises(PlanModeViolation), calling("ecs:StopTask"):
        raise PlanModeViolation("ecs", "StopTask")
