"""reach with its real logins: whatever is asked for, the function itself checks where it connects to (S25)."""

import json

import pytest

from chalicelib.errors import HttpFailure
from chalicelib.flows.reach import Inside, reach
from chalicelib.net.checked_connection import Connecting
from chalicelib.net.database_login import ByEngine, DatabaseRequest
from chalicelib.net.directory_login import DirectoryRequest
from chalicelib.net.guarded import GuardedHttp
from chalicelib.net.http import HttpRequest
from chalicelib.net.ldap_login import LdapLogin
from chalicelib.net.login_problem import Problem
from chalicelib.net.mysql_login import MysqlLogin
from chalicelib.net.postgres_login import PostgresLogin
from chalicelib.net.reach import ReachDatabases, ReachDirectories, ReachHttp

INTERNAL = "10.0.3.7"


class Nothing:
    def ask(self, request):
        raise AssertionError("an internal address was asked from outside")


def carrying(within):
    return lambda payload: json.dumps(reach(within, json.loads(payload))).encode()


def login(engine="postgres", host="db.example.com"):
    return DatabaseRequest(engine, host, 5432, "mlflow", "mlflow", "canary-3318")


def bind():
    return DirectoryRequest("ldaps://ldap.example.com", "dc=example,dc=com", "cn=steward", "canary-3318")


class TestS25InsideToo:
    """Whatever is asked for, reach itself never connects to loopback, link-local or metadata."""

    @pytest.fixture(params=["127.0.0.1", "169.254.169.254", "fd00:ec2::254", "::1", "0.0.0.0"])  # noqa: S104
    def real(self, request):
        def resolver(host, port):
            return [request.param]

        to = Connecting(resolver=resolver)
        logins = ByEngine({"postgres": PostgresLogin(to), "mysql": MysqlLogin(to)})
        return carrying(Inside(databases=logins, directories=LdapLogin(to), http=GuardedHttp(resolver=resolver)))

    @pytest.mark.parametrize("engine", ["postgres", "mysql"])
    def test_s25_no_database_is_there(self, real, engine):
        facts = ReachDatabases(real).look(login(engine))
        assert (facts.problem, facts.reachable) == (Problem.FORBIDDEN_ADDRESS, None)

    def test_s25_no_directory_is_there(self, real):
        assert ReachDirectories(real).look(bind()).problem is Problem.FORBIDDEN_ADDRESS

    def test_s25_no_page_is_there_even_if_the_request_allows_that_host(self, real):
        request = HttpRequest("GET", "http://m.example.com/", allow_hosts=("m.example.com",))
        with pytest.raises(HttpFailure, match="forbidden_address"):
            ReachHttp(real, Nothing(), lambda h, p: [INTERNAL]).ask(request)


def test_what_lambda_is_given_by_wiring_makes_real_logins_and_takes_only_what_it_knows():
    from chalicelib.wiring import inside as wired

    within = wired()
    assert set(within.databases.logins) == {"postgres", "mysql", "mariadb"}
    assert isinstance(within.directories, LdapLogin)
    request = login(host="127.0.0.1")
    assert ReachDatabases(carrying(within)).look(request).problem is Problem.FORBIDDEN_ADDRESS
