"""Buckets that encrypt with customers' keys: just the packaged rights suffice, and none of them is more than needed."""

from dataclasses import dataclass, replace

import pytest

from chalicelib.aws.sessions import StackSessions
from chalicelib.errors import AwsDenied, StepRefused
from chalicelib.models.stack import Stack
from chalicelib.steps.registry import ACTIONS
from steward.sandbox import place
from steward.sandbox.backup_faults import artifacts_grown
from steward.sandbox.enforcement import Enforcement
from steward.sandbox.world import World
from tests.shipped import read_runbooks

from .conftest import Desk

BACKUP, RESTORE, SAMPLE = "s3.backup_prefix", "s3.restore", "s3.restore_sample"
SOURCE_KEY, BACKUP_KEY = (place.arn("kms", f"key/{name}") for name in ("a-1", "b-1"))
NAMED = {"kmsKey": SOURCE_KEY, "backupKmsKey": BACKUP_KEY}


@dataclass
class Enforced(Desk):
    """Every call with the session of its step: to plan with, and to act with."""

    iam: Enforcement | None = None
    action: str = BACKUP

    def ctx(self, step="backup", *, acting=False):
        sessions = StackSessions(place.REGION, self.iam.session)
        rights = ACTIONS[self.action].permissions
        aws = sessions.for_stack(self.iam.stack, "r-1", step, rights, plan_mode=not acting)
        return replace(super().ctx(step, acting=acting), aws=aws)

    def carry_out(self, name, **params):
        self.action = name
        return super().carry_out(name, **params)


@pytest.fixture
def world():
    with World.create(seed=3) as made:
        artifacts_grown(made)
        made.bucket.keys |= {place.BUCKET: SOURCE_KEY, place.BACKUP_BUCKET: BACKUP_KEY}
        yield made


def enforced(world, **artifacts):
    document = place.STACK_DOCUMENT
    stack = Stack.model_validate({**document, "artifacts": {**document["artifacts"], **artifacts}})
    return Enforced(world, stack, iam=Enforcement.of(world, stack, read_runbooks()))


def test_backup_restore_and_drill_work_with_the_rights_that_are_packaged_for_named_keys_s21(world):
    desk = enforced(world, **NAMED)
    desk.carry_out(BACKUP)
    desk.later(days=1)
    desk.carry_out(BACKUP)
    desk.carry_out(RESTORE, backup="latest")
    desk.carry_out(SAMPLE)
    assert desk.iam.denied == []
    used = {(grant.action, grant.resource) for grant in desk.iam.used if grant.resource in NAMED.values()}
    assert used == {(f"kms:{verb}", key) for verb in ("Decrypt", "GenerateDataKey") for key in NAMED.values()}


def test_a_key_that_is_not_named_would_be_denied_and_is_refused_before(world):
    desk = enforced(world)
    with pytest.raises((StepRefused, AwsDenied), match=r"GetObject|kmsKey"):
        desk.carry_out(BACKUP)
    assert desk.copies() == []
