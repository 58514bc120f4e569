"""A stack's level caps its runbooks'; people lift a runbook as far as an approval."""

import pytest

from chalicelib.guards.autonomy import effective_autonomy
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.models.words import Autonomy


def level(runbook: Autonomy, stack: Autonomy, *, by_hand: bool = False) -> Autonomy:
    return effective_autonomy(
        Runbook.model_validate(
            {
                "runbook": "service-down",
                "title": "Bring it back",
                "on": [{"manual": {}}],
                "autonomy": runbook,
                "steps": [{"id": "look", "do": "ecs.describe_service"}],
            }
        ),
        Stack.model_validate(
            {"stack": "blue", "region": "eu-west-2", "ecs": {"cluster": "c", "service": "s"}, "autonomy": stack}
        ),
        by_hand=by_hand,
    )


@pytest.mark.parametrize("runbook", list(Autonomy))
@pytest.mark.parametrize("stack", list(Autonomy))
@pytest.mark.parametrize("by_hand", [False, True])
def test_nothing_and_nobody_goes_further_than_the_stack_s21(runbook, stack, by_hand):
    assert level(runbook, stack, by_hand=by_hand).rank <= stack.rank


def test_the_lower_of_the_two_counts():
    assert level(Autonomy.AUTO, Autonomy.SUGGEST) is Autonomy.SUGGEST
    assert level(Autonomy.SHADOW, Autonomy.AUTO) is Autonomy.SHADOW
    assert level(Autonomy.AUTO, Autonomy.AUTO) is Autonomy.AUTO


@pytest.mark.parametrize("runbook", [Autonomy.SHADOW, Autonomy.SUGGEST, Autonomy.APPROVE])
def test_a_person_who_asks_gets_a_plan_to_approve_not_an_automatic_run(runbook):
    assert level(runbook, Autonomy.AUTO, by_hand=True) is Autonomy.APPROVE


def test_a_person_does_not_lower_what_is_automatic():
    assert level(Autonomy.AUTO, Autonomy.AUTO, by_hand=True) is Autonomy.AUTO
