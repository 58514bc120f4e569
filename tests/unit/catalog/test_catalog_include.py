"""Includes are put in place at pinning, under their includer: the stricter of both (S26)."""

import pytest

from chalicelib.catalog.expressions import ExpressionError, evaluate
from chalicelib.catalog.include import IncludeError, pin
from chalicelib.catalog.load import load_runbook
from chalicelib.catalog.rewrite import Rewriting

CHILD = """\
runbook: child
title: The included one
on: [{manual: {}}]
inputs: {max: {type: integer, default: 1, maximum: 5}, word: {type: string}}
autonomy: approve
guards:
  {cooldown: 1h, maxRuns: {count: 5, per: 12h}, blastRadius: {tasks: "25%"}, standAside: [freeze, a], approvers: other}
steps:
  - id: see
    do: x.see
  - id: act
    do: x.act
    when: "steps.see.count > inputs.max && stack.name == 'steps.see'"
    with: {max: "${inputs.max}", text: "${inputs.word}: ${steps.see.count}", list: ["${steps.see.count}"]}
    onFailure: step:after
  - id: after
    do: x.after
verify: {that: [alarm_ok]}
"""
PARENT = """\
runbook: parent
title: The one that includes
on: [{manual: {}}]
inputs: {top: {type: integer, default: 3}}
autonomy: auto
guards: {cooldown: 15m, maxRuns: {count: 3, per: 6h}, blastRadius: {tasks: "50%"}, standAside: [freeze, b]}
steps:
  - id: first
    do: x.first
  - id: more
    include: child
    when: "steps.first.ok"
    with: WITH
    onCancel: escalate
  - id: last
    do: x.last
    with: {n: "${steps.more__see.count}"}
"""


def pinned(with_="{max: 4}", parent=PARENT, child=CHILD, **others):
    books = {"child": load_runbook(child, "-")} | {name: load_runbook(text, "-") for name, text in others.items()}
    return pin(load_runbook(parent.replace("WITH", with_), "-"), books)


def test_the_steps_of_the_included_runbook_stand_in_place_with_long_ids():
    run = pinned()
    assert [step.id for step in run.steps] == ["first", "more__see", "more__act", "more__after", "last"]
    assert all(step.include is None for step in run.steps)
    assert run.steps[2].on_failure == "step:more__after"
    assert run.steps[2].on_cancel == "escalate"
    assert run.steps[4].with_ == {"n": "${steps.more__see.count}"}


def test_conditions_of_both_must_hold_and_names_in_texts_stay():
    act = pinned().steps[2]
    assert act.when == "(steps.first.ok) && (steps.more__see.count > (`4`) && stack.name == 'steps.see')"
    scope = {"inputs": {}, "steps": {"first": {"ok": True}, "more__see": {"count": 5}}, "stack": {"name": "steps.see"}}
    assert evaluate(act.when, scope) is True
    assert evaluate(act.when, {**scope, "steps": {"first": {"ok": False}, "more__see": {"count": 5}}}) is False


@pytest.mark.parametrize(
    ("given", "max_", "word", "value"),
    [
        ("{max: 4, word: hi}", 4, """`"hi"`""", "hi"),
        ('{max: "${inputs.top}"}', "${inputs.top}", "`null`", None),
        ("""{word: 'n${inputs.top}`'}""", 1, """join('', [`"n"`, to_string(inputs.top), `"\\`"`])""", "n3`"),
        ('{word: "${steps.first.x}"}', 1, "steps.first.x", 9),
    ],
)
def test_inputs_of_the_included_one_are_what_the_include_gives(given, max_, word, value):
    with_ = pinned(given).steps[2].with_
    assert with_["max"] == max_
    assert with_["text"] == f"${{({word})}}: ${{steps.more__see.count}}"
    assert with_["list"] == ["${steps.more__see.count}"]
    assert evaluate(f"({word})", {"inputs": {"top": 3}, "steps": {"first": {"x": 9}}}) == value


def test_s26_the_stricter_of_both_autonomy_and_guards_holds():
    run = pinned()
    assert run.autonomy == "approve"
    assert run.guards.cooldown == 3600
    assert (run.guards.max_runs.count, run.guards.max_runs.per) == (3, 12 * 3600)
    assert run.guards.blast_radius.tasks == "25%"
    assert run.guards.stand_aside == ("freeze", "b", "a")
    assert run.guards.approvers == "other"
    assert run.verify.that == ("alarm_ok",)


def test_s26_it_is_the_same_the_other_way_round():
    loose = (
        CHILD.replace("autonomy: approve", "autonomy: auto")
        .replace("cooldown: 1h", "cooldown: 1m")
        .replace("25%", "100%")
    )
    run = pinned(child=loose, parent=PARENT.replace("autonomy: auto", "autonomy: suggest"))
    assert (run.autonomy, run.guards.cooldown, run.guards.blast_radius.tasks) == ("suggest", 900, "50%")


def test_a_share_and_a_number_cannot_be_compared_and_are_refused():
    with pytest.raises(IncludeError, match="write both the same way"):
        pinned(child=CHILD.replace('"25%"', "1"))


def link(name, other):
    step = f"{{id: go, include: {other}}}" if other else "{id: end, do: x.y}"
    return f"runbook: {name}\ntitle: {name} it\non: [{{manual: {{}}}}]\nsteps: [{step}]\n"


def chain(*names):
    books = {a: load_runbook(link(a, b), "-") for a, b in zip(names, [*names[1:], None], strict=True)}
    return pin(books[names[0]], books)


def test_includes_go_three_deep_and_no_deeper():
    assert [step.id for step in chain("a", "b", "c", "d").steps] == ["go__go__go__end"]
    with pytest.raises(IncludeError, match=r"at most 3 deep: a → b → c → d → e"):
        chain("a", "b", "c", "d", "e")


def test_cycles_are_refused_by_name():
    books = {name: load_runbook(link(name, other), "-") for name, other in (("a", "b"), ("b", "a"))}
    with pytest.raises(IncludeError, match="includes itself: a → b → a"):
        pin(books["a"], books)


@pytest.mark.parametrize(
    ("given", "change", "words"),
    [
        ("{max: 6}", ("", ""), "must be at most 5"),
        ("{mx: 1}", ("", ""), "no input 'mx'; did you mean `max`"),
        ("{}", ("include: child", "include: chld"), "did you mean `child`"),
        ("{}", ("    do: x.first\n", "    do: x.first\n    onFailure: step:more\n"), "cannot be jumped to"),
        ("{}", ("id: more", f"id: {'m' * 78}"), "longer than 80"),
    ],
)
def test_what_cannot_be_included_is_said_with_the_step(given, change, words):
    with pytest.raises(IncludeError, match=words) as caught:
        pinned(given, parent=PARENT.replace(*change))
    assert caught.value.field.startswith("steps.m")


def test_a_required_input_must_be_given():
    with pytest.raises(IncludeError, match="needs its input 'word'"):
        pinned(child=CHILD.replace("word: {type: string}", "word: {type: string, required: true}"))


def test_a_runbook_without_includes_is_itself():
    book = load_runbook(CHILD, "-")
    assert pin(book, {}) is book
    assert pin(book, {}).content_hash == book.content_hash


@pytest.mark.parametrize("text", ["steps.*.x", "inputs", "keys(inputs)", "steps.other.x", "inputs.other"])
def test_what_cannot_be_told_apart_is_refused_and_not_guessed(text):
    with pytest.raises(ExpressionError, match="cannot be included"):
        Rewriting({"see": "m__see"}, {"max": 1}).expression(text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('steps."see".x', "steps.m__see.x"),
        ("length(steps.see.x)>inputs.max", "length(steps.m__see.x)>(`1`)"),
        ("{steps: steps.see.x}", "{steps: steps.m__see.x}"),
        ("stack.steps.see", "stack.steps.see"),
        ("steps.see[?a == 'inputs.max'].x", "steps.m__see[?a == 'inputs.max'].x"),
        ('steps."see"  .x', "steps.m__see  .x"),
    ],
)
def test_only_references_are_rewritten(text, result):
    assert Rewriting({"see": "m__see"}, {"max": 1}).expression(text) == result
