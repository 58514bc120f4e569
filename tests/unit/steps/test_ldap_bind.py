"""ldap.bind: whether people can log in with their directory."""

import pytest

from chalicelib.net.directory_login import KnownDirectories, KnownDirectory
from chalicelib.net.login_problem import Problem
from chalicelib.steps.probes.ldap_bind import Bind
from chalicelib.steps.step import NoParams

URL = "ldaps://ldap.example.com"


@pytest.fixture
def directory(world):
    world.stack["ldap"] = {
        "url": URL,
        "baseDn": "dc=example,dc=com",
        "bindSecret": "churn/ldap",
        "userFilter": "(uid={username})",
    }
    return KnownDirectory(users={"admin": "canary-pass-9931"})


def read(world, directory):
    return Bind().read(world.ctx(directories=KnownDirectories({world.stack["ldap"]["url"]: directory})), NoParams())


def test_a_bind_that_works_finds_the_base_and_somebody(world, directory):
    output = read(world, directory)
    assert (output.problem, output.bound, output.base_exists, output.finds_users) == (None, True, True, True)
    directory.people = 0
    assert read(world, directory).finds_users is False


def test_a_wrong_password_a_wrong_base_and_tls_are_told_apart(world, directory):
    directory.bases = ()
    assert (read(world, directory).problem, read(world, directory).bound) == (Problem.NO_BASE, True)
    directory.users = {}
    assert (read(world, directory).problem, read(world, directory).bound) == (Problem.AUTHENTICATION, False)
    directory.refuses = Problem.TLS
    assert read(world, directory).problem is Problem.TLS


def test_s25_no_password_goes_over_plain_ldap_unless_the_stack_says_so(world, directory):
    world.stack["ldap"]["url"] = "ldap://ldap.example.com"
    assert "startTls" in (read(world, directory).skipped or "")
    world.stack["allowPlainHttp"] = True
    assert read(world, directory).bound is True
    del world.stack["allowPlainHttp"]
    world.stack["ldap"]["startTls"] = True
    assert read(world, directory).bound is True


def test_s3_out_of_reach_it_says_so(world, directory):
    assert Bind().read(world.ctx(), NoParams()).skipped == "not reachable from here"


def test_s3_a_secret_that_cannot_be_read_is_skipped(world, directory):
    world.gone_secrets.add("churn/ldap")
    assert "secretsmanager:GetSecretValue" in (read(world, directory).skipped or "")


def test_a_stack_without_a_directory_says_so(world):
    assert Bind().read(world.ctx(), NoParams()).applicable is False
