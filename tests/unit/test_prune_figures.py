"""The figures of `steward bench prune` say what was measured, and hold exactly up to their limits."""

from steward.bench.prune import FEWEST, Measured, figures


def test_calls_time_and_memory_are_ratios_of_what_was_measured():
    pairs = [(Measured(1.0, 50.0, 260), Measured(2.0, 100.0, 256))] * 3
    calls, seconds, memory = figures(pairs)
    assert FEWEST == 255
    assert (calls.figure, calls.ok) == (1.0196, True)
    assert (seconds.figure, seconds.ok) == (0.5, True)
    assert (memory.figure, memory.ok) == (0.5, True)


def test_one_call_too_many_is_seen():
    pairs = [(Measured(1.0, 50.0, 261), Measured(1.0, 50.0, 256))]
    assert [figure.ok for figure in figures(pairs)] == [False, False, False]
