"""A rotation tells of no trouble and still asks for work; S2 holds for it as for anything else."""

from datetime import timedelta

import pytest

from chalicelib.catalog.match import Matcher
from chalicelib.engine import incidents
from chalicelib.engine.admission import Ids
from chalicelib.engine.evaluate import Situation, evaluate
from chalicelib.models.decision import Outcome
from chalicelib.models.ledger import Fleet, FleetLimits, Ledger, Slot
from chalicelib.models.runbook import Runbook
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.stack import Stack
from chalicelib.models.words import utc
from chalicelib.signals.tie import StackKeys, tie

NOW = utc("2026-11-02T09:00:00+00:00")
STACK = Stack.model_validate(
    {
        "stack": "prod",
        "region": "eu-west-2",
        "account": "111122223333",
        "autonomy": "auto",
        "ecs": {"cluster": "c", "service": "s"},
        "database": {"instance": "db", "secret": "prod/db"},
    }
)
BOOK = Runbook.model_validate(
    {
        "runbook": "roll",
        "title": "Roll it",
        "on": [{"secrets.rotation": {}}],
        "autonomy": "auto",
        "steps": [{"id": "roll", "do": "fake.roll"}],
    }
)


def rotated(name="RotationSucceeded", state=SignalState.INFO, **more):
    given = {
        "id": "e1", "kind": SignalKind.SECRETS_ROTATION, "state": state, "name": name, "resource": "prod/db",
        "source": "eventbridge", "occurred_at": NOW, "actionable": state is SignalState.FIRING, "stack": "prod",
        "account": "111122223333", "region": "eu-west-2",
    }  # fmt: skip
    return Signal(**{**given, **more})


def decide(signal, ledger=None, incident=None, books=(BOOK,)):
    ledger = ledger or Ledger(stack="prod")
    books = Matcher.of(books).matches(signal)
    ids, again = Ids.of("e1", signal.id), incident is not None
    limits = FleetLimits(stacks=1)
    return evaluate(Situation(signal, STACK, books, incident, ledger, Fleet(), limits, NOW, ids, reconsidering=again))


def test_a_rotation_that_succeeded_starts_the_runbook_without_an_incident():
    decided = decide(rotated())
    assert (decided.part.outcome, decided.part.runbook, decided.incident) == (Outcome.RUN, "roll", None)
    assert decided.ledger is not None


@pytest.mark.parametrize("name", ["PutSecretValue", "RotationStarted", "CancelRotateSecret"])
def test_other_news_of_a_secret_starts_nothing(name):
    assert decide(rotated(name)).part.outcome is Outcome.IGNORE


def test_a_rotation_that_steward_caused_is_its_own_echo():
    assert decide(rotated(echo_of="run-1")).part.outcome is Outcome.IGNORE


@pytest.mark.parametrize("strange", [{"account": "999999999999"}, {"region": "us-east-1"}, {"account": None}])
def test_s2_one_from_elsewhere_or_from_nowhere_starts_nothing(strange):
    decided = decide(rotated(**strange))
    assert (decided.part.outcome, decided.ledger) == (Outcome.IGNORE, None)


def test_one_that_comes_late_is_refused_and_people_hear_of_it():
    assert decide(rotated(occurred_at=NOW - timedelta(hours=2))).part.outcome is Outcome.REFUSE


def test_while_another_run_is_on_the_stack_it_is_held_and_looked_at_again():
    busy = Ledger(stack="prod", active=(Slot(run_id="other", runbook="x", since=NOW, planned=True),))
    decided = decide(rotated(), busy)
    assert decided.part.outcome is Outcome.HOLD
    assert "one_run" in decided.part.reasons[0]
    assert decided.joins is None
    assert decided.part.signal.state is SignalState.FIRING  # what sweep takes up again
    assert decided.incident.reconsider_at == decided.part.reconsider_at == NOW + timedelta(seconds=60)
    assert [source.kind for source in decided.incident.firing] == [SignalKind.SECRETS_ROTATION]


def test_s7_one_that_is_held_and_looked_at_again_is_no_trouble_in_the_fleet():
    busy = Ledger(stack="prod", active=(Slot(run_id="other", runbook="x", since=NOW),))
    first = decide(rotated(), busy)
    again = decide(first.part.signal, busy, first.incident)
    assert again.part.outcome is Outcome.HOLD
    assert again.fleet == Fleet()


def test_s7_a_rotation_that_failed_is():
    on_failure = Runbook.model_validate(
        BOOK.model_dump(by_alias=True, exclude_none=True) | {"on": [{"secrets.rotation": {"event": "RotationFailed"}}]}
    )
    decided = decide(rotated("RotationFailed", SignalState.FIRING), books=(on_failure,))
    assert [trouble.stack for trouble in decided.fleet.firing] == ["prod"]


def test_s18_it_is_waiting_work_until_somebody_failed_at_it_or_nobody_came():
    busy = Ledger(stack="prod", active=(Slot(run_id="other", runbook="x", since=NOW),))
    waiting = decide(rotated(), busy).incident
    assert waiting.is_waiting_work
    assert not incidents.needs_human(waiting, NOW, "held 20 times").is_waiting_work
    assert not waiting.model_copy(update={"escalated_at": NOW}).is_waiting_work
    failed = incidents.hear(waiting, rotated("RotationFailed", SignalState.FIRING), NOW)
    assert not failed.is_waiting_work


@pytest.mark.parametrize("secret", ["prod/db", "prod/ldap", "prod/minio", "prod/admin"])
def test_the_rotation_of_any_secret_that_the_stack_names_is_about_it(secret):
    named = {
        "ldap": {"url": "ldaps://ldap.example.com", "baseDn": "dc=example,dc=com", "bindSecret": "prod/ldap"},
        "artifacts": {"bucket": "b", "secret": "prod/minio", "endpoint": "https://minio.example.com"},
        "mlflow": {"auth": "basic", "adminSecret": "prod/admin"},
    }
    stack = Stack.model_validate(STACK.model_dump(by_alias=True, exclude_none=True) | named)
    told = rotated(stack=None, keys=(f"secret:{secret}",))
    assert tie(told, StackKeys.of([stack])).stack == "prod"
