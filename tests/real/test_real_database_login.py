"""What DatabaseLogin promises, kept by the real logins on real servers and by the twin alike.

One contract, four servers: PostgreSQL, MariaDB, MySQL, and KnownDatabases, which tests and sandbox use instead.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from chalicelib.net.checked_connection import Connecting
from chalicelib.net.database_login import DatabaseFacts, DatabaseLogin, DatabaseRequest, KnownDatabase, KnownDatabases
from chalicelib.net.login_problem import Problem
from chalicelib.net.mysql_login import MysqlLogin
from chalicelib.net.postgres_login import PostgresLogin
from tests.real.faults.mariadb import connections_taken
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.mariadb import PASSWORD, USER, MariaDb
from tests.real.lab.mysql import NEEDS_MYSQL

pytestmark = pytest.mark.real

REVISION = "dc11669786a5"
_HERE = Connecting(allow_plain=True, allow_loopback=True)
Situation = Callable[[], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True)
class Server:
    login: DatabaseLogin
    request: DatabaseRequest
    """To a database in which MLflow's revision is noted; `bare` is one in which nothing is."""
    stopped: Situation
    full: Situation
    read_only: Situation

    def look(self, **other: object) -> DatabaseFacts:
        return self.login.look(replace(self.request, **other))  # type: ignore[arg-type]


def _postgres(lab: Laboratory) -> Server:
    server = lab.postgres
    for name in ("login", "bare"):
        server.drop_database(name)
        server.create_database(name)
    server.sql(*_noted(), f"GRANT SELECT ON alembic_version TO {USER}", database="login")

    def changed(change: str, back: str) -> Situation:
        return lambda: server.changed(change, back, cut="login")

    return Server(
        login=PostgresLogin(_HERE),
        request=DatabaseRequest("postgres", "127.0.0.1", server.port, "login", USER, PASSWORD),
        stopped=server.stopped,
        full=changed(f"ALTER ROLE {USER} CONNECTION LIMIT 0", f"ALTER ROLE {USER} CONNECTION LIMIT -1"),
        read_only=changed(
            "ALTER DATABASE login SET default_transaction_read_only = on",
            "ALTER DATABASE login RESET default_transaction_read_only",
        ),
    )


def _mariadb(lab: Laboratory) -> Server:
    return _of_mysql_s_kind(lab.mariadb)


def _mysql(lab: Laboratory) -> Server:
    return _of_mysql_s_kind(lab.mysql)


def _of_mysql_s_kind(server: MariaDb) -> Server:
    for name in ("login", "bare"):
        server.sql(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    server.sql("USE login", *_noted())
    return Server(
        login=MysqlLogin(_HERE),
        request=DatabaseRequest(server.engine, "127.0.0.1", server.port, "login", USER, PASSWORD),
        stopped=server.stopped,
        full=lambda: connections_taken(server),
        read_only=lambda: server.changed("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0"),
    )


def _twin(_: Laboratory) -> Server:
    known = KnownDatabase(users={USER: PASSWORD}, databases=("login", "bare"))
    known.facts = replace(known.facts, alembic_version=(REVISION,))
    where = KnownDatabases(servers={("127.0.0.1", 5432): known})

    @contextlib.contextmanager
    def refusing(problem: Problem) -> Iterator[None]:
        known.refuses = problem
        yield
        known.refuses = None

    @contextlib.contextmanager
    def read_only() -> Iterator[None]:
        known.facts = replace(known.facts, read_only=True)
        yield
        known.facts = replace(known.facts, read_only=False)

    return Server(
        login=where,
        request=DatabaseRequest("postgres", "127.0.0.1", 5432, "login", USER, PASSWORD),
        stopped=lambda: refusing(Problem.REFUSED),
        full=lambda: refusing(Problem.TOO_MANY),
        read_only=read_only,
    )


def _noted() -> tuple[str, str]:
    create = "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)"
    return create, f"INSERT INTO alembic_version VALUES ('{REVISION}')"  # noqa: S608  a constant


_SERVERS = {"postgres": _postgres, "mariadb": _mariadb, "mysql": _mysql, "twin": _twin}


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=NEEDS_MYSQL if name == "mysql" else ()) for name in _SERVERS],
)
def server(request: pytest.FixtureRequest, lab: Laboratory) -> Server:
    return _SERVERS[request.param](lab)


def test_a_login_that_succeeds_tells_how_the_server_stands(server: Server) -> None:
    facts = server.look()
    assert (facts.problem, facts.reachable, facts.authenticated, facts.database_exists) == (None, True, True, True)
    assert facts.alembic_version == (REVISION,)
    assert facts.read_only is False
    assert facts.connections is not None
    assert facts.connection_limit is not None
    assert 1 <= facts.connections <= facts.connection_limit


def test_a_wrong_password_is_told_apart_from_everything_else(server: Server) -> None:
    facts = server.look(password="outdated-canary")
    assert (facts.problem, facts.reachable, facts.authenticated) == (Problem.AUTHENTICATION, True, False)
    assert "outdated-canary" not in str(facts)


def test_a_missing_database_is_told_apart_from_a_failed_login(server: Server) -> None:
    facts = server.look(name="never_created")
    assert (facts.problem, facts.authenticated, facts.database_exists) == (Problem.NO_DATABASE, True, False)


def test_a_stopped_server_refuses(server: Server) -> None:
    with server.stopped():
        facts = server.look()
    assert (facts.problem, facts.reachable) == (Problem.REFUSED, False)
    assert server.look().problem is None


def test_a_name_that_does_not_resolve_is_said_so(server: Server) -> None:
    facts = server.look(host="database.invalid")
    assert (facts.problem, facts.reachable) == (Problem.UNRESOLVABLE, False)


def test_a_server_without_a_free_connection_says_that_there_are_too_many(server: Server) -> None:
    with server.full():
        facts = server.look()
    assert (facts.problem, facts.reachable) == (Problem.TOO_MANY, True)


def test_a_server_that_lets_nobody_write_is_read_only(server: Server) -> None:
    with server.read_only():
        assert server.look().read_only is True
    assert server.look().read_only is False


@NEEDS_MYSQL
@pytest.mark.parametrize(("trusts", "grant", "makes"), [(1, "", True), (0, "", False), (0, "SUPER", True)])
def test_whether_mysql_lets_the_login_make_triggers_is_told(
    lab: Laboratory, trusts: int, grant: str, *, makes: bool
) -> None:
    server = _mysql(lab)
    setting = "SET GLOBAL log_bin_trust_function_creators = {}"
    with lab.mysql.changed(setting.format(trusts), setting.format(1)):
        if not grant:
            assert server.look().makes_triggers is makes
            return
        with lab.mysql.changed(f"GRANT {grant} ON *.* TO {USER}@'%'", f"REVOKE {grant} ON *.* FROM {USER}@'%'"):
            assert server.look().makes_triggers is makes


@pytest.mark.parametrize("made", [_postgres, _mariadb])
def test_a_database_without_mlflows_tables_has_no_revision(lab: Laboratory, made: Callable[..., Server]) -> None:
    facts = made(lab).look(name="bare")
    assert (facts.problem, facts.alembic_version) == (None, ())


def test_the_probe_is_one_connection_that_says_its_name_and_is_gone_afterwards(lab: Laboratory) -> None:
    server = _postgres(lab)
    lab.postgres.sql("ALTER SYSTEM SET log_connections = on", "SELECT pg_reload_conf()")
    try:
        since = lab.postgres.mark()
        assert server.look().problem is None
        said = lab.postgres.lines(since)
    finally:
        lab.postgres.sql("ALTER SYSTEM RESET log_connections", "SELECT pg_reload_conf()")
    logins = [line for line in said if "connection authorized" in line and f"user={USER}" in line]
    assert len(logins) == 1
    assert "application_name=steward" in logins[0]
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'steward'"
    assert lab.postgres.sql(left) == "0"


def test_a_server_without_tls_is_not_sent_a_password_s25(lab: Laboratory) -> None:
    strict = PostgresLogin(Connecting(allow_loopback=True))
    facts = strict.look(_postgres(lab).request)
    assert (facts.problem, facts.authenticated) == (Problem.TLS, None)


def test_a_certificate_that_is_trusted_is_verified(lab: Laboratory) -> None:
    with lab.postgres.speaking_tls() as trusted:
        verifying = PostgresLogin(Connecting(allow_loopback=True, ca_file=str(trusted)))
        facts = verifying.look(_postgres(lab).request)
    assert facts.problem is None
    assert facts.tls == "TLSv1.3 verified"
    trusting = Connecting(allow_loopback=True, ca_file=str(lab.mariadb.certificate))
    facts = MysqlLogin(trusting).look(_mariadb(lab).request)
    assert facts.problem is None
    assert facts.tls == "TLSv1.3 verified"


def test_a_certificate_of_somebody_else_ends_the_login_before_the_password(lab: Laboratory) -> None:
    with lab.postgres.speaking_tls():
        other = Connecting(allow_loopback=True, ca_file=str(lab.mariadb.certificate))
        facts = PostgresLogin(other).look(_postgres(lab).request)
    assert (facts.problem, facts.authenticated) == (Problem.UNTRUSTED, None)


def test_an_address_of_this_machine_is_not_connected_to_by_default_s25(lab: Laboratory) -> None:
    assert PostgresLogin().look(_postgres(lab).request).problem is Problem.FORBIDDEN_ADDRESS
