"""The three ports as `reach` carries them out: the same questions, asked in the stack's own network.

Each of these stands where the direct one would, and answers the same. When the function does not answer
(not deployed, denied, timed out, throttled) that is Steward's blindness and no fact of the stack (S3).
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import ValidationError

from chalicelib.errors import AwsError, HttpFailure
from chalicelib.net import database_login, directory_login
from chalicelib.net.addresses import why_forbidden
from chalicelib.net.database_login import DatabaseFacts, DatabaseRequest
from chalicelib.net.directory_login import DirectoryFacts, DirectoryRequest
from chalicelib.net.guarded import Resolver, resolve
from chalicelib.net.http import HttpAnswer, HttpPort, HttpRequest
from chalicelib.net.login_problem import Problem
from chalicelib.net.reach_words import (
    Ask,
    AskDatabase,
    AskDirectory,
    AskHttp,
    NoHttp,
    NotDone,
    ReachUnreadable,
    Said,
    SaidDatabase,
    SaidDirectory,
    SaidHttp,
    read_answer,
    sealed,
)

Carry = Callable[[bytes], bytes]
"""Takes a payload to the function in the stack's network and brings its answer back. Raises AwsError."""
_NEVER_GOT_THROUGH = {"dns", "refused"}


@dataclass(frozen=True)
class ReachDatabases:
    carry: Carry
    out_of_reach: str | None = None

    def look(self, request: DatabaseRequest) -> DatabaseFacts:
        said = _ask(self.carry, lambda: AskDatabase.of(request))
        if isinstance(said, SaidDatabase):
            return said.facts
        return database_login.failed(Problem.OUT_OF_REACH, _why(said))


@dataclass(frozen=True)
class ReachDirectories:
    carry: Carry
    out_of_reach: str | None = None

    def look(self, request: DirectoryRequest) -> DirectoryFacts:
        if forbidden := directory_login.may_not_send(request):  # S25: not even as far as the function
            return forbidden
        said = _ask(self.carry, lambda: AskDirectory.of(request))
        if isinstance(said, SaidDirectory):
            return said.facts
        return directory_login.failed(Problem.OUT_OF_REACH, _why(said))


@dataclass(frozen=True)
class ReachHttp:
    """What has a public address is asked from here first; what has not, or does not let us through, is
    asked in the stack's network. So "no connection" is always said from there, and a fact of the stack."""

    carry: Carry
    direct: HttpPort
    resolver: Resolver = resolve

    def ask(self, request: HttpRequest) -> HttpAnswer:
        if self._is_public(request.url):
            try:
                return self.direct.ask(request)
            except HttpFailure as failure:
                if failure.kind not in _NEVER_GOT_THROUGH:
                    raise
        said = _ask(self.carry, lambda: AskHttp.of(request))
        if isinstance(said, SaidHttp):
            return said.answer()
        if isinstance(said, NoHttp):
            raise HttpFailure(said.failure, said.detail)
        raise HttpFailure("out_of_reach", _why(said))

    def _is_public(self, url: str) -> bool:
        """An address that S25 forbids counts as public: the direct port says so with the right words."""
        try:
            parts = urlsplit(url)
            addresses = self.resolver(parts.hostname or "", parts.port or 443)
        except (OSError, ValueError):
            return False
        return any(why_forbidden(each) or ipaddress.ip_address(each).is_global for each in addresses)


def _ask(carry: Carry, words: Callable[[], Ask]) -> Said:
    try:
        payload = sealed(words())
    except ValidationError as exc:  # its text would repeat what is secret
        return NotDone(why=f"{exc.error_count()} of its values are longer than what may be asked")
    try:
        return read_answer(carry(payload))
    except AwsError as error:
        return NotDone(why=f"{error.operation} answers {error.code}")
    except ReachUnreadable as error:
        return NotDone(why=f"{error}; is another version of it deployed?")


def _why(said: Said) -> str:
    return f"reach: {said.why}" if isinstance(said, NotDone) else f"reach answers with {said.kind}"
