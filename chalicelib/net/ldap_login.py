"""LdapLogin: a real bind to a directory (ldap3), and one search of at most one entry."""

import contextlib
import re
import socket
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chalicelib.net.checked_connection import Connecting, NoConnection
from chalicelib.net.deadline import Deadline
from chalicelib.net.directory_login import DirectoryFacts, DirectoryRequest, failed, may_not_send
from chalicelib.net.login_problem import Problem

if TYPE_CHECKING:
    from ldap3 import Connection

_PLACE = re.compile(r"\{\w*\}|%s|%\(\w+\)s")
_SUCCESS, _BUSY, _NO_SUCH_OBJECT, _SIZE_LIMIT, _INVALID_CREDENTIALS = 0, {51, 52}, 32, 4, 49
_NO_SUCH_USER, _INAPPROPRIATE, _UNWILLING, _WANTS_TLS = 32, 48, 53, {8, 13}
"""Result codes of RFC 4511, 4.1.9; 8 and 13 say that a stronger or confidential way is wanted."""


class LdapLogin:
    def __init__(self, connecting: Connecting | None = None) -> None:
        self._connecting = connecting or Connecting()

    @property
    def out_of_reach(self) -> str | None:
        return None

    def look(self, request: DirectoryRequest) -> DirectoryFacts:
        if forbidden := may_not_send(request):
            return forbidden
        parts = urlsplit(request.url)
        secure = parts.scheme == "ldaps"
        host, port = parts.hostname or "", parts.port or (636 if secure else 389)
        with Deadline(request.timeout_s) as deadline:
            # A first connection says in plain words why there is none; ldap3 knows one word for all of it.
            link = self._connecting.open(host, port, deadline)
            if isinstance(link, NoConnection):
                return failed(link.problem, link.detail)
            with contextlib.closing(link):
                try:
                    address = str(link.getpeername()[0])
                    link.shutdown(socket.SHUT_RDWR)  # closing alone would leave the deadline's duplicate open
                except OSError:
                    return failed(Problem.PROTOCOL, f"{host} broke off the connection at once")
            facts = self._bind(request, host, (address, port), secure=secure)
        if facts.problem is Problem.PROTOCOL and deadline.passed:
            return replace(failed(Problem.TIMEOUT, f"not done within {request.timeout_s:g} s"), reachable=True)
        return facts

    def _bind(self, request: DirectoryRequest, host: str, checked: tuple[str, int], *, secure: bool) -> DirectoryFacts:
        from ldap3 import NONE, Connection, Server
        from ldap3.core.exceptions import LDAPExceptionError

        # to the address that was checked; the certificate must still be the name's
        server = Server(
            checked[0], port=checked[1], use_ssl=secure, tls=self._tls(host), get_info=NONE,
            connect_timeout=request.timeout_s,
        )  # fmt: skip
        connection = Connection(
            server, user=request.bind_dn, password=request.password, receive_timeout=max(1, round(request.timeout_s)),
            read_only=True, raise_exceptions=False, auto_referrals=False,
        )  # fmt: skip
        try:
            connection.open()
            if request.start_tls and not secure and not connection.start_tls():
                return failed(Problem.TLS, "the directory refuses StartTLS")
            return self._asked(connection, request)
        except (LDAPExceptionError, OSError) as exc:
            return _broke_off(exc, host)
        finally:
            _let_go(connection)

    def _tls(self, host: str) -> Any:  # noqa: ANN401 - ldap3 ships no types
        from ldap3 import Tls

        verify = ssl.CERT_REQUIRED if self._connecting.ca_file else ssl.CERT_NONE
        return Tls(validate=verify, ca_certs_file=self._connecting.ca_file, valid_names=[host], sni=host)

    def _asked(self, connection: "Connection", request: DirectoryRequest) -> DirectoryFacts:
        tls = self._connecting.said_of(connection.socket)
        if not connection.bind():
            return _refused(connection.result["result"], tls)
        found = _search(connection, request.base_dn, "(objectClass=*)", "BASE")
        if found == _NO_SUCH_OBJECT:
            return failed(Problem.NO_BASE, f"the directory has no {request.base_dn}", tls=tls)
        finds = None
        if request.user_filter:
            code = _search(connection, request.base_dn, _anybody(request.user_filter), "SUBTREE")
            finds = bool(connection.response) if code in {_SUCCESS, _SIZE_LIMIT} else None
        base = True if found == _SUCCESS else None
        return DirectoryFacts(None, "bound" + ("; the base is there" if base else ""), True, tls, True, base, finds)


def _broke_off(exc: Exception, host: str) -> DirectoryFacts:
    """ldap3 puts what TLS said into the text of its own errors, and its text is all there is to go by."""
    said = f"{type(exc).__name__} {exc}".lower()
    if "certificate" in said:
        return failed(Problem.UNTRUSTED, f"the certificate of {host} is not trusted here")
    if "ssl" in said or "tls" in said:
        return failed(Problem.TLS, f"{host}: no agreement on TLS ({type(exc).__name__})")
    return failed(Problem.PROTOCOL, f"the bind broke off: {type(exc).__name__}")


def _search(connection: "Connection", base: str, asked: str, scope: str) -> int:
    connection.search(base, asked, search_scope=scope, attributes=["1.1"], size_limit=1, time_limit=3)
    return int(connection.result["result"])


def _anybody(user_filter: str) -> str:
    return _PLACE.sub("*", user_filter)


def _refused(code: int, tls: str) -> DirectoryFacts:
    if code in {_INVALID_CREDENTIALS, _NO_SUCH_USER, _INAPPROPRIATE}:
        return failed(Problem.AUTHENTICATION, f"the directory refuses this user and password ({code})", tls=tls)
    if code in _WANTS_TLS:
        return failed(Problem.TLS, f"the directory wants a confidential connection ({code})", tls=tls)
    if code in _BUSY or code == _UNWILLING:
        return failed(Problem.UNAVAILABLE, f"the directory is busy or unwilling ({code})", tls=tls)
    return failed(Problem.PROTOCOL, f"the directory answers the bind with {code}", tls=tls)


def _let_go(connection: "Connection") -> None:
    from ldap3.core.exceptions import LDAPExceptionError

    try:
        connection.unbind()
    except (LDAPExceptionError, OSError):
        return  # it is gone already
