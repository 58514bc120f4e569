"""What can be sensed of one stack: only with `network:` is anything asked in its network (S3)."""

import json

import pytest

from chalicelib.errors import AwsNotFound
from chalicelib.flows.reach import Inside, reach
from chalicelib.models.stack import Stack
from chalicelib.net.database_login import DatabaseFacts, KnownDatabase, KnownDatabases
from chalicelib.net.directory_login import KnownDirectories
from chalicelib.net.http import HttpAnswer
from chalicelib.steps.probes.db_connect import Connect
from chalicelib.steps.probes.http_deep_health import DeepHealth, DeepParams
from chalicelib.steps.probes.ldap_bind import Bind
from chalicelib.steps.probes.mlflow_auth import Auth
from chalicelib.steps.senses import Senses
from chalicelib.steps.step import NoParams

NETWORK = {"subnets": ["subnet-0123456789abcdef0"], "securityGroups": ["sg-0123456789abcdef0"]}
NOT_FROM_HERE = "not reachable from here"


class Pages:
    def ask(self, request):
        return HttpAnswer(200, {}, b"{}", 0.01)


@pytest.fixture
def within():
    facts = DatabaseFacts(reachable=True, authenticated=True, database_exists=True, connections=5)
    server = KnownDatabase(users={"admin": "canary-pass-9931"}, facts=facts)
    return Inside(KnownDatabases({("churn-db.example.com", 5432): server}), KnownDirectories(), Pages())


@pytest.fixture
def sensed(world, within):
    """sensed(probe, …) -> its output, for the world's stack as it is then."""
    world.stack["database"] = {"instance": "churn-db", "secret": "churn/db", "name": "mlflow"}
    world.stack["ldap"] = {"url": "ldaps://ldap.example.com", "baseDn": "dc=example", "bindSecret": "churn/ldap"}

    def carry(payload):
        return json.dumps(reach(within, json.loads(payload))).encode()

    def read(probe, *, carry=carry):
        stack = Stack.model_validate(world.stack)
        senses = Senses(carry_into=lambda _stack: carry).of(stack)
        given = {"databases": senses.databases, "directories": senses.directories, "in_network": senses.in_network}
        ctx = world.ctx(stack=stack, http=senses.asking(world), **given)
        return probe.read(ctx, DeepParams(attempts=1) if isinstance(probe, DeepHealth) else NoParams())

    return read


def gone(_payload):
    raise AwsNotFound("lambda:InvokeFunction", "ResourceNotFoundException", "no such function")


@pytest.mark.parametrize("probe", [Connect(), Bind()], ids=lambda probe: probe.name)
def test_without_a_network_logins_are_skipped_and_no_secret_is_read_s3(world, sensed, within, probe):
    world.denied["secretsmanager:GetSecretValue"] = AssertionError("the secret was read")
    output = sensed(probe)
    assert (output.skipped, output.problem, output.reachable) == (NOT_FROM_HERE, None, None)
    assert within.databases.asked == []


def test_with_a_network_the_login_is_made_in_there(world, sensed, within):
    world.stack["network"] = NETWORK
    output = sensed(Connect())
    assert (output.skipped, output.authenticated, output.connections) == (None, True, 5)
    assert [asked.host for asked in within.databases.asked] == ["churn-db.example.com"]


def test_what_the_directory_refuses_in_there_is_a_fact_of_the_stack(world, sensed):
    world.stack["network"] = NETWORK
    output = sensed(Bind())
    assert (output.skipped, output.problem, output.reachable) == (None, "host_unresolvable", False)


@pytest.mark.parametrize("probe", [Connect(), Bind(), Auth()], ids=lambda probe: probe.name)
def test_a_reach_that_is_not_there_makes_probes_blind_and_supports_nothing_s3(world, sensed, probe):
    world.stack["network"] = NETWORK
    world.stack["url"] = "http://only-inside.invalid"
    output = sensed(probe, carry=gone)
    assert output.skipped.startswith(NOT_FROM_HERE)
    assert getattr(output, "reachable", None) is None


def test_deep_health_that_cannot_be_asked_in_there_is_unreachable_from_here_and_not_ill_s3(world, sensed):
    world.stack["network"] = NETWORK
    world.stack["url"] = "http://only-inside.invalid"
    output = sensed(DeepHealth(), carry=gone)
    assert output.state == "unreachable_from_here"
    assert not output.state.is_ill


def test_a_stack_with_a_network_but_a_steward_without_reach_is_as_one_without(world):
    stack = Stack.model_validate({**world.stack, "network": NETWORK})
    senses = Senses().of(stack)
    assert (senses.databases.out_of_reach, senses.in_network) == (NOT_FROM_HERE, False)
    assert senses.asking(world) is world


def test_the_key_of_fingerprints_is_read_when_a_step_runs_and_not_before(world):
    read = []
    senses = Senses(read_fingerprint_key=lambda: read.append(1) or b"k3y")
    assert read == []
    assert senses.of(Stack.model_validate(world.stack)).fingerprint_key == b"k3y"
    assert b"k3y" not in repr(senses).encode()
