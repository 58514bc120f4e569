"""Cutting outputs: always within the limit, always said."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.store.fit import fit_output, size_of

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=6), inner, max_size=8),
    max_leaves=25,
)


def test_what_fits_is_left_alone():
    output = {"count": 2, "tasks": ["a", "b"]}
    assert fit_output(output) == (output, None)


def test_the_heaviest_field_is_cut_and_named_with_what_is_left():
    output = {"count": 1000, "names": ["n" * 20] * 1000, "note": "short"}
    fitted, note = fit_output(output, 4000)
    assert fitted["count"] == 1000
    assert fitted["note"] == "short"
    assert note == f"output cut to 4000 bytes: names: {len(fitted['names'])} of 1000 entries kept"


def test_long_text_keeps_its_beginning():
    fitted, note = fit_output({"text": "abc" * 5000}, 1000)
    assert fitted["text"].startswith("abc")
    assert "characters kept" in note


def test_fields_too_many_to_keep_are_left_out_by_name():
    fitted, note = fit_output({f"field_{n}": n for n in range(1000)}, 500)
    assert 0 < len(fitted) < 60
    assert "left out" in note


@settings(max_examples=60, deadline=None)
@given(output=st.dictionaries(st.text(max_size=8), values, max_size=10), limit=st.integers(2, 300))
def test_whatever_comes_the_result_fits_and_every_cut_is_said(output, limit):
    fitted, note = fit_output(output, limit)
    assert size_of(fitted) <= limit
    assert (note is None) == (fitted == output)
