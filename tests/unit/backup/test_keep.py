"""Keep rules: what they want stays, over random pasts. S18: good means verified; the newest good one stays."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup.keep import Candidate, Rules, judge
from chalicelib.models.words import utc

NOW = utc("2026-11-20T12:00:00+00:00")
HOURS = st.integers(min_value=-48, max_value=24 * 800)
CANDIDATES = st.lists(st.tuples(HOURS, st.booleans(), st.booleans(), st.booleans()), max_size=60).map(
    lambda past: [
        Candidate(f"s{n}", NOW - timedelta(hours=hours), good, held and n % 7 == 0, finished or n % 5 != 0)
        for n, (hours, good, held, finished) in enumerate(past)
    ]
)
RULES = st.builds(
    Rules, st.integers(1, 8), days=st.integers(0, 40), weeks=st.integers(0, 10), months=st.integers(0, 14)
)


def wanted_by_a_rule(candidates, rules):
    """Written again from the words of the rules, and not like the code under test."""
    good = sorted((c for c in candidates if c.good and c.finished and c.at <= NOW), key=lambda c: (c.at, c.id))
    wanted = {c.id for c in good[-rules.count :]}
    periods = (
        (rules.days, lambda at: f"{at:%Y-%m-%d}"),
        (rules.weeks, lambda at: f"{at:%G-%V}"),
        (rules.months, lambda at: f"{at:%Y-%m}"),
    )
    for most, period in periods:
        newest = {}
        for one in good:
            newest[period(one.at)] = one.id
        latest = sorted(newest, reverse=True)[:most] if most else []
        wanted |= {newest[each] for each in latest}
    return wanted


@given(CANDIDATES, RULES)
def test_nothing_that_a_rule_wants_is_pruned_and_the_newest_good_one_stays_s18(candidates, rules):
    judged = judge(candidates, rules, NOW)
    pruned = set(judged.prune)
    assert not pruned & wanted_by_a_rule(candidates, rules)
    good = [c for c in candidates if c.good and c.finished and c.at <= NOW]
    if good:
        assert max(good, key=lambda c: (c.at, c.id)).id not in pruned
    else:
        assert not pruned
    assert not pruned & {c.id for c in candidates if c.held or not c.finished or c.at > NOW}
    assert pruned | set(judged.keep) == {c.id for c in candidates}
    assert not pruned & set(judged.keep)


@given(CANDIDATES, RULES)
def test_what_no_rule_wants_does_go_once_it_is_old(candidates, rules):
    judged = judge(candidates, rules, NOW)
    good = {c.id for c in candidates if c.good and c.finished and not c.held and c.at <= NOW}
    assert good - wanted_by_a_rule(candidates, rules) == good & set(judged.prune)


@given(CANDIDATES, RULES)
def test_pruning_again_at_once_prunes_nothing(candidates, rules):
    gone = set(judge(candidates, rules, NOW).prune)
    assert judge([c for c in candidates if c.id not in gone], rules, NOW).prune == ()


def daily(days, **over):
    return [Candidate(f"d{n}", NOW - timedelta(days=n), good=True, **over) for n in range(days)]


def test_days_weeks_and_months_keep_the_newest_of_each():
    judged = judge(daily(60), Rules(count=1, days=3, weeks=2, months=2), NOW)
    assert [name for name in judged.keep if name in {"d0", "d1", "d2"}] == ["d0", "d1", "d2"]
    assert judged.keep["d5"] == "one a week, 2 weeks"  # the Sunday before
    assert judged.keep["d20"] == "one a month, 2 months"  # 31 October
    assert len(judged.keep) == 5
    assert judged.prune[0] == "d59"


def test_a_pause_in_the_backups_does_not_empty_a_rule():
    old = [Candidate(f"o{n}", NOW - timedelta(days=100 + n), good=True) for n in range(10)]
    assert len(judge(old, Rules(count=1, days=7), NOW).keep) == 7


def test_s18_available_is_not_good_and_a_bad_one_pushes_no_good_one_out():
    bad = [Candidate(f"b{n}", NOW - timedelta(days=n), good=False) for n in range(1, 5)]
    good = [Candidate("g", NOW - timedelta(days=30), good=True)]
    judged = judge([*bad, *good], Rules(count=1), NOW)
    assert judged.keep["g"] == "the newest good one"
    assert judged.prune == ()


def test_without_a_good_one_nothing_goes():
    past = [Candidate(f"b{n}", NOW - timedelta(days=n), good=False) for n in range(100, 140)]
    assert judge(past, Rules(count=1), NOW).prune == ()


@pytest.mark.parametrize("rules", [{"count": 0}, {"count": -1}, {"count": 1, "days": -1}])
def test_rules_that_would_delete_everything_are_no_rules(rules):
    with pytest.raises(ValueError, match="at least one"):
        Rules(**rules)
