"""What a step may do while it reads: its own declared rights, or those of each part it asks (S21)."""

from types import SimpleNamespace

import pytest

from chalicelib.engine.sampling import context
from chalicelib.models.stack import Stack
from chalicelib.models.words import utc
from chalicelib.steps.probes.mlflow_diagnose import READERS, Diagnose
from chalicelib.steps.probes.secrets_describe import DescribeSecrets
from chalicelib.steps.senses import Senses
from chalicelib.store.history import History

NOW = utc("2026-11-20T12:00:00+00:00")
STACK = Stack.model_validate({"stack": "churn", "region": "eu-west-2", "ecs": {"cluster": "c", "service": "churn"}})


class Sessions:
    def __init__(self):
        self.asked = []

    def for_stack(self, stack, run_id, step, permissions, *, plan_mode=False):
        self.asked.append((step, len(permissions), plan_mode))
        return "the step's own"

    def for_parts(self, stack, run_id, step, parts, *, plan_mode=False):
        self.asked.append((step, parts, plan_mode))
        return {name: f"for {name}" for name in parts}


@pytest.fixture
def made():
    def made(of):
        sessions = Sessions()
        nobody = SimpleNamespace(recent=lambda *_, **__: SimpleNamespace(rows=()), steps=lambda _id: ())
        ports = SimpleNamespace(
            sessions=sessions,
            senses=Senses(),
            http=None,
            history=History(None),
            runs=nobody,
            stacks={STACK.stack: STACK},
            actions={},
            ledgers=SimpleNamespace(),
            incidents=SimpleNamespace(open_of=lambda _stack: ()),
        )
        run = SimpleNamespace(id="run-1", created_at=NOW, incident_id=None, stack=STACK.stack, undo_of=None)
        return context(ports, run, STACK, "diagnose", NOW, alarms=(), of=of), sessions.asked

    return made


def test_s21_a_probe_that_asks_others_has_no_rights_of_its_own_and_a_session_for_each_part(made):
    ctx, asked = made(Diagnose())
    assert asked[0] == ("diagnose", 0, True)
    assert asked[1][1] == {part.name: part.permissions for part in READERS}
    assert asked[1][2] is True
    assert ctx.for_part("ldap.bind").aws == "for ldap.bind"
    assert ctx.for_part("secrets.describe").aws == "for secrets.describe"


def test_s21_any_other_step_has_the_rights_it_declares_and_no_parts(made):
    ctx, asked = made(DescribeSecrets())
    assert asked == [("diagnose", len(DescribeSecrets.permissions), True)]
    assert ctx.for_part("ldap.bind").aws == "the step's own"


def test_what_steward_left_is_looked_at_only_when_a_probe_asks(made):
    ctx, _ = made(DescribeSecrets())
    assert ctx.left_changes() == ()
