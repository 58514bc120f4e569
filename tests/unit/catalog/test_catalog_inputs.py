"""A runbook's inputs: complete, typed, within bounds, or refused by name."""

import pytest

from chalicelib.catalog.inputs import check_inputs, coerce_cli
from chalicelib.catalog.load import load_runbook
from chalicelib.errors import InputsRejected

BOOK = load_runbook(
    """\
runbook: a
title: abc
on: [{manual: {}}]
inputs:
  count: {type: integer, default: 2, minimum: 1, maximum: 4}
  share: {type: number, maximum: 1}
  which: {type: string, enum: [oldest, unhealthy], default: oldest}
  name: {type: string, pattern: "[a-z]+", required: true}
  dry: {type: boolean, default: false}
steps: [{id: a, do: b.c}]
""",
    "-",
)


def test_defaults_are_filled_and_the_optional_is_none():
    assert check_inputs(BOOK, {"name": "x"}) == {
        "count": 2,
        "share": None,
        "which": "oldest",
        "name": "x",
        "dry": False,
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "`name` is missing"),
        ({"name": "x", "cuont": 1}, "no input named 'cuont'; did you mean `count`?"),
        ({"name": "x", "zzz": 1}, "there is count, share"),
        ({"name": "x", "count": 0}, "at least 1"),
        ({"name": "x", "count": 5}, "at most 4"),
        ({"name": "x", "count": "3"}, "a whole number; got '3'"),
        ({"name": "x", "count": True}, "a whole number; got True"),
        ({"name": "x", "count": 1.5}, "a whole number"),
        ({"name": "x", "share": float("nan")}, "a number"),
        ({"name": "x", "share": float("inf")}, "a number"),
        ({"name": "x", "which": "all"}, "one of oldest, unhealthy"),
        ({"name": "x1"}, "must match"),
        ({"name": "x\n"}, "control character"),
        ({"name": "x" * 1001}, "at most 1000"),
        ({"name": ["x"]}, "must be text"),
        ({"name": "x", "dry": 1}, "true or false"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(given, words):
    with pytest.raises(InputsRejected) as caught:
        check_inputs(BOOK, given)
    assert words in str(caught.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(InputsRejected) as caught:
        check_inputs(BOOK, {"count": 9, "dry": "maybe"})
    assert len(caught.value.problems) == 3


def test_text_of_a_command_line_becomes_the_declared_types():
    given = coerce_cli(BOOK, ["count=3", "share=0.5", "name=a=b", "dry=TRUE"])
    assert given == {"count": 3, "share": 0.5, "name": "a=b", "dry": True}


@pytest.mark.parametrize("pairs", [["count"], ["nope=1"], ["count=1", "count=2"], ["=1"]])
def test_what_is_no_input_is_refused(pairs):
    with pytest.raises(InputsRejected):
        coerce_cli(BOOK, pairs)


def test_text_that_is_no_number_stays_text_for_the_check_to_name():
    with pytest.raises(InputsRejected, match="got 'many'"):
        check_inputs(BOOK, coerce_cli(BOOK, ["name=x", "count=many"]))
