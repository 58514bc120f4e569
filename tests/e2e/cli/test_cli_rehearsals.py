"""Every shipped runbook has rehearsals, and every rehearsal flies as it is written down."""

from pathlib import Path

import pytest

from chalicelib.errors import DocumentErrors
from steward.cli.folders import read_runbooks
from steward.sandbox.rehearsals import find_rehearsals, fly, load_rehearsal

CASES = Path(__file__).parents[2] / "rehearsals"
FOUND = find_rehearsals(CASES)


def without_enough(runbooks, cases, least=2):
    """Runbooks with fewer rehearsals than that."""
    return [name for name in runbooks if sum(case.runbook == name for _, case in cases) < least]


def test_every_shipped_runbook_has_at_least_two_rehearsals():
    assert without_enough(read_runbooks(), FOUND) == []


def test_a_runbook_without_rehearsals_would_be_noticed():
    assert without_enough(["brand-new", *read_runbooks()], FOUND) == ["brand-new"]


def test_every_rehearsal_is_of_a_runbook_that_exists():
    assert {case.runbook for _, case in FOUND} <= set(read_runbooks())


@pytest.mark.parametrize(
    ("file", "case"), FOUND, ids=[f"{Path(file).parent.name}/{Path(file).stem}" for file, _ in FOUND]
)
def test_the_rehearsal_flies_as_expected(file, case):
    flown = fly(file, case, read_runbooks())
    assert flown.problems == ()


def test_a_rehearsal_that_expects_something_else_says_what_came_instead():
    case = load_rehearsal(
        "rehearsal: expects what does not come\nrunbook: service-down\nworld: {break: recovers-by-itself}\n"
        "expect: {outcome: hold, verdict: verified, runs: 2, changes: [{operation: 'ecs:StopTask', count: 1}]}\n",
        "case.yml",
    )
    problems = "\n".join(fly("case.yml", case, read_runbooks()).problems)
    assert "decided run" in problems
    assert "verdict recovered_before_action" in problems
    assert "ecs:StopTask was called 0 times, expected 1" in problems
    assert "1 runs, expected 2" in problems


def test_a_rehearsal_with_a_misspelt_field_says_where():
    with pytest.raises(DocumentErrors, match=r"case\.yml:3:1: wurld"):
        load_rehearsal(
            "rehearsal: a case with a mistake\nrunbook: service-down\nwurld: {}\nexpect: {outcome: run}\n", "case.yml"
        )
