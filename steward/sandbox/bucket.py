"""The bucket of the artifacts: whether S3 serves it, what S3 says when not, and to whom.

Two ask: MLflow with the task's role, and Steward with its own. A policy on the bucket stops both; a
right that only the task's role lacks stops MLflow alone.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from steward.sandbox import place
from steward.sandbox.answers import HEADERS, Answer, Answers, Declined, Params
from steward.sandbox.leftovers import Leftovers
from steward.sandbox.task import Task

OTHER_REGION = "eu-central-1"
KMS_KEY_ARN = place.arn("kms", "key/0d9f6c1e-52b7-4f1a-9a0e-6a1c7d3e8b42")
ENDPOINT = "MLFLOW_S3_ENDPOINT_URL"
_ROLE = place.TASK_ROLE_ARN.rsplit("/", 1)[-1]


class Store(StrEnum):
    """How it stands. Plain text where it is set, so that a fault can take it as a parameter."""

    OK = "ok"
    MISSING = "bucket_missing"
    UNREACHABLE = "s3_unreachable"
    DENIED = "denied"
    ELSEWHERE = "wrong_region"
    KMS_DENIED = "kms_denied"


@dataclass(frozen=True)
class S3Error:
    code: str
    message: str
    status: int

    def calling(self, operation: str) -> str:
        """As botocore words it."""
        return f"An error occurred ({self.code}) when calling the {operation} operation: {self.message}"


@dataclass
class Bucket:
    state: str = Store.OK
    only_tasks: bool = False
    """What is denied is denied to the task's role, and to nobody else."""
    leftovers: Leftovers = field(default_factory=Leftovers)
    recovery_points: list[datetime] = field(default_factory=list)
    """What AWS Backup keeps of it."""
    keys: dict[str, str] = field(default_factory=dict)
    """Customers' keys by the bucket that encrypts with them, this one or another; who may use them is IAM's to say."""

    key_policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of keys of other accounts: what they say of whoever is not of that account."""

    def backup(self) -> Answers:
        """AWS Backup's answers."""

        def points(params: Params, _now: datetime) -> dict[str, Any]:
            there = self.recovery_points if params["ResourceArn"].endswith(f":::{place.BUCKET}") else []
            return {"RecoveryPoints": [{"Status": "COMPLETED", "CreationDate": at} for at in there]}

        return {"ListRecoveryPointsByResource": points}

    @property
    def region(self) -> str:
        return OTHER_REGION if self.state == Store.ELSEWHERE else place.REGION

    def error_for(self, task: Task, action: str) -> S3Error | None:
        """What MLflow in this task gets for an s3 action, as IAM names it. Unreachable is no answer at all."""
        if self.state == Store.ELSEWHERE:
            # boto3 follows a bucket into its region, unless it is told where to ask.
            asks = task.environment.get(ENDPOINT, "")
            return _elsewhere() if f".{place.REGION}." in asks else None
        return self._error(action, f"arn:aws:sts::{place.ACCOUNT}:assumed-role/{_ROLE}/{task.id}")

    def error_for_steward(self, action: str) -> S3Error | None:
        if self.only_tasks and self.state == Store.DENIED:
            return None
        return self._error(action, f"arn:aws:sts::{place.ACCOUNT}:assumed-role/steward/sandbox")

    def _error(self, action: str, who: str) -> S3Error | None:
        if self.state == Store.MISSING:
            return S3Error("NoSuchBucket", "The specified bucket does not exist", 404)
        if self.state == Store.DENIED:
            what = place.BUCKET if action == "s3:ListBucket" else f"{place.BUCKET}/*"
            why = (
                "no identity-based policy allows" if self.only_tasks else "an explicit deny in a resource-based policy"
            )
            ends = f"{why} the {action} action" if self.only_tasks else why
            said = (
                f'User: {who} is not authorized to perform: {action} on resource: "arn:aws:s3:::{what}" because {ends}'
            )
            return S3Error("AccessDenied", said, 403)
        kms = {"s3:PutObject": "kms:GenerateDataKey", "s3:GetObject": "kms:Decrypt"}.get(action)
        if self.state == Store.KMS_DENIED and kms:
            said = f"User: {who} is not authorized to perform: {kms} on resource: {KMS_KEY_ARN}"
            why = "because no resource-based policy allows the"
            return S3Error("AccessDenied", f"{said} {why} {kms} action", 403)
        return None


def _elsewhere() -> S3Error:
    said = f"The authorization header is malformed; the region '{place.REGION}' is wrong; expecting '{OTHER_REGION}'"
    return S3Error("AuthorizationHeaderMalformed", said, 400)


class BucketAnswers:
    """S3's answers to the product where the bucket's state changes them; moto gives all others."""

    _ACTIONS = {
        "HeadBucket": "s3:ListBucket",
        "ListObjects": "s3:ListBucket",
        "ListObjectsV2": "s3:ListBucket",
        "ListObjectVersions": "s3:ListBucketVersions",
        "GetObject": "s3:GetObject",
        "HeadObject": "s3:GetObject",
        "PutObject": "s3:PutObject",
        "CopyObject": "s3:PutObject",
        "CreateMultipartUpload": "s3:PutObject",
        "UploadPart": "s3:PutObject",
        "CompleteMultipartUpload": "s3:PutObject",
        "DeleteObject": "s3:DeleteObject",
        "DeleteObjects": "s3:DeleteObject",
        "GetBucketLocation": "s3:GetBucketLocation",
        "GetBucketVersioning": "s3:GetBucketVersioning",
        "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    }

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def table(self) -> Answers:
        return {operation: self._answer(operation, action) for operation, action in self._ACTIONS.items()}

    def _answer(self, operation: str, action: str) -> Answer:
        def answer(params: Params, _now: datetime) -> dict[str, Any] | None:
            key = self._bucket.keys.get(params.get("Bucket", ""))
            if key is not None and operation == "GetBucketEncryption":
                return _encrypted({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key})
            if params.get("Bucket") != place.BUCKET:
                return None
            error = self._bucket.error_for_steward(action)
            if error is None:
                return self._facts(operation) or self._bucket.leftovers.facts(operation, params)
            if operation.startswith("Head"):  # an answer to HEAD has no body to carry code and message
                names = {403: "Forbidden", 404: "Not Found"}
                raise Declined(str(error.status), names[error.status], error.status)
            raise Declined(error.code, error.message, error.status)

        return answer

    def _facts(self, operation: str) -> dict[str, Any] | None:
        if self._bucket.state == Store.ELSEWHERE:
            if operation == "HeadBucket":
                return {"BucketRegion": OTHER_REGION, HEADERS: {"x-amz-bucket-region": OTHER_REGION}}
            if operation == "GetBucketLocation":
                return {"LocationConstraint": OTHER_REGION}
        if operation == "GetBucketEncryption":
            by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KMS_KEY_ARN}
            used = by_key if self._bucket.state == Store.KMS_DENIED else {"SSEAlgorithm": "AES256"}
            return _encrypted(used)
        return None


def _encrypted(used: dict[str, str]) -> dict[str, Any]:
    rule = {"ApplyServerSideEncryptionByDefault": used, "BucketKeyEnabled": used["SSEAlgorithm"] == "aws:kms"}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
