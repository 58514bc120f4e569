"""HttpPort: the one way Steward asks an address that a person wrote into a stack file.

`guarded.py` is the real one; the sandbox brings a twin. What a failure means for the stack is not
decided here, but its kind tells a caller which side it is on:

    dns · refused (no connection, also none in time) · tls · forbidden_address   never got through
    timeout (connected, no whole answer in time) · protocol (no HTTP, or cut off)  got through, no answer
    too_large                                                                      answered too much
    out_of_reach (the function in the stack's network did not answer)              our own blindness
"""

from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.errors import HttpFailure

__all__ = ["HttpAnswer", "HttpFailure", "HttpPort", "HttpRequest"]


@dataclass(frozen=True)
class HttpRequest:
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    """Without repr: an Authorization header is in here."""
    body: bytes | None = field(default=None, repr=False)
    timeout_s: float = 10.0
    """For everything together: resolving, connecting, the whole answer."""
    max_bytes: int = 64 * 1024
    allow_hosts: tuple[str, ...] = ()
    """The host of `url` is one of these, or resolves to an address of one of these (S25). Empty: refused."""


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    elapsed_s: float


class HttpPort(Protocol):
    def ask(self, request: HttpRequest) -> HttpAnswer:
        """One request, one answer, redirects not followed. Raises HttpFailure."""
