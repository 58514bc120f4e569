"""The reader refuses by name, with a line, and never with anything but a DocumentError."""

import contextlib
import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.documents import core_scalar, dotted, read_json, read_yaml
from chalicelib.errors import DocumentError, DocumentErrors
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack


def refused(text, read=read_yaml, **bounds):
    with pytest.raises(DocumentError) as caught:
        read(text, "f.yml", **bounds)
    error = caught.value
    assert str(error).startswith(f"f.yml:{error.line}:{error.column}: ")
    return error


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, word) for word in ("on", "off", "yes", "no", "On", "22:00", "1_000", "2026-01-01", "0b1", "1e", "=")],
        *[(word, True) for word in ("true", "True", "TRUE")],
        *[(word, False) for word in ("false", "False", "FALSE")],
        *[(word, None) for word in ("", "~", "null", "Null", "NULL")],
        ("0o17", 15),
        ("0x1F", 31),
        ("012", 12),
        ("-7", -7),
        ("+7", 7),
        ("0o8", "0o8"),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        (".", "."),
        ("tRue", "tRue"),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2_core(text, value):
    result = core_scalar(text)
    assert (result, type(result)) == (value, type(value))


def test_quoted_scalars_are_always_text():
    assert read_yaml("a: 'true'\nb: \"12\"\nc: |\n  1\n", "f").data == {"a": "true", "b": "12", "c": "1\n"}


def test_on_is_a_key_and_a_time_is_text():
    assert read_yaml("on:\n  - at: 22:00\n", "f").data == {"on": [{"at": "22:00"}]}


def test_places_are_those_of_keys_and_list_entries_and_else_of_the_nearest_ancestor():
    document = read_yaml("a: 1\nsteps:\n  - id: x\n    with: {m: 2}\n", "f")
    assert document.places[("steps", 0, "with", "m")] == (4, 12)
    assert document.place(("steps", 0, "missing", "deep")) == (3, 5)
    assert document.place(("nothing",)) == (1, 1)
    assert dotted(("steps", 0, "with", "m")) == "steps[0].with.m"


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: 1\nb: 2\na: 3", 3, "second time, first in line 1"),
        ("a:\n  b: 1\n  'b': 2", 3, "second time"),
        ("a: &x 1", 1, "anchors"),
        ("a: 1\nb: *x", 2, "aliases"),
        ("a: !!python/object:os.system 1", 1, "tags"),
        ("a: ! 1", 1, "tags"),
        ("a:\n  <<: {b: 1}", 2, "merge keys"),
        ("a: 1\n---\nb: 1", 2, "second document"),
        ("%TAG ! x\n---\na: 1", 1, "%TAG"),
        ("1: a", 1, 'in quotes: "1"'),
        ("true: a", 1, 'in quotes: "true"'),
        ("? [a]\n: 1", 1, "a key must be text"),
        ("? {a: b}\n: 1", 1, "a key must be text"),
        ("a: .inf", 1, "infinite"),
        ("a: 1e999", 1, "infinite"),
        ("a: 99999999999999999999", 1, "too large"),
        ("a: " + "9" * 5000, 1, "too large"),
        ("a: 1\nb: \x07", 2, "U+0007"),
        ("a: 1\nb: x\u202ey", 2, "U+202E"),
        ('a: "\\0"', 1, "control character"),
        ('a: "\\ud800"', 1, "control character"),
        ('a: 1\nb: "\\UFFFFFFFF"', 2, "not valid YAML"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1", 1, "not valid YAML"),
        ("a:\n\tb: 1", 2, "no tabs"),
        ("a: 1\nb: c: d", 2, "needs quotes"),
        ("a: @b", 1, "needs quotes"),
        ("a: 'x", 1, "quote"),
        ("a: [1", 1, "not valid YAML"),
        ("\ud800", 1, "surrogate"),
    ],
)
def test_what_yaml_may_not_hold_is_refused_with_its_line(text, line, word):
    error = refused(text)
    assert error.line == line
    assert word in error.what


def test_bytes_that_are_not_utf8_are_refused_where_they_stand():
    error = refused(b"a: 1\nb: \xff")
    assert (error.line, error.column) == (2, 4)
    assert "not UTF-8" in error.what
    assert read_yaml("\ufeffa: ü".encode(), "f").data == {"a": "ü"}


@pytest.mark.parametrize("text", ["[" * 90_000, "- " * 90_000, "{a: " * 60_000, "- - - -\n" * 9 + "[" * 99])
def test_depth_is_bounded_without_reading_on(text):
    assert "nested more than 32 levels" in refused(text).what or "not valid YAML" in refused(text).what


def test_thirty_two_levels_are_fine_and_one_more_is_not():
    assert read_yaml("[" * 32 + "]" * 32, "f").data
    assert refused("[" * 33 + "]" * 33).column == 33


def test_a_billion_laughs_are_refused_at_the_first_anchor():
    text = 'a: &a ["lol","lol"]\n' + "".join(
        f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)
    )
    assert refused(text).line == 1


def test_size_is_bounded():
    with pytest.raises(DocumentError, match="larger than"):
        read_yaml("#" * 262_145, "f")
    with pytest.raises(DocumentError, match="larger than"):
        read_yaml("ü" * 200_000, "f")
    assert read_yaml("#" * 262_144, "f").data is None


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ('{"a": 1,\n "a": 2}', 2, "second time"),
        ('{"x": "a", "b": {"c": 1,\n "c": 2}}', 2, "second time"),
        ("[1,\nNaN]", 2, "NaN"),
        ('["NaN",\n-Infinity]', 2, "-Infinity"),
        ("[1e999]", 1, "too large"),
        ("[" + "9" * 5000 + "]", 1, "too many digits"),
        ('["x",\n"\\ud800"]', 2, "surrogate"),
        ("{", 1, "not valid JSON"),
        ("", 1, "not valid JSON"),
        (b"\xff", 1, "not UTF-8"),
        ("[" * 100_000, 1, "nested more than"),
        ('{"a":' * 33 + "1" + "}" * 33, 1, "nested more than"),
    ],
)
def test_what_json_may_not_hold_is_refused_with_its_line(text, line, word):
    error = refused(text, read_json, max_bytes=1 << 20, max_depth=32)
    assert error.line == line
    assert word in error.what


def test_json_is_bounded_by_size_before_it_is_parsed_and_brackets_in_text_are_no_depth():
    with pytest.raises(DocumentError, match="larger than the 10 bytes"):
        read_json('"' + "x" * 20 + '"', "f", max_bytes=10, max_depth=3)
    assert read_json('["[[[[[{{{{"]', "f", max_bytes=100, max_depth=3) == ["[[[[[{{{{"]
    assert read_json('"\\ud83d\\ude00"', "f", max_bytes=100, max_depth=3) == "😀"


RUNBOOK = """\
runbook: Service Down
title: x
on:
  - alarm: {nme: "*"}
  - {}
inputs: {maxTasks: {type: integr}}
autonomy: automatic
guards: {cooldown: 15, blastRadius: {tasks: "150%"}}
steps:
  - id: look
    do: ecs.describe_service
    max_attempts: 3
    onFailure: jump
  - do: 3
    maxAttempts: "3"
    timeout: true
verfy: {}
"""


def mistakes_of(text, model=Runbook):
    with pytest.raises(DocumentErrors) as caught:
        read_yaml(text, "f.yml").build(model)
    return {(error.line, error.field): error.what for error in caught.value.errors}


@pytest.mark.parametrize(
    ("line", "field", "what"),
    [
        (1, "runbook", "lower-case letters, digits and hyphens"),
        (2, "title", "at least 3 characters"),
        (4, "on[0].alarm.nme", "did you mean `name`?"),
        (5, "on[1]", "names exactly one source"),
        (6, "inputs.maxTasks.type", "did you mean `integer`?"),
        (7, "autonomy", "must be `shadow`, `suggest`, `approve` or `auto`; got 'automatic'"),
        (8, "guards.cooldown", "like 30s, 15m, 2h or 7d; got 15"),
        (8, "guards.blastRadius.tasks", "a share, like `50%`; got '150%', or: must be a whole number"),
        (12, "steps[0].max_attempts", "did you mean `maxAttempts`?"),
        (13, "steps[0].onFailure", "write abort, continue, escalate or step:ID"),
        (14, "steps[1].id", "is missing; write `id: …`"),
        (14, "steps[1].do", 'must be text; write it in quotes: "3"'),
        (15, "steps[1].maxAttempts", "must be a whole number; got '3'"),
        (16, "steps[1].timeout", "a duration is"),
        (17, "verfy", "did you mean `verify`?"),
    ],
)
def test_every_mistake_of_a_runbook_is_told_at_once_with_its_line(line, field, what):
    found = mistakes_of(RUNBOOK)
    assert len(found) == 15
    assert what in found[line, field]


def test_mistakes_in_unions_are_told_for_the_branch_that_came_nearest():
    text = "stack: a\nregion: eu-west-2\necs: {cluster: c, service: s}\nfreeze:\n  - {from: 22:00, until: 6:00}\n"
    assert mistakes_of(text, Stack)[5, "freeze[0].until"].startswith("write a time of day")


@pytest.mark.parametrize("text", ["", "[]", "just text", "a", "- a", "3", "null"])
def test_a_document_that_is_no_mapping_is_a_named_error(text):
    with pytest.raises(DocumentErrors) as caught:
        read_yaml(text, "f.yml").build(Runbook)
    assert str(caught.value).startswith("f.yml:1:1: ")


def test_a_time_without_its_zone_and_a_number_that_is_an_id_say_what_to_write():
    text = (
        "stack: a\nregion: eu-west-2\naccount: 123456789012\necs: {cluster: c, service: s}\n"
        'freeze:\n  - {from: "2026-01-01T00:00:00", until: "2026-01-02T00:00:00Z"}\n'
    )
    found = mistakes_of(text, Stack)
    assert found[3, "account"] == 'must be text; write it in quotes: "123456789012"'
    assert "time zone" in found[6, "freeze[0].from"]


YAMLISH = st.text(alphabet=st.sampled_from("ab:-[]{}#&*!|>'\"%@`?, \n\t\\<0x17.~eE+\x00\u2028é\ud800"), max_size=80)
WORDS = st.lists(
    st.sampled_from(
        [
            "runbook: a",
            "title: abc",
            "on:",
            "  - alarm: {}",
            "  - manual: {}",
            "steps:",
            "  - id: x",
            "    do: a.b",
            "    with: {a: 1}",
            "verify:",
            "  within: 5m",
            "guards: {}",
            "inputs: {a: {type: string}}",
            "\t",
            "&a",
            "- - -",
        ]
    )
).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), YAMLISH, WORDS, st.binary(max_size=60), st.text(string.printable, max_size=60)))
def test_random_text_is_read_or_refused_and_never_a_stack_trace(text):
    with contextlib.suppress(DocumentError):
        read_json(text, "f.json", max_bytes=50, max_depth=5)
    with contextlib.suppress(DocumentError):
        builds_or_is_refused(read_yaml(text, "f.yml"))


def builds_or_is_refused(document):
    for model in (Runbook, Stack):
        with contextlib.suppress(DocumentErrors):
            document.build(model)


JSONISH = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "runbook",
                    "title",
                    "on",
                    "alarm",
                    "name",
                    "steps",
                    "id",
                    "do",
                    "with",
                    "when",
                    "guards",
                    "blastRadius",
                    "tasks",
                    "maxRuns",
                    "verify",
                    "that",
                    "inputs",
                    "freeze",
                    "from",
                    "until",
                    "days",
                    "ecs",
                    "cluster",
                    "service",
                    "stack",
                    "region",
                    "channels",
                    "default",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(JSONISH)
def test_any_data_becomes_a_model_or_sentences(data):
    with contextlib.suppress(DocumentError):
        builds_or_is_refused(read_yaml(json.dumps(data), "f.yml"))
