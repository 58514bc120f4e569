"""Prometheus text: labels with anything in them, quantiles, and lines that are none."""

import pytest

from chalicelib.steps.prometheus_text import Sample, quantile, samples


def read(text):
    return [(dict(sample.labels), sample.value) for sample in samples(text, frozenset({"m"}))]


def test_labels_may_hold_commas_braces_quotes_and_line_breaks():
    text = r'm{path="/a,b}\"c\\n",x="1\n2",} 3e2 170000'
    assert read(text) == [({"path": '/a,b}"c\\n', "x": "1\n2"}, 300.0)]
    assert read("m 1\nm{} 2\nmm 3\n# m 4\n") == [({}, 1.0), ({}, 2.0)]


@pytest.mark.parametrize("line", ['m{a="1" 2', "m{a=1} 2", "m", "m x", 'm{a="1"}', "m{", 'm{a="\\'])
def test_a_broken_line_is_passed_over(line):
    assert read(f"{line}\nm 7") == [({}, 7.0)]


def test_a_very_long_line_is_read_in_linear_time():
    assert read("m{" + 'a="b",' * 100_000) == []


def buckets(*pairs):
    return [Sample("m", {"le": bound}, value) for bound, value in pairs]


def test_quantiles_lie_between_the_bounds_in_proportion():
    given = buckets(("0.1", 50), ("1", 100), ("+Inf", 100))
    assert quantile(0.5, given) == pytest.approx(0.1)
    assert quantile(0.75, given) == pytest.approx(0.55)


def test_beyond_the_last_bound_the_last_bound_is_told_and_without_counts_nothing():
    assert quantile(0.9, buckets(("1", 10), ("+Inf", 100))) == 1.0
    assert quantile(0.9, buckets(("1", 0), ("+Inf", 0))) is None
    assert quantile(0.9, buckets(("1", 5))) is None
    assert quantile(0.9, buckets(("x", 5))) is None
