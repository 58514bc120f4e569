"""Every fault of a rotation shows what its sentence promises: in Secrets Manager, at a login and as an event."""

import json

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.gateways import Aws
from chalicelib.models.signal import SignalKind, SignalState
from chalicelib.models.words import utc
from chalicelib.net.database_login import DatabaseRequest
from chalicelib.signals.read import read_signals
from chalicelib.signals.tie import StackKeys, tie
from steward.sandbox import place
from steward.sandbox.world import World


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def gets_in(world, stage):
    secrets = Aws(world.session(), place.REGION).secrets
    version = secrets.versions(place.DATABASE_SECRET).get(stage)
    if version is None:
        return None
    login = secrets.database(place.DATABASE_SECRET, version).login
    where = (place.DATABASE_HOST, place.DATABASE_PORT, place.DATABASE_NAME)
    facts = world.databases.look(DatabaseRequest("postgres", *where, login.username, login.password))
    return facts.authenticated


@pytest.mark.parametrize(
    ("fault", "params", "current", "previous", "pending"),
    [
        ("secret-rotated", {}, True, False, None),
        ("secret-rotated", {"database": "also_unknown"}, False, False, None),
        ("rotated-but-refused", {}, False, True, None),
        ("rotation-failed", {}, False, None, True),
    ],
)
def test_the_database_accepts_the_versions_that_the_fault_says(world, fault, params, current, previous, pending):
    world.break_with(fault, **params)
    assert gets_in(world, "AWSCURRENT") is current
    assert gets_in(world, "AWSPREVIOUS") is previous
    assert gets_in(world, "AWSPENDING") is pending


@pytest.mark.parametrize(
    ("fault", "name", "state"),
    [
        ("secret-rotated", "RotationSucceeded", SignalState.INFO),
        ("rotation-failed", "RotationFailed", SignalState.FIRING),
    ],
)
def test_the_event_is_read_and_tied_to_the_stack(world, fault, name, state):
    world.break_with(fault)
    (event,) = [each for each in world.take_events() if each["source"] == "aws.secretsmanager"]
    (signal,) = read_signals(event, received_at=utc("2026-11-02T09:00:00Z"))
    tied = tie(signal, StackKeys.of([world.stack()]))
    assert (tied.kind, tied.name, tied.state, tied.stack) == (SignalKind.SECRETS_ROTATION, name, state, place.NAME)


def test_a_task_that_starts_after_the_rotation_has_the_new_password(world):
    before = world.secrets.database_password
    world.break_with("secret-rotated")
    client = world.session().client("secretsmanager")
    current = json.loads(client.get_secret_value(SecretId=place.DATABASE_SECRET)["SecretString"])["password"]
    former = client.get_secret_value(SecretId=place.DATABASE_SECRET, VersionStage="AWSPREVIOUS")["SecretString"]
    assert current == world.secrets.database_password != before == json.loads(former)["password"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_secret_value(SecretId=place.DATABASE_SECRET, VersionStage="AWSPENDING")
