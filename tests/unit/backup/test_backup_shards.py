"""Shards cover the key space once, wherever they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup.entry import Entry
from chalicelib.backup.shards import WHOLE, Shard, between, shards_of, within

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


def entries(keys):
    return [Entry(key, 1, "e", "v") for key in sorted(keys)]


def test_a_small_set_or_none_is_one_shard_so_that_no_page_is_listed_twice():
    assert shards_of([]) == [WHOLE]
    assert shards_of(entries("abc"), keys_a_shard=3) == [WHOLE]


def test_a_large_set_is_cut_where_the_last_manifest_says():
    assert shards_of(entries("abcdefg"), keys_a_shard=3) == [Shard(None, "c"), Shard("c", "f"), Shard("f", None)]


@given(st.sets(KEYS, max_size=40), st.integers(1, 10), st.sets(KEYS, max_size=40))
def test_every_key_old_or_new_lies_in_exactly_one_shard(known, size, keys):
    shards = shards_of(entries(known), keys_a_shard=size)
    for key in keys | known:
        assert sum(key in shard for shard in shards) == 1
    together = [entry.key for shard in shards for entry in within(entries(keys), shard)]
    assert together == sorted(keys)


@given(st.sets(KEYS, min_size=1, max_size=20), KEYS)
def test_what_is_left_of_a_shard_is_what_was_not_done(keys, done):
    shard = Shard(None, max(keys))
    if done > max(keys):
        return
    assert [e.key for e in within(entries(keys), shard.rest(done))] == sorted(key for key in keys if key > done)


def test_the_empty_key_can_be_done_which_is_not_the_same_as_nothing_done():
    assert WHOLE.rest("") == Shard("", None)
    assert "" not in WHOLE.rest("")
    assert WHOLE.rest(None) == WHOLE


def test_a_shard_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="cannot end"):
        Shard("b", "a")
    assert list(between(["m"])) == [Shard(None, "m"), Shard("m", None)]
