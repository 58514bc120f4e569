"""What is wrong with a database address that MLflow is given, and how to put it right. Pure.

Addresses hold passwords: nothing here returns a part of one, except the corrected address itself,
which goes from one task definition revision to the next and into no record, and the names of host and database.
"""

import re
from enum import StrEnum
from urllib.parse import quote

_SCHEME = re.compile(r"^(?P<dialect>[a-z][a-z0-9]*)(?:\+(?P<driver>\w+))?://", re.IGNORECASE)
_DOUBLED = re.compile(r":(\d{2,5}):(\d{2,5})(?=[/?#]|$)")
_NOT_ESCAPED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DATABASES = {"postgresql", "postgres", "mysql", "mariadb", "mssql"}


class UriProblem(StrEnum):
    DOUBLED_PORT = "doubled_port"
    UNESCAPED_PASSWORD = "unescaped_password"  # noqa: S105 - the name of a problem
    WRONG_SCHEME = "wrong_scheme"


class Correction(StrEnum):
    """A verb in code: the corrected value is made from the present one, never from words of a runbook."""

    SINGLE_PORT = "single_port"
    ESCAPE_PASSWORD = "escape_password"  # noqa: S105 - the name of a correction
    POSTGRESQL_SCHEME = "postgresql_scheme"
    PSYCOPG2_DRIVER = "psycopg2_driver"


REMEDY = {
    UriProblem.DOUBLED_PORT: Correction.SINGLE_PORT,
    UriProblem.UNESCAPED_PASSWORD: Correction.ESCAPE_PASSWORD,
    UriProblem.WRONG_SCHEME: Correction.POSTGRESQL_SCHEME,
}


def is_database_uri(value: str) -> bool:
    match = _SCHEME.match(value)
    return bool(match) and match["dialect"].lower() in _DATABASES  # type: ignore[index]


def dialect_and_driver(uri: str) -> tuple[str, str | None]:
    match = _SCHEME.match(uri)
    if match is None:
        return "", None
    driver = match["driver"]
    return match["dialect"].lower(), driver.lower() if driver else None


_HOST = re.compile(
    r"^(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d+)*(?:/(?P<name>[A-Za-z_][\w-]{0,62})?)?(?:[?#]|$)"
)


def host_and_database(uri: str) -> tuple[str | None, str | None]:
    """Believe the name only where the host is one that somebody else knows too: of an address whose password was
    not escaped, what looks like host and name may be pieces of the password."""
    match = _HOST.match(_after_login(uri))
    return (match["host"].lower(), match["name"]) if match else (None, None)


def problems(uri: str) -> tuple[UriProblem, ...]:
    found = []
    if dialect_and_driver(uri)[0] == "postgres":  # SQLAlchemy 1.4 dropped it
        found.append(UriProblem.WRONG_SCHEME)
    if _DOUBLED.search(_after_login(uri)):
        found.append(UriProblem.DOUBLED_PORT)
    if _password(uri) is not None and _is_unescaped(_password(uri) or ""):
        found.append(UriProblem.UNESCAPED_PASSWORD)
    return tuple(found)


def corrected(uri: str, correction: Correction) -> str:
    """The same address where there is nothing to correct."""
    scheme = _SCHEME.match(uri)
    if scheme is None:
        return uri
    if correction is Correction.SINGLE_PORT:
        rest = _after_login(uri)
        return uri[: len(uri) - len(rest)] + _DOUBLED.sub(_one_port, rest, count=1)
    if correction is Correction.POSTGRESQL_SCHEME:
        return re.sub(r"^postgres(?=\+|:)", "postgresql", uri)
    if correction is Correction.PSYCOPG2_DRIVER:
        return re.sub(r"^postgres(?:ql)?://", "postgresql+psycopg2://", uri)
    password = _password(uri)
    if password is None or not _is_unescaped(password):
        return uri
    user = uri[scheme.end() :].partition(":")[0]
    return f"{uri[: scheme.end()]}{user}:{_escaped(password)}@{_after_login(uri)}"


def _one_port(match: re.Match[str]) -> str:
    """Two different ports are a riddle that a person must solve."""
    return f":{match[1]}" if match[1] == match[2] else match[0]


def _login_end(uri: str) -> int:
    """Where the host begins: after the last @ that still has a host behind it; 0 without a login.

    An @ in the query is left alone unless the part before the first / ? # has none at all.
    """
    scheme = _SCHEME.match(uri)
    if scheme is None:
        return 0
    rest = uri[scheme.end() :]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    looks_cut = ":" in authority and "@" not in authority and not re.search(r":\d+$", authority)
    at = rest.rfind("@") if looks_cut else _last_at(rest, authority)
    return scheme.end() + at + 1 if at >= 0 else 0


def _last_at(rest: str, authority: str) -> int:
    """`user:p@ss/word@host/db` has a first @ that is none: then what follows it is no host with a path."""
    first = authority.rfind("@")
    later = rest.rfind("@")
    if later > first >= 0 and re.match(r"[A-Za-z0-9.-]+(:\d+)+/\w", rest[later + 1 :]):
        return later
    return first


def _after_login(uri: str) -> str:
    end = _login_end(uri)
    scheme = _SCHEME.match(uri)
    return uri[end:] if end else uri[scheme.end() :] if scheme else uri


def _password(uri: str) -> str | None:
    scheme, end = _SCHEME.match(uri), _login_end(uri)
    if scheme is None or not end:
        return None
    _, colon, password = uri[scheme.end() : end - 1].partition(":")
    return password if colon else None


def _is_unescaped(password: str) -> bool:
    if password.startswith(("$", "{")):  # a variable that a shell fills in
        return False
    return any(sign in password for sign in "@/#?[]") or bool(_NOT_ESCAPED.search(password))


def _escaped(password: str) -> str:
    """What is escaped already stays as it is."""
    return quote(_NOT_ESCAPED.sub("%25", password), safe="%!$&'()*+,;=~-._")
