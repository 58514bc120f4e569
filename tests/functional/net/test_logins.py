"""The real logins against small servers on this machine that say one thing each.

What the whole conversation gives is tried on real servers; here is how each refusal becomes a fact.
"""

import socket
import struct
import threading
import time

import pytest

from chalicelib.net.checked_connection import Connecting
from chalicelib.net.database_login import ByEngine, DatabaseRequest, NoDatabases
from chalicelib.net.directory_login import DirectoryRequest
from chalicelib.net.ldap_login import LdapLogin
from chalicelib.net.login_problem import Problem
from chalicelib.net.mysql_login import MysqlLogin
from chalicelib.net.postgres_login import PostgresLogin

# pyasn1's new names for old ones, which ldap3 2.9.1 still asks for
pytestmark = pytest.mark.filterwarnings("ignore:(tagMap|typeMap) is deprecated:DeprecationWarning")
HERE = Connecting(allow_loopback=True, resolver=lambda host, port: ["127.0.0.1"])
PLAIN = Connecting(allow_loopback=True, allow_plain=True, resolver=lambda host, port: ["127.0.0.1"])


@pytest.fixture
def serve():
    """serve(talk) -> port; `talk(sock)` has one conversation."""
    listeners, threads = [], []

    def start(talk):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(5)
        listeners.append(listener)

        def run():
            for _ in range(2):  # the directory's login connects twice
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock:
                    sock.settimeout(3)
                    try:
                        talk(sock)
                    except OSError:
                        continue

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        listener.close()
    for thread in threads:
        thread.join(timeout=6)


def request(port, engine="postgres", **over):
    given = {"host": "db.example.com", "name": "mlflow", "username": "u", "password": "canary-8805", "timeout_s": 2.0}
    return DatabaseRequest(engine=engine, port=port, **(given | over))


def postgres_error(code):
    fields = b"SFATAL\0VFATAL\0C" + code.encode() + b"\0Mmessage of canary-8805\0\0"

    def talk(sock):
        sock.recv(8)
        sock.sendall(b"N")
        sock.recv(1024)
        sock.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)

    return talk


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("28P01", Problem.AUTHENTICATION),
        ("28000", Problem.NOT_ADMITTED),
        ("3D000", Problem.NO_DATABASE),
        ("53300", Problem.TOO_MANY),
        ("57P03", Problem.UNAVAILABLE),
        ("XX000", Problem.PROTOCOL),
    ],
)
def test_postgres_s_refusals_are_told_apart_by_their_code_and_its_text_is_left_out(serve, code, problem):
    facts = PostgresLogin(PLAIN).look(request(serve(postgres_error(code))))
    assert (facts.problem, facts.reachable) == (problem, True)
    assert "canary" not in repr(facts)


def test_s20_a_postgres_without_tls_gets_no_login(serve):
    heard = []

    def talk(sock):
        heard.append(sock.recv(8))
        sock.sendall(b"N")
        heard.append(sock.recv(1024))

    facts = PostgresLogin(HERE).look(request(serve(talk)))
    assert facts.problem is Problem.TLS
    time.sleep(0.05)
    assert heard[1:] in ([], [b""])


def mysql_error(code):
    body = b"\xff" + struct.pack("<H", code) + b"#HY000message of canary-8805"

    def talk(sock):
        sock.sendall(struct.pack("<I", len(body))[:3] + b"\0" + body)
        sock.recv(1024)

    return talk


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (1040, Problem.TOO_MANY),
        (1045, Problem.AUTHENTICATION),
        (1049, Problem.NO_DATABASE),
        (1053, Problem.UNAVAILABLE),
        (1130, Problem.NOT_ADMITTED),
        (3159, Problem.TLS),
    ],
)
def test_mysql_s_refusals_are_told_apart_by_their_code_and_its_text_is_left_out(serve, code, problem):
    facts = MysqlLogin(HERE).look(request(serve(mysql_error(code)), engine="mysql"))
    assert (facts.problem, facts.reachable) == (problem, True)
    assert "canary" not in repr(facts)


def test_s20_a_mysql_without_tls_gets_no_login(serve):
    def talk(sock):
        # protocol 10, capabilities without CLIENT_SSL (0x800), mysql_native_password
        greeting = b"\x0a8.0.36\0" + struct.pack("<I", 1) + b"12345678\0" + struct.pack("<H", 0xF7FF)
        greeting += b"\x21\x02\0" + struct.pack("<H", 0x80FF) + b"\x15" + b"\0" * 10 + b"123456789012\0"
        greeting += b"mysql_native_password\0"
        sock.sendall(struct.pack("<I", len(greeting))[:3] + b"\0" + greeting)
        assert sock.recv(1024) == b""

    assert MysqlLogin(HERE).look(request(serve(talk), engine="mysql")).problem is Problem.TLS


@pytest.mark.parametrize("login", [PostgresLogin, MysqlLogin])
class TestEveryDatabase:
    def test_a_closed_port_is_refused(self, login):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        facts = login(HERE).look(request(port))
        assert (facts.problem, facts.reachable) == (Problem.REFUSED, False)

    def test_a_name_that_does_not_resolve_is_told(self, login):
        facts = login(Connecting(resolver=lambda host, port: [])).look(request(5432))
        assert (facts.problem, facts.reachable) == (Problem.UNRESOLVABLE, False)

    def test_s25_loopback_and_metadata_are_not_connected_to(self, login):
        for address in ("127.0.0.1", "169.254.169.254", "fd00:ec2::254"):
            facts = login(Connecting(resolver=lambda host, port, address=address: [address])).look(request(5432))
            assert (facts.problem, facts.reachable) == (Problem.FORBIDDEN_ADDRESS, None)

    def test_a_server_that_drips_is_cut_at_the_deadline(self, serve, login):
        def drip(sock):
            for byte in b"\x64\0\0\0" + b"\x0a" * 11:  # the head of a packet of 100 bytes
                sock.sendall(bytes([byte]) if login is MysqlLogin else b"")
                time.sleep(0.1)

        began = time.monotonic()
        facts = login(HERE).look(request(serve(drip), timeout_s=0.4))
        assert (facts.problem, facts.reachable) == (Problem.TIMEOUT, True)
        assert time.monotonic() - began < 1.5

    def test_a_server_of_another_kind_is_told(self, serve, login):
        def talk(sock):
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        assert login(HERE).look(request(serve(talk))).problem is Problem.PROTOCOL


def test_each_engine_has_its_login_and_out_of_reach_nothing_is_asked():
    logins = ByEngine({"postgres": NoDatabases("in a test")})
    assert "in a test" in logins.look(request(1)).detail
    assert logins.look(request(1, engine="oracle")).problem is Problem.PROTOCOL


def ldap(port, **over):
    given = {"url": f"ldap://ldap.example.com:{port}", "base_dn": "dc=x", "bind_dn": "cn=b", "password": "canary-8805"}
    return DirectoryRequest(**(given | {"allow_plain": True, "timeout_s": 2.0} | over))


def directory(bind, base=0, entries=1):
    """Answers the bind with one result code and each search with another, as RFC 4511 writes them."""

    def result(kind, code):
        return bytes([kind, 7, 10, 1, code, 4, 0, 4, 0])

    def message(number, operation):
        inside = bytes([2, 1, number]) + operation
        return bytes([0x30, len(inside)]) + inside

    def talk(sock):
        while data := sock.recv(1024):
            number, operation = data[4], data[5]
            if operation == 0x60:
                sock.sendall(message(number, result(0x61, bind)))
            elif operation == 0x63:
                found = message(number, bytes([0x64, 6, 4, 2]) + b"c=" + bytes([0x30, 0])) if entries else b""
                sock.sendall(found + message(number, result(0x65, base)))
            else:
                return

    return talk


def test_a_bind_that_works_finds_base_and_people(serve):
    facts = LdapLogin(HERE).look(ldap(serve(directory(0)), user_filter="(uid={username})"))
    assert (facts.problem, facts.bound, facts.base_exists, facts.finds_users) == (None, True, True, True)
    assert facts.tls == "none"


@pytest.mark.parametrize(
    ("bind", "base", "problem", "bound"),
    [
        (49, 0, Problem.AUTHENTICATION, False),
        (0, 32, Problem.NO_BASE, True),
        (13, 0, Problem.TLS, None),
        (51, 0, Problem.UNAVAILABLE, None),
    ],
)
def test_a_directory_s_refusals_are_told_apart(serve, bind, base, problem, bound):
    facts = LdapLogin(HERE).look(ldap(serve(directory(bind, base))))
    assert (facts.problem, facts.bound) == (problem, bound)
    assert "canary" not in repr(facts)


def test_s25_no_bind_goes_over_plain_ldap(serve):
    assert LdapLogin(HERE).look(ldap(1, allow_plain=False)).problem is Problem.PLAIN_TEXT


def test_a_directory_without_tls_is_told(serve):
    def talk(sock):
        sock.sendall(b"not tls at all\r\n")

    port = serve(talk)
    facts = LdapLogin(HERE).look(ldap(port, url=f"ldaps://ldap.example.com:{port}"))
    assert facts.problem is Problem.TLS


def test_a_directory_that_is_not_there_is_told():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert LdapLogin(HERE).look(ldap(port)).problem is Problem.REFUSED
    nowhere = Connecting(resolver=lambda host, port: [])
    assert LdapLogin(nowhere).look(ldap(port)).problem is Problem.UNRESOLVABLE


def test_s3_a_certificate_that_this_worker_does_not_trust_is_its_own_trouble():
    """MLflow may have other certificates, or verify none: so this supports no cause."""
    assert Problem.UNTRUSTED.is_ours
    assert not Problem.TLS.is_ours
