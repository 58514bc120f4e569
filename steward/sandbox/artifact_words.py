"""What MLflow answers and prints when it cannot reach its artifacts: by what S3 said to it, or did not say."""

from steward.sandbox import place
from steward.sandbox.bucket import S3Error

WHERE = f"s3://{place.BUCKET}/{place.PREFIX}"
_KEY = f"{place.BUCKET}/{place.PREFIX}/0/c7d4/artifacts/model.pkl"
_ENDPOINT = f"https://{place.BUCKET}.s3.{place.REGION}.amazonaws.com/{place.PREFIX}/0/c7d4/artifacts/model.pkl"
_BY_CODE = {
    "NoSuchBucket": (404, "RESOURCE_DOES_NOT_EXIST", "RESOURCE_NOT_FOUND"),
    "AccessDenied": (403, "PERMISSION_DENIED", "PERMISSION_DENIED"),
}
_MODELED = {"NoSuchBucket", "AccessDenied"}
"""Errors that botocore has classes of their own for."""
_CAUSED = ("", "The above exception was the direct cause of the following exception:", "")
_REPO = "/usr/local/lib/python3.11/site-packages/mlflow/store/artifact/s3_artifact_repo.py"
_TRACEBACK = ("Traceback (most recent call last):", f'  File "{_REPO}", line 306, in log_artifact')


def listing_error(error: S3Error) -> tuple[int, str, str, str]:
    """Status, error code, message and error class of a refused listing."""
    status, code, kind = _BY_CODE.get(error.code, (500, "INTERNAL_ERROR", "CLIENT_INTERNAL_ERROR"))
    return status, code, f"Failed to list artifacts in {WHERE}: {error.message}", kind


def upload_failed(error: S3Error) -> tuple[str, ...]:
    called = error.calling("PutObject")
    raised = f"botocore.errorfactory.{error.code}" if error.code in _MODELED else "botocore.exceptions.ClientError"
    return (
        "{at} ERROR:    Exception in ASGI application",
        *_TRACEBACK,
        f"{raised}: {called}",
        *_CAUSED,
        *_TRACEBACK,
        f"boto3.exceptions.S3UploadFailedError: Failed to upload /tmp/tmpq3v8x1c2/model.pkl to {_KEY}: {called}",
    )


def s3_unreachable() -> tuple[str, ...]:
    return (
        "{at} ERROR:    Exception in ASGI application",
        *_TRACEBACK,
        f'botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "{_ENDPOINT}"',
    )
