"""The wire under the S3 lane: signs, sends, counts, retries, and makes an error of whatever is no answer.

botocore signs (70 µs); its client, which takes 1 ms for a copy, is left out. `before-send` is emitted like botocore's
clients do, so that what a session's owner hooked in there (a local S3, a fault, a counter) sees the lane too.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from chalicelib.aws.s3_lane_address import Address, Endpoint
from chalicelib.aws.s3_lane_connections import Connections, Sent, chunks
from chalicelib.aws.s3_lane_keys import KeyRing, SigningKeys
from chalicelib.aws.s3_lane_xml import UnreadableAnswer, read_error
from chalicelib.aws.translate import error_of
from chalicelib.errors import AwsError, AwsInvalid, AwsUnavailable, CopyCancelled, PlanModeViolation, Refused

if TYPE_CHECKING:
    from http.client import HTTPResponse

T = TypeVar("T")
Emit = Callable[[str, Any], Any]
"""(event name, botocore's prepared request) to a response that stands for the server's, or None."""

_OK = range(200, 300)
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
_WORTH_RETRYING = {"ConditionalRequestConflict", "OperationAborted", "RequestTimeout"}
_SERVERS_FAULT = {"InternalError", "ServiceUnavailable"}
_BY_STATUS = {403: "AccessDenied", 412: "PreconditionFailed", 429: "SlowDown", 503: "SlowDown"}
"""Where the body says nothing: HEAD has none, and a proxy writes HTML."""


@dataclass(frozen=True, slots=True)
class Ask:
    kind: str
    """The operation's name in S3's API; with `s3:` before it, what IAM calls most of them."""
    method: str
    bucket: str
    key: str | None = None
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        # S17: nothing that is sent from here can delete a version; `uploadId` aborts an unfinished upload
        if self.method == "DELETE" and {name for name, _ in self.query} - {"uploadId"}:
            raise Refused("S17: the lane sets delete markers, it deletes no versions")


class Headers(Protocol):
    """By names in any case."""

    def get(self, name: str, /) -> str | None: ...

    def items(self) -> Iterable[tuple[str, str]]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Patience:
    attempts: int = 8
    first_s: float = 0.1
    most_s: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int) -> None:
        """Up to twice as long each time, anywhere in between, so that workers do not come back together."""
        self.sleep(self.jitter() * min(self.most_s, self.first_s * 2.0**attempt))


class Wire:
    def __init__(
        self,
        endpoint: Endpoint,
        region: str,
        keys: KeyRing | None,
        *,
        connections: int = 64,
        ca_bundle: str | None = None,
        read_only: bool = False,
        emit: Emit | None = None,
        patience: Patience | None = None,
    ) -> None:
        """`keys` None: asks anonymously. `ca_bundle` None: botocore's own, or certifi's."""
        self._endpoint, self._region, self._keys = endpoint, region, keys
        self._connections, self._ca_bundle = connections, ca_bundle
        self._read_only, self._emit = read_only, emit
        self._patience = patience or Patience()
        self._hosts: dict[str, Connections] = {}
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        """By kind, every attempt; `retries` among them are counted again under that name."""

    def send(self, ask: Ask, read: Callable[[Answer], T], give_up: Callable[[], bool] = lambda: False) -> T:
        """Sends until `read` can make sense of the answer. Everything sent here can be sent twice.

        `give_up` is asked before every repetition: with no time left, patience would outlive the worker.
        """
        self._check_mode(ask)
        renewed = False
        for attempt in range(self._patience.attempts):
            keys = self._keys.current() if self._keys else None
            try:
                return read(self._once(ask, keys))
            except UnreadableAnswer as exc:
                error: AwsError = AwsUnavailable(f"s3:{ask.kind}", "UnreadableAnswer", str(exc))
                error.__cause__ = exc
            except AwsError as exc:
                error = exc
            if error.code in _EXPIRED and keys is not None and self._keys and not renewed:
                renewed = True
                if self._keys.renew(keys):
                    continue
            if not (error.retryable or error.code in _WORTH_RETRYING) or attempt + 1 == self._patience.attempts:
                raise error
            if give_up():
                raise CopyCancelled(ask.key or ask.bucket) from error
            self._count("retries")
            self._patience.pause(attempt)
        raise error

    def stream(self, ask: Ask, chunk: int) -> Iterator[bytes]:
        """The body in chunks, for what is too large to hold. One attempt: what was given out cannot be taken back."""
        self._check_mode(ask)
        keys = self._keys.current() if self._keys else None
        address = self._endpoint.of(ask.bucket, ask.key, ask.query)
        headers = self._signed(ask, address, keys)
        self._count(ask.kind)
        inside = self._answered_inside(ask, address, headers)
        if inside is not None:
            yield _checked(ask, inside).body
            return
        with self._transmitted(ask, address, headers, only_once=True) as response:
            if response.status not in _OK:
                _checked(ask, Answer(response.status, response.headers, response.read()))
            yield from chunks(response, chunk)

    def _check_mode(self, ask: Ask) -> None:
        if self._read_only and ask.method not in {"GET", "HEAD"}:
            raise PlanModeViolation("s3", ask.kind)

    def _once(self, ask: Ask, keys: SigningKeys | None) -> Answer:
        address = self._endpoint.of(ask.bucket, ask.key, ask.query)
        headers = self._signed(ask, address, keys)
        self._count(ask.kind)
        answer = self._answered_inside(ask, address, headers)
        if answer is None:
            with self._transmitted(ask, address, headers) as response:
                answer = Answer(response.status, response.headers, response.read())
        return _checked(ask, answer)

    def _signed(self, ask: Ask, address: Address, keys: SigningKeys | None) -> dict[str, str]:
        headers = {"Host": address.host, **ask.headers}
        if keys is None:
            return headers
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import ReadOnlyCredentials

        request = AWSRequest(ask.method, address.url, headers=headers, data=ask.body)
        frozen = ReadOnlyCredentials(keys.access_key, keys.secret_key, keys.token)
        S3SigV4Auth(frozen, "s3", self._region).add_auth(request)
        return dict(request.headers.items())

    def _answered_inside(self, ask: Ask, address: Address, headers: dict[str, str]) -> Answer | None:
        if self._emit is None:
            return None
        from botocore.awsrequest import AWSPreparedRequest
        from botocore.compat import HTTPHeaders

        named = HTTPHeaders()
        for name, value in headers.items():
            named[name] = value
        prepared = AWSPreparedRequest(ask.method, address.url, named, ask.body, False)
        found = self._emit(f"before-send.s3.{ask.kind}", prepared)
        return None if found is None else Answer(found.status_code, found.headers, found.content)

    @contextmanager
    def _transmitted(
        self, ask: Ask, address: Address, headers: Mapping[str, str], *, only_once: bool = False
    ) -> "Iterator[HTTPResponse]":
        sent = Sent(ask.method, address.path, headers, ask.body, ask.timeout_s, only_once)
        try:
            with self._to(address).answered(sent) as response:
                yield response
        except (HTTPException, OSError) as exc:
            if "CERTIFICATE_VERIFY_FAILED" in str(exc):  # no trying again mends that
                raise AwsInvalid(f"s3:{ask.kind}", "UntrustedCertificate", str(exc)) from exc
            raise AwsUnavailable(f"s3:{ask.kind}", type(exc).__name__, str(exc)) from exc

    def _to(self, address: Address) -> Connections:
        known = self._hosts.get(address.host)
        if known is not None:
            return known
        with self._lock:
            made = Connections(address.scheme, address.host, keep=self._connections, ca_bundle=self._ca_bundle)
            return self._hosts.setdefault(address.host, made)

    def _count(self, kind: str) -> None:
        with self._lock:
            self.requests[kind] += 1


def _checked(ask: Ask, answer: Answer) -> Answer:
    error = _error(ask, answer)
    if error is not None:
        raise error
    return answer


def _error(ask: Ask, answer: Answer) -> AwsError | None:
    """S3 says `200` before a copy is done, and may find an `<Error>` to say after it."""
    late = answer.status in _OK and b"<Error" in answer.body[:1024] and ask.method in {"PUT", "POST"}
    if answer.status in _OK and not late:
        return None
    told = read_error(answer.body)
    if told is None and late:
        return None
    code, message = told or (_BY_STATUS.get(answer.status, str(answer.status)), "the server did not say why")
    status = answer.status if not late else 500 if code in _SERVERS_FAULT else 400
    return error_of(f"s3:{ask.kind}", code, message, status)
