"""One thing that was looked at, how it stands, and what to do about it. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.errors import AwsDenied, AwsError, StewardError


class State(StrEnum):
    OK = "ok"
    NOTE = "note"
    """Worth knowing, and Steward works."""
    UNKNOWN = "unknown"
    """It could not be looked at: a fact about whoever looked (S3)."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    about: str
    """The area: `credentials`, `table`, `stack NAME`."""
    what: str
    state: State
    says: str
    remedy: str | None = None

    def __post_init__(self) -> None:
        if (self.remedy is None) != (self.state is State.OK):
            raise ValueError(f"{self.about}, {self.what}: what is not well has a remedy, and only that")

    def as_json(self) -> dict[str, Any]:
        return {
            "about": self.about,
            "what": self.what,
            "state": self.state.value,
            "says": self.says,
            "remedy": self.remedy,
        }


Findings = Iterator[Finding]
AGAIN = "deploy again: `make deploy`"
"""The remedy for what packaging makes and somebody took away or changed."""


def ok(about: str, what: str, says: str) -> Finding:
    return Finding(about, what, State.OK, says)


def note(about: str, what: str, says: str, remedy: str) -> Finding:
    return Finding(about, what, State.NOTE, says, remedy)


def wrong(about: str, what: str, says: str, remedy: str) -> Finding:
    return Finding(about, what, State.WRONG, says, remedy)


def unread(about: str, what: str, error: StewardError) -> Finding:
    """Nobody may take silence for illness, nor for health."""
    if isinstance(error, AwsDenied):
        remedy = f"allow your own identity {error.operation}, or ask somebody who may"
    elif isinstance(error, AwsError):
        remedy = f"try again; if it stays so, look why {error.operation} does not answer"
    else:
        remedy = "try again, from where it can be reached"
    return Finding(about, what, State.UNKNOWN, str(error), remedy)


def looked(about: str, what: str, look: Callable[[], Findings]) -> Findings:
    """All of it, up to where something could not be read."""
    try:
        yield from look()
    except StewardError as error:
        yield unread(about, what, error)
