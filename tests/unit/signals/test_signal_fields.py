"""The tolerant reads: None for what cannot be read, and never an exception."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.signals.fields import decode, event_id, flag, integer, labels, moment, number, text

ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.text())
    | st.dictionaries(st.text(), st.text())
)


@given(value=ANYTHING)
def test_no_read_raises_on_anything(value):
    read = (text(value), number(value), integer(value), flag(value), moment(value), labels(value), decode(value))

    assert read[0] is None or read[0].isprintable()
    assert event_id(value, value)


@pytest.mark.parametrize(
    ("value", "number_"),
    [("5", 5), ("5.5", 5.5), (" 7 ", 7), ("null", None), ("nan", None), ("1e999", None), (True, None), ("", None),
     (float("inf"), None), (10**30, None), ("9" * 50, None), (3, 3), ("-1", -1)],
)  # fmt: skip
def test_a_number_may_be_written_as_text(value, number_):
    assert number(value) == number_


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-03-04T05:06:07Z", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04T05:06:07.64Z", datetime(2026, 3, 4, 5, 6, 7, 640000, tzinfo=UTC)),
        ("2026-03-04T05:06:07.989+0000", datetime(2026, 3, 4, 5, 6, 7, 989000, tzinfo=UTC)),
        ("2026-03-04T08:06:07+03:00", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04 05:06:07.000", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("Wed, 4 Mar 2026 05:06:07 GMT", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        (1772600767, datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("1772600767000", None),
        (1772600767000, datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("1970-01-01T00:00:00Z", None),
        ("yesterday", None),
        (-(10**14), None),
        ([], None),
    ],
)
def test_a_moment_is_read_from_all_the_ways_in_which_aws_writes_it(value, at):
    assert moment(value) == at


def test_labels_are_read_from_both_spellings_of_dimensions():
    as_pairs = [{"name": "A", "value": "1"}, {"Name": "B", "Value": "2"}, {"name": None, "value": "3"}, "odd"]

    assert labels(as_pairs) == labels({"A": "1", "B": "2", "C": None}) == {"A": "1", "B": "2"}


def test_s30_text_loses_what_a_terminal_would_obey():
    assert text("a\x1b[1;31mb\x1b]8;;http://x\x07c\x9b0md\u2066e\u2028f\tg") == "abcde f g"


@pytest.mark.parametrize("seconds", [-(2**53) + 1, 2**53 - 1, -9e15, 99_999_999_999, -62_135_596_801, 253_402_300_800])
def test_a_time_that_no_clock_can_show_is_none_and_no_error(seconds):
    assert moment(seconds) is None or moment(seconds).year <= 9999
