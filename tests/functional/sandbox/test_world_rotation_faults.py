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


def accepted(world):
    """By stage; None: no version has it."""
    return tuple(gets_in(world, stage) for stage in ("AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"))


def test_secret_rotated_gives_the_database_what_the_current_version_says(world):
    assert accepted(world) == (True, None, None)
    world.break_with("secret-rotated")
    assert accepted(world) == (True, False, None)


def test_secret_rotated_may_leave_a_database_that_takes_none_of_its_versions(world):
    world.break_with("secret-rotated", database="also_unknown")
    assert accepted(world) == (False, False, None)


def test_rotated_but_refused_leaves_the_database_with_the_former_version(world):
    world.break_with("rotated-but-refused")
    assert accepted(world) == (False, True, None)


def test_rotation_failed_leaves_the_database_with_the_pending_version_only(world):
    world.break_with("rotation-failed")
    assert accepted(world) == (False, None, True)


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
