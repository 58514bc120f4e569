"""s3.bucket_access: how the artifact bucket stands, and what Steward itself may do there.

A denial here is Steward's own; whether MLflow's role is denied, its own answers and logs say (S3).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from chalicelib.aws.s3 import S3, Encryption
from chalicelib.errors import AwsDenied, AwsError, AwsNotFound, AwsUnavailable
from chalicelib.models.stack import ArtifactsPart
from chalicelib.models.step_index import Permission
from chalicelib.steps.artifact_store import READ_ENDPOINT_KEYS, open_store, why_no_endpoint
from chalicelib.steps.blindness import denied, unseen
from chalicelib.steps.key_permissions import READ_WITH_SOURCE_KEY
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_BUCKET = "arn:{partition}:s3:::{bucket}"
_NOT_REACHED = {"dns", "refused", "tls", "timeout", "protocol"}
T = TypeVar("T")


class BucketOutput(Output):
    """None always means: not known, because it did not get that far or may not read it."""

    applicable: bool
    """False: the stack names no bucket."""
    skipped: str | None = None
    endpoint: str | None = None
    """Where the bucket is, when it is not Amazon's."""
    endpoint_reachable: bool | None = None
    exists: bool | None = None
    region: str | None = None
    region_matches: bool | None = None
    """Whether that is the stack's region."""
    versioning: str | None = None
    """Enabled, Suspended or Off."""
    encryption: str | None = None
    """AES256, aws:kms, aws:kms:dsse or none."""
    kms_key: str | None = None
    empty: bool | None = None
    """Nothing lies under the stack's prefix."""
    can_list: bool | None = None
    can_read: bool | None = None
    denied: tuple[str, ...] = ()
    """What Steward was refused: rights to give it, no cause of anything."""


class BucketAccess(Probe[NoParams, BucketOutput]):
    """Whether the artifact bucket exists, where it is, how it is kept, and whether it can be listed and read.

    ```yaml
    - id: bucket
      do: s3.bucket_access
    ```
    """

    name = "s3.bucket_access"
    Params = NoParams
    Output = BucketOutput
    permissions = (
        Permission(action="s3:ListBucket", resource=_BUCKET, why="whether the bucket is there and can be listed"),
        Permission(action="s3:GetBucketVersioning", resource=_BUCKET, why="whether old versions are kept"),
        Permission(action="s3:GetEncryptionConfiguration", resource=_BUCKET, why="how new objects are encrypted"),
        Permission(action="s3:GetObject", resource=f"{_BUCKET}/*", why="whether one byte of one object can be read"),
        *READ_WITH_SOURCE_KEY,
        READ_ENDPOINT_KEYS,
    )

    def read(self, ctx: StepContext, params: NoParams) -> BucketOutput:  # noqa: ARG002 - it has none
        artifacts = ctx.stack.artifacts
        if artifacts is None:
            return BucketOutput(applicable=False)
        failure = why_no_endpoint(ctx, artifacts)
        if failure is not None:
            is_fact = ctx.in_network and failure.kind in _NOT_REACHED
            return BucketOutput(
                applicable=True,
                skipped=None if is_fact else unseen(f"{artifacts.endpoint}: {failure.kind}"),
                endpoint=artifacts.endpoint,
                endpoint_reachable=False if is_fact else None,
            )
        try:
            return _look(ctx, artifacts, open_store(ctx, artifacts))
        except AwsError as error:
            return BucketOutput(applicable=True, skipped=denied(error), endpoint=artifacts.endpoint)


@dataclass
class _Asking:
    """Each question by itself: one right that is missing hides nothing else."""

    refused: list[str] = field(default_factory=list)
    unanswered: AwsUnavailable | None = None

    def ask(self, question: Callable[[], T]) -> T | None:
        try:
            return question()
        except AwsDenied as error:
            self.refused.append(f"{error.operation}: {error.code}")
        except AwsNotFound:
            raise
        except AwsUnavailable as error:
            self.unanswered = error
            self.refused.append(f"{error.operation}: {error.code}")
        except AwsError as error:  # servers that speak only a part of S3
            self.refused.append(f"{error.operation}: {error.code}")
        return None


def _look(ctx: StepContext, artifacts: ArtifactsPart, store: S3) -> BucketOutput:
    asking, bucket = _Asking(), artifacts.bucket
    known = BucketOutput(
        applicable=True, endpoint=artifacts.endpoint, endpoint_reachable=True if artifacts.endpoint else None
    )
    try:
        region = asking.ask(lambda: store.region_of(bucket))
        versioning = asking.ask(lambda: store.versioning(bucket))
        encryption = asking.ask(lambda: store.encryption(bucket) or Encryption("none", None))
        key = asking.ask(lambda: _Key(store.first_key(bucket, artifacts.prefix)))
    except AwsNotFound:
        return known.model_copy(update={"exists": False})
    own = artifacts.endpoint is None
    if not own and key is None and region is None and asking.unanswered:
        # It is there (that was asked in the stack's network), and cannot be asked for its objects from here (S3).
        return known.model_copy(update={"skipped": denied(asking.unanswered)})
    return known.model_copy(
        update={
            "exists": True if region or key else None,
            "region": region if own else None,
            "region_matches": region == ctx.stack.region if region and own else None,
            "versioning": versioning,
            "encryption": encryption.algorithm if encryption else None,
            "kms_key": encryption.key if encryption else None,
            "empty": key.name is None if key else None,
            "can_list": key is not None,
            "can_read": _can_read(asking, store, bucket, key.name) if key and key.name else None,
            "denied": tuple(dict.fromkeys(asking.refused)),
        }
    )


@dataclass(frozen=True)
class _Key:
    """An answer that may be "none", apart from no answer."""

    name: str | None


def _can_read(asking: _Asking, store: S3, bucket: str, key: str) -> bool | None:
    def read() -> bool:
        store.can_read(bucket, key)
        return True

    try:
        return asking.ask(read) is True
    except AwsNotFound:  # deleted between the two questions
        return None
