"""A figure holds, does not hold, or promises nothing and is told all the same."""

import pytest

from steward.bench.figures import Figure


@pytest.mark.parametrize(("limit", "holds"), [(1.8, True), (1.5, False), (None, True)])
def test_a_figure_holds_up_to_its_limit_and_always_where_none_was_promised(limit, holds):
    figure = Figure("cold_intake", 1.6, "times", limit, "measured")
    assert figure.ok is holds
    assert figure.as_json()["limit"] == limit
