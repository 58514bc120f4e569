"""Of a large object the same bytes for the same seed, others for another, always both ends, and never too many."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup.spans import SPAN, WHOLE_UP_TO, bytes_in, spans_of


@given(st.integers(0, 5 * 1024**4), st.text(max_size=8))
def test_spans_are_in_order_within_the_object_with_both_ends_and_within_the_budget(size, seed):
    spans = spans_of(size, seed)
    if size <= WHOLE_UP_TO:
        assert spans == ()
        return
    assert spans == spans_of(size, seed)
    assert spans[0][0] == 0
    assert spans[-1][1] == size - 1
    assert all(one[1] < other[0] for one, other in pairwise(spans))
    assert all(0 < last - first + 1 <= SPAN for first, last in spans)
    assert bytes_in(spans) <= WHOLE_UP_TO


def test_another_run_reads_other_bytes():
    assert spans_of(1024**4, "run-1") != spans_of(1024**4, "run-2")
