"""S2: a signal is a hint, and it must be this stack's."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.guards.signal import trust
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.stack import Stack

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
OURS, THEIRS = "111111111111", "222222222222"


def stack(**facts) -> Stack:
    return Stack.model_validate(
        {"stack": "blue", "region": "eu-west-2", "ecs": {"cluster": "c", "service": "s"}, **facts}
    )


def heard(**facts) -> Signal:
    given = {
        "id": "e1",
        "kind": SignalKind.ALARM,
        "state": SignalState.FIRING,
        "source": "eventbridge",
        "account": OURS,
        "region": "eu-west-2",
        "occurred_at": NOW,
        "actionable": True,
        "stack": "blue",
    }
    return Signal(**{**given, **facts})


def refusals(signal: Signal, of: Stack | None = None, **facts) -> dict[str, str]:
    results = trust(signal, of or stack(account=OURS), NOW, **facts)
    return {result.guard: result.because for result in results if not result.passed}


def test_a_fresh_signal_of_the_stack_is_trusted_s2():
    assert refusals(heard()) == {}
    assert refusals(heard(), stack(), own_account=OURS) == {}


@pytest.mark.parametrize(
    ("facts", "guard", "said"),
    [
        ({"account": THEIRS}, "account", "comes from account 222222222222; the stack is in 111111111111"),
        ({"region": "us-east-1"}, "region", "comes from region us-east-1"),
        ({"account": None}, "account", "lacks the account"),
        ({"region": None}, "region", "lacks the region"),
        ({"stack": "green"}, "stack", "tied to green, not to blue"),
        ({"stack": None}, "stack", "tied to no stack"),
        ({"echo_of": "r1"}, "echo", "own doing, in run r1"),
        ({"actionable": False, "reason": "the alarm is muted"}, "actionable", "the alarm is muted"),
        ({"occurred_at": NOW - timedelta(hours=1, seconds=1)}, "stale", "3601 s before we heard"),
    ],
)
def test_what_does_not_fit_refuses_and_says_why_s2_s6(facts, guard, said):
    refused = refusals(heard(**facts))
    assert list(refused) == [guard]
    assert said in refused[guard]


def test_an_account_that_cannot_be_compared_refuses_s2():
    assert refusals(heard(), stack()) == {"account": "lacks the account of the stack to compare with"}


def test_a_webhook_names_no_account_and_speaks_by_its_credential_s2():
    hook = heard(kind=SignalKind.WEBHOOK_ALERTMANAGER, account=None, region=None)
    assert refusals(hook) == {}


def test_a_person_who_asks_needs_no_alarm():
    assert (
        refusals(heard(kind=SignalKind.MANUAL, state=SignalState.INFO, account=None, region=None, actionable=False))
        == {}
    )


def test_a_held_signal_is_not_stale_when_it_is_looked_at_again():
    old = heard(occurred_at=NOW - timedelta(hours=5))
    assert list(refusals(old)) == ["stale"]
    assert refusals(old, reconsidering=True) == {}
