"""What an expression reads, what it gives, and that the unknown is never null."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.catalog.expressions import (
    ExpressionError,
    KnownLater,
    Reference,
    evaluate,
    expressions_in,
    references,
    resolve,
    truthy,
)

SCOPE = {
    "inputs": {"max": 2, "name": "x", "on": True, "none": None},
    "steps": {
        "look": {"unhealthy": 1, "tasks": [{"id": "a", "bad": True}, {"id": "b", "bad": False}]},
        "skipped": None,
    },
    "stack": {"name": "s"},
    "signal": {},
}


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        ("steps.look.unhealthy > `0`", {"steps.look.unhealthy"}),
        ("steps.look.a.b && !(inputs.x) || stack.name == 'y'", {"steps.look.a.b", "inputs.x", "stack.name"}),
        ("steps.look.tasks[?bad].id | [0]", {"steps.look.tasks[].bad", "steps.look.tasks[].id"}),
        ("length(steps.look.tasks[*].id)", {"steps.look.tasks[].id"}),
        ("steps.look.tasks[].parts[].id", {"steps.look.tasks[].parts[].id"}),
        ("steps.look.tasks[0].id", {"steps.look.tasks[].id"}),
        ("steps.look.tasks[1:3].id", {"steps.look.tasks[].id"}),
        ("steps.look.tags.*.x", {"steps.look.tags.*.x"}),
        ("{a: steps.look.x, b: [inputs.y]}", {"steps.look.x", "inputs.y"}),
        ("sort_by(steps.look.tasks, &id)[0].x", {"steps.look.tasks"}),
        ('steps."look".x', {"steps.look.x"}),
        ("steps.look | tasks", {"steps.look.tasks"}),
        ("@.inputs.x", {"inputs.x"}),
        ("steps", {"steps"}),
        ("`1`", set()),
    ],
)
def test_references_are_whole_paths_from_the_scope(expression, read):
    assert {str(reference) for reference in references(expression)} == read


def test_a_reference_to_a_step_says_which_step_and_which_field():
    assert references("steps.look.a.b") == {Reference("steps", "look", ("a", "b"))}
    assert references("inputs.max") == {Reference("inputs", None, ("max",))}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("steps.look.unhealthy > `0`", True),
        ("steps.look.tasks[?bad].id | [0]", "a"),
        ("inputs.max", 2),
        ("steps.skipped.anything", None),
        ("inputs.none || 'other'", "other"),
    ],
)
def test_expressions_give_their_value(expression, value):
    assert evaluate(expression, SCOPE) == value


def test_a_step_without_an_output_yet_is_known_later_and_never_null():
    assert evaluate("steps.restart.changed == `null`", SCOPE) == KnownLater("steps.restart")
    assert evaluate("inputs.max || steps.restart.changed", SCOPE) == KnownLater("steps.restart")
    assert str(evaluate("steps.restart.x", SCOPE)) == "<from steps.restart>"


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "a ==",
        "a[",
        "(" * 400,
        "!" * 499 + "a",
        "a" * 501,
        "`{`",
        "`x`",
        "nope(inputs)",
        "length(inputs.max)",
        "other.x",
        "steps.look.tasks[" + "9" * 480 + "].",
    ],
)
def test_what_cannot_be_evaluated_is_a_named_error(expression):
    with pytest.raises(ExpressionError):
        evaluate(expression, SCOPE)


@pytest.mark.parametrize(("value", "answer"), [(True, True), (None, False), ("", False), ([], False), ({"a": 1}, True)])
def test_truth_is_jmespaths(value, answer):
    assert truthy(value) is answer


def test_what_is_known_later_is_neither_true_nor_false():
    with pytest.raises(ExpressionError, match="not known yet"):
        truthy(KnownLater("steps.x"))


def test_a_whole_reference_keeps_its_type_and_one_inside_a_text_is_formatted():
    given = {
        "a": "${inputs.max}",
        "b": "n-${inputs.max}-${inputs.name}-${inputs.on}",
        "c": {"d": ["${ steps.look.tasks[*].id }", 3]},
        "e": "${ {a: inputs.name, b: '}'} }",
        "f": "costs $5 {x}",
    }
    assert resolve(given, SCOPE) == {
        "a": 2,
        "b": "n-2-x-true",
        "c": {"d": [["a", "b"], 3]},
        "e": {"a": "x", "b": "}"},
        "f": "costs $5 {x}",
    }


def test_one_reference_that_is_known_later_makes_the_whole_known_later():
    assert resolve({"a": 1, "b": ["${steps.later.x}"]}, SCOPE) == KnownLater("steps.later")


def test_a_reference_that_is_not_closed_is_a_named_error():
    for text in ("${inputs.max", "a ${ {b: c} ", "${'}'"):
        with pytest.raises(ExpressionError, match="not closed"):
            list(expressions_in({"a": text}))


PARTS = st.sampled_from(
    [
        "steps",
        ".",
        "look",
        "inputs",
        "max",
        "[",
        "]",
        "?",
        "*",
        "|",
        "&&",
        "!",
        "(",
        ")",
        "`1`",
        "'a'",
        "==",
        "{",
        "}",
        ":",
        ",",
        "length",
        "&",
        "@",
        '"',
        "0",
        "-1",
        " ",
        "${",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=30), st.lists(PARTS, max_size=12).map("".join)))
def test_any_expression_gives_a_value_or_a_named_error(text):
    for call in (lambda: references(text), lambda: evaluate(text, SCOPE), lambda: resolve({"a": text}, SCOPE)):
        with contextlib.suppress(ExpressionError):
            call()
