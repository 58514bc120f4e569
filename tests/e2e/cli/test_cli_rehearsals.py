"""Every shipped runbook has rehearsals, and every rehearsal flies as it is written down."""

import pytest

from chalicelib.errors import DocumentErrors
from steward.sandbox.rehearsals import fly, load_rehearsal
from tests.e2e.rehearsed import FOUND, NEED_EVERY_RIGHT
from tests.shipped import read_runbooks


@pytest.fixture(scope="module")
def runbooks():
    return read_runbooks()


def without_enough(runbooks, least=2):
    """Runbooks with fewer rehearsals than that."""
    return [name for name in runbooks if sum(case.runbook == name for _, case in FOUND.values()) < least]


def test_every_shipped_runbook_has_at_least_two_rehearsals(runbooks):
    assert without_enough(runbooks) == []


def test_a_runbook_without_rehearsals_would_be_noticed(runbooks):
    assert without_enough(["brand-new", *runbooks]) == ["brand-new"]


def test_every_rehearsal_is_of_a_runbook_that_exists(runbooks):
    assert {case.runbook for _, case in FOUND.values()} <= set(runbooks)


@pytest.mark.parametrize("name", sorted(FOUND.keys() - NEED_EVERY_RIGHT))
def test_the_rehearsal_flies_as_expected(name, runbooks):
    """The others are flown once, where it is seen that no right is unused."""
    assert fly(*FOUND[name], runbooks).problems == ()


def test_a_rehearsal_that_expects_something_else_says_what_came_instead(runbooks):
    case = load_rehearsal(
        "rehearsal: expects what does not come\nrunbook: service-down\nworld: {break: recovers-by-itself}\n"
        "expect: {outcome: hold, verdict: verified, runs: 2, changes: [{operation: 'ecs:StopTask', count: 1}]}\n",
        "case.yml",
    )
    problems = "\n".join(fly("case.yml", case, runbooks).problems)
    assert "decided run" in problems
    assert "verdict recovered_before_action" in problems
    assert "ecs:StopTask was called 0 times, expected 1" in problems
    assert "1 runs, expected 2" in problems


def test_a_rehearsal_with_a_misspelt_field_says_where():
    with pytest.raises(DocumentErrors, match=r"case\.yml:3:1: wurld"):
        load_rehearsal(
            "rehearsal: a case with a mistake\nrunbook: service-down\nwurld: {}\nexpect: {outcome: run}\n", "case.yml"
        )
