"""Whatever is read becomes a document or a mistake with its place, and never a stack trace."""

import contextlib
import json
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.documents import read_json, read_yaml
from chalicelib.errors import DocumentError, DocumentErrors
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack

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
