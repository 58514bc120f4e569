"""The words that cross to the function `reach` and back: known kinds only, bounded, with a version.

Secrets are `SecretStr` in here, so that no repr, log or error shows them; `sealed` alone writes their
values, into the payload of the one call that carries them. What cannot be read is told by the number of
its mistakes, never by its content.
"""

import base64
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    SerializationInfo,
    StringConstraints,
    ValidationError,
)

from chalicelib.errors import InputError
from chalicelib.models.shape import Shape
from chalicelib.net.database_login import DatabaseFacts, DatabaseRequest
from chalicelib.net.directory_login import DirectoryFacts, DirectoryRequest
from chalicelib.net.http import HttpAnswer, HttpRequest

VERSION: Literal[1] = 1
MOST_ASKED = 64 * 1024
"""Bytes of a request: a login, a url with its headers, a small body."""
_MOST_PAGE = 4 * 1024 * 1024
MOST_ANSWERED = 6 * 1024 * 1024
"""Bytes of an answer: what Lambda takes; the largest page in base64 fits, and there is room around it."""
_SEALED = "sealed"


class ReachUnreadable(InputError):
    def __init__(self, what: str, mistakes: int) -> None:
        self.mistakes = mistakes
        super().__init__(f"the {what} cannot be read ({mistakes} {'mistake' if mistakes == 1 else 'mistakes'})")


class _Word(Shape):
    model_config = ConfigDict(hide_input_in_errors=True)


def _only_sealed(value: SecretStr, info: SerializationInfo) -> str:
    return value.get_secret_value() if info.context == _SEALED else str(value)


Secret = Annotated[
    SecretStr, Field(max_length=16 * 1024), PlainSerializer(_only_sealed, return_type=str, when_used="json")
]
Short = Annotated[str, StringConstraints(max_length=256)]
Long = Annotated[str, StringConstraints(max_length=2048)]
Host = Annotated[str, StringConstraints(min_length=1, max_length=253)]
LONGEST_S = 15.0
"""What asks for more gets this: the function that waits, and whoever waits for it, end some time."""
Within = Annotated[float, Field(gt=0, le=LONGEST_S)]


class AskDatabase(_Word):
    kind: Literal["database"] = "database"
    engine: Literal["postgres", "mysql", "mariadb"]
    host: Host
    port: int = Field(ge=1, le=65535)
    name: Short
    username: Short
    password: Secret
    timeout_s: Within
    contents: bool = False

    @classmethod
    def of(cls, asked: DatabaseRequest) -> "AskDatabase":
        return cls.model_validate({**vars(asked), "kind": "database", "timeout_s": min(asked.timeout_s, LONGEST_S)})

    def request(self) -> DatabaseRequest:
        given = self.model_dump(exclude={"kind", "password"})
        return DatabaseRequest(**given, password=self.password.get_secret_value())


class AskDirectory(_Word):
    kind: Literal["directory"] = "directory"
    url: Long
    base_dn: Long
    bind_dn: Long
    password: Secret
    user_filter: Long | None = None
    start_tls: bool = False
    allow_plain: bool = False
    timeout_s: Within

    @classmethod
    def of(cls, asked: DirectoryRequest) -> "AskDirectory":
        return cls.model_validate({**vars(asked), "kind": "directory", "timeout_s": min(asked.timeout_s, LONGEST_S)})

    def request(self) -> DirectoryRequest:
        given = self.model_dump(exclude={"kind", "password"})
        return DirectoryRequest(**given, password=self.password.get_secret_value())


class AskHttp(_Word):
    kind: Literal["http"] = "http"
    method: Literal["GET", "HEAD", "POST"]
    url: Long
    headers: dict[Short, Secret] = Field(default_factory=dict, max_length=20)
    """All of them secret: one may be an Authorization."""
    body: Secret | None = None
    """In base64."""
    timeout_s: Within
    max_bytes: int = Field(ge=1, le=_MOST_PAGE)
    allow_hosts: tuple[Host, ...] = Field(default=(), max_length=20)

    @classmethod
    def of(cls, asked: HttpRequest) -> "AskHttp":
        body = None if asked.body is None else base64.b64encode(asked.body).decode()
        bounded = {"timeout_s": min(asked.timeout_s, LONGEST_S), "max_bytes": min(asked.max_bytes, _MOST_PAGE)}
        return cls.model_validate({**vars(asked), "kind": "http", "body": body, **bounded})

    def request(self) -> HttpRequest:
        return HttpRequest(
            method=self.method,
            url=self.url,
            headers={name: value.get_secret_value() for name, value in self.headers.items()},
            body=None if self.body is None else base64.b64decode(self.body.get_secret_value(), validate=True),
            timeout_s=self.timeout_s,
            max_bytes=self.max_bytes,
            allow_hosts=self.allow_hosts,
        )


Ask = AskDatabase | AskDirectory | AskHttp


class ReachRequest(_Word):
    version: Literal[1] = VERSION
    ask: Annotated[Ask, Field(discriminator="kind")]


class SaidDatabase(_Word):
    kind: Literal["database"] = "database"
    facts: DatabaseFacts


class SaidDirectory(_Word):
    kind: Literal["directory"] = "directory"
    facts: DirectoryFacts


class SaidHttp(_Word):
    kind: Literal["http"] = "http"
    status: int
    headers: dict[str, str]
    body: str = Field(repr=False)
    """In base64."""
    elapsed_s: float

    @classmethod
    def of(cls, answer: HttpAnswer) -> "SaidHttp":
        return cls(
            status=answer.status,
            headers=answer.headers,
            body=base64.b64encode(answer.body).decode(),
            elapsed_s=answer.elapsed_s,
        )

    def answer(self) -> HttpAnswer:
        return HttpAnswer(self.status, self.headers, base64.b64decode(self.body, validate=True), self.elapsed_s)


class NoHttp(_Word):
    kind: Literal["no_http"] = "no_http"
    failure: str
    """The kind of an HttpFailure."""
    detail: str


class NotDone(_Word):
    """`reach` itself could not do it: a fact about Steward (S3)."""

    kind: Literal["not_done"] = "not_done"
    why: str


Said = SaidDatabase | SaidDirectory | SaidHttp | NoHttp | NotDone


class ReachAnswer(_Word):
    version: Literal[1] = VERSION
    said: Annotated[Said, Field(discriminator="kind")]


def sealed(ask: Ask) -> bytes:
    """The payload, with the secrets in it: for the call that carries it, and for nothing else."""
    return ReachRequest(ask=ask).model_dump_json(context=_SEALED).encode()


def read_request(raw: Mapping[str, Any]) -> ReachRequest:
    """Raises ReachUnreadable, whose text repeats nothing of what was given."""
    if len(json.dumps(raw, default=str)) > MOST_ASKED:
        raise ReachUnreadable("request", 1)
    try:
        return ReachRequest.model_validate(raw)
    except ValidationError as exc:
        # `from None`: what follows is a trace in a log, and pydantic's words could quote what was given
        raise ReachUnreadable("request", exc.error_count()) from None


def read_answer(raw: bytes) -> Said:
    """Raises ReachUnreadable; also where the other side is of another version."""
    if len(raw) > MOST_ANSWERED:
        raise ReachUnreadable("answer", 1)
    try:
        return ReachAnswer.model_validate_json(raw).said
    except ValidationError as exc:
        raise ReachUnreadable("answer", exc.error_count()) from None
