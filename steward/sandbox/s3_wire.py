"""The world's S3 below the clients: what the copy lane sends is noted and answered here, troubles and all.

The lane is no client of botocore and passes no `before-call`; it emits `before-send` alone. Conditions on copies and
the world's own time on objects are supplied here too, since moto has neither.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from steward.sandbox import place
from steward.sandbox.answers import Declined
from steward.sandbox.bucket import Bucket, BucketAnswers
from steward.sandbox.moto_objects import key_of, put_object
from steward.sandbox.moto_road import moto_answer, take_the_road
from steward.sandbox.other_account import owner_of
from steward.sandbox.overrides import Call

if TYPE_CHECKING:
    import boto3
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

Died = Callable[[str, str], None]
_WRITES = ("PutObject", "CopyObject", "DeleteObject", "CompleteMultipartUpload", "UploadPartCopy")
_CHANGED = ("PutObject", "CopyObject", "CompleteMultipartUpload")


@dataclass
class CopyTroubles:
    """What happens to copies from now on; counts go down as it does."""

    slow_downs: int = 0
    errors: int = 0
    truncated: int = 0
    garbled: int = 0
    """As long as it should be, with the ETag that it should have, and the first byte another."""
    changing: int = 0
    denied_after: int | None = None
    """So many more copies are allowed."""
    copies: list[str] = field(default_factory=list)
    """Keys that were copied, in order."""

    def refusal(self) -> Declined | None:
        if self.slow_downs > 0:
            self.slow_downs -= 1
            return Declined("SlowDown", "Please reduce your request rate.", 503)
        if self.errors > 0:
            self.errors -= 1
            return Declined("InternalError", "We encountered an internal error. Please try again.", 500)
        if self.denied_after is None:
            return None
        self.denied_after -= 1
        return Declined("AccessDenied", "Access Denied", 403) if self.denied_after < 0 else None


class S3Wire:
    def __init__(
        self,
        bucket: Bucket,
        now: Callable[[], datetime],
        calls: list[Call],
        prepare: Callable[[str], None],
        lock: threading.RLock,
    ) -> None:
        self._answers, self._now, self._calls = BucketAnswers(bucket).table(), now, calls
        self._prepare, self._lock = prepare, lock
        self.troubles = CopyTroubles()
        self.on_call: Died = lambda _when, _operation: None
        """The crash harness: before and after each call of the lane."""

    def register(self, session: "boto3.Session") -> None:
        take_the_road(session.events, self._before_send)

    def date(self, bucket: str, key: str, at: datetime) -> None:
        """The object was written then."""
        found = key_of(bucket, key)
        if found is not None:
            found.last_modified = at.replace(tzinfo=None)

    def _before_send(
        self, request: "AWSPreparedRequest", event_name: str = "", **_sent: object
    ) -> "AWSResponse | None":
        if not event_name.startswith("before-send.s3."):
            return moto_answer(request, event_name)
        operation = event_name.rpartition(".")[2]
        params = _params(request)
        by_lane = "User-Agent" not in request.headers  # clients name themselves, the lane does not
        if by_lane:
            self._prepare("s3")
            self.on_call("before", operation)
        with self._lock:
            if by_lane:
                self._calls.append(Call(self._now(), "s3", operation, params))
            answer = self._answered(request, operation, params, by_lane=by_lane)
        if by_lane:
            self.on_call("after", operation)
        return answer

    def _answered(
        self, request: "AWSPreparedRequest", operation: str, params: dict[str, Any], *, by_lane: bool
    ) -> "AWSResponse":
        try:
            if by_lane and operation in self._answers:
                self._answers[operation](params, self._now())
            _check_owner(request)
            if operation == "CopyObject":
                self._before_copy(request, params)
            elif operation == "CompleteMultipartUpload":
                _check_conditions(request, None, (params["Bucket"], params["Key"]))
        except Declined as declined:
            return refusal_of(request, declined)
        answer = cast("AWSResponse", moto_answer(request, f"before-send.s3.{operation}"))
        if operation in _CHANGED and answer.status_code < 300:  # noqa: PLR2004
            self._after_change(operation, params)
        return answer

    def _before_copy(self, request: "AWSPreparedRequest", params: dict[str, Any]) -> None:
        refusal = self.troubles.refusal()
        if refusal is not None:
            raise refusal
        origin = _source_of(request)
        if self.troubles.changing > 0 and origin is not None:
            self.troubles.changing -= 1
            put_object(origin[0], origin[1], b"somebody wrote this while it was copied\n")
        _check_conditions(request, origin, (params["Bucket"], params["Key"]))

    def _after_change(self, operation: str, params: dict[str, Any]) -> None:
        made = key_of(params["Bucket"], params["Key"])
        if made is None:
            return
        if operation == "CopyObject":
            self.troubles.copies.append(params["Key"])
            if self.troubles.truncated > 0:
                self.troubles.truncated -= 1
                made.value = made.value[: len(made.value) // 2]
            if self.troubles.garbled > 0:
                self.troubles.garbled -= 1
                etag, made.value = made.etag.strip('"'), bytes([made.value[0] ^ 1]) + made.value[1:]
                made._etag = etag  # noqa: SLF001 - moto has no other way
        made.last_modified = self._now().replace(tzinfo=None)


def lane_request(request: "AWSPreparedRequest") -> dict[str, Any] | None:
    """What the lane asks for, its copies' source included; None: a client of botocore sent it."""
    if "User-Agent" in request.headers:
        return None
    source = _header(request, "x-amz-copy-source")
    return _params(request) | ({"CopySource": source} if source else {})


def _params(request: "AWSPreparedRequest") -> dict[str, Any]:
    """Bucket and key, whether the bucket stands in the host or in the path."""
    parts = urlsplit(request.url)
    host, path = parts.netloc.split(":")[0], unquote(parts.path).lstrip("/")
    bucket, dot, _ = host.partition(".s3.")
    if not dot:
        bucket, _, path = path.partition("/")
    given: dict[str, Any] = {"Bucket": bucket, **({"Key": path} if path else {})}
    named = {"versionId": "VersionId", "prefix": "Prefix", "start-after": "StartAfter", "partNumber": "PartNumber"}
    return given | {named[name]: value for name, value in parse_qsl(parts.query) if name in named}


def _header(request: "AWSPreparedRequest", name: str) -> str | None:
    value = request.headers.get(name)
    text = value.decode() if isinstance(value, bytes) else value
    return text.strip('"') if text else None


def _source_of(request: "AWSPreparedRequest") -> tuple[str, str, str | None] | None:
    written = _header(request, "x-amz-copy-source")
    if written is None:
        return None
    path, _, version = written.partition("?versionId=")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    return bucket, key, version or None


def _check_conditions(
    request: "AWSPreparedRequest", origin: tuple[str, str, str | None] | None, target: tuple[str, str]
) -> None:
    wanted = _header(request, "x-amz-copy-source-if-match")
    source = key_of(*origin) if origin else None
    if wanted and source is not None and source.etag.strip('"') != wanted:
        raise _precondition("x-amz-copy-source-If-Match")
    there = key_of(*target)
    if _header(request, "If-None-Match") == "*" and there is not None:
        raise _precondition("If-None-Match")
    over = _header(request, "If-Match")
    if over and (there is None or there.etag.strip('"') != over):
        raise _precondition("If-Match")


def _check_owner(request: "AWSPreparedRequest") -> None:
    """moto does not look at who is expected."""
    expected = _header(request, "x-amz-expected-bucket-owner")
    if expected and expected != (owner_of(_params(request)["Bucket"]) or place.ACCOUNT):
        raise Declined("AccessDenied", "Access Denied", 403)


def _precondition(which: str) -> Declined:
    return Declined(
        "PreconditionFailed", f"At least one of the pre-conditions you specified did not hold ({which})", 412
    )


def refusal_of(request: "AWSPreparedRequest", declined: Declined) -> "AWSResponse":
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders
    from moto.core.botocore_stubber import MockRawResponse

    told = f"<Error><Code>{declined.code}</Code><Message>{declined.message}</Message></Error>"
    headers = HTTPHeaders()
    headers["content-type"] = "application/xml"
    return AWSResponse(request.url, declined.status, headers, MockRawResponse(f'<?xml version="1.0"?>{told}'))
