"""What botocore raises becomes an error of errors.py, here and nowhere else.

with calling("ecs:StopTask"):
    self._client.stop_task(...)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.errors import AwsDenied, AwsError, AwsInvalid, AwsNotFound, AwsThrottled, AwsUnavailable

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "AuthorizationError",
    "AuthorizationErrorException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "KMSAccessDeniedException",
    "NotAuthorized",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
}
_THROTTLED = {
    "LimitExceededException",  # CloudWatch and Logs say this for too many calls
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_NOT_FOUND = {"404", "NoSuchBucket", "NoSuchKey", "NoSuchUpload", "NoSuchVersion", "ImageNotFoundException"}
_NOT_FOUND_ENDINGS = ("NotFound", "NotFoundFault", "NotFoundException", "DoesNotExist")
_OWN_CREDENTIALS = {
    "CredentialRetrievalError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
}
_OUR_MISTAKE = {"ParamValidationError", "InvalidRegionError", "NoRegionError", "UnknownServiceError"}
_SERVER_ERROR = 500


@contextmanager
def calling(operation: str) -> Iterator[None]:
    """`operation` as IAM writes it, so that a denial names the right that is missing."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as exc:
        raise _answered(operation, exc) from exc
    except BotoCoreError as exc:
        raise _unanswered(operation, exc) from exc


def _answered(operation: str, exc: "ClientError") -> AwsError:
    error = exc.response.get("Error", {})
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_of(operation, error.get("Code", "Unknown"), error.get("Message", ""), status)


def error_of(operation: str, code: str, message: str, status: int) -> AwsError:
    """Of an error that AWS answered with, whoever read the answer."""
    kind: type[AwsError]
    if code in _DENIED:
        kind = AwsDenied
    elif code in _THROTTLED:
        kind = AwsThrottled
    elif code in _NOT_FOUND or code.endswith(_NOT_FOUND_ENDINGS):
        kind = AwsNotFound
    elif status >= _SERVER_ERROR:
        kind = AwsUnavailable
    else:
        kind = AwsInvalid
    return kind(operation, code, message)


def _unanswered(operation: str, exc: "BotoCoreError") -> AwsError:
    code = type(exc).__name__
    names = {kind.__name__ for kind in type(exc).__mro__}
    if names & _OWN_CREDENTIALS:
        return AwsDenied(operation, code, str(exc))
    if names & _OUR_MISTAKE:
        return AwsInvalid(operation, code, str(exc))
    return AwsUnavailable(operation, code, str(exc))
