"""The diff: three sorted streams in, one verdict a key out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.backup.diff import Copy, Dropped, Due, Foreign, Gone, Same, Why, in_order, merge
from chalicelib.backup.entry import Entry, Listed
from chalicelib.errors import ListingOutOfOrder

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
GRACE = timedelta(days=7)
LISTED = Listed("k", 3, "abc")
ENTRY = Entry("k", 3, "abc", "v1")


def verdict(source=None, backup=None, entry=None, grace=GRACE):
    streams = ([item] if item is not None else [] for item in (source, backup, entry))
    [found] = merge(*streams, now=NOW, grace=grace)
    return found


def test_what_is_as_the_manifest_says_on_both_sides_is_the_same():
    assert verdict(LISTED, Listed("k", 3, "abc"), ENTRY) == Same(ENTRY)


def test_an_object_uploaded_in_parts_is_the_same_though_its_copy_has_another_etag():
    source = Listed("k", 3, "abc-2")
    entry = Entry("k", 3, "abc-2", "v1", copy_etag="def")
    assert verdict(source, Listed("k", 3, "def"), entry) == Same(entry)


@pytest.mark.parametrize("source", [Listed("k", 4, "abc"), Listed("k", 3, "abd")])
def test_another_size_or_etag_than_the_manifest_s_is_a_change(source):
    assert verdict(source, Listed("k", 3, "abc"), ENTRY) == Copy(source, Why.CHANGED, ENTRY)


def test_a_copy_that_is_missing_is_made_again():
    assert verdict(LISTED, None, ENTRY) == Copy(LISTED, Why.COPY_MISSING, ENTRY)


@pytest.mark.parametrize("copy", [Listed("k", 2, "abc"), Listed("k", 3, "else")])
def test_a_copy_that_arrived_truncated_or_was_written_over_is_made_again(copy):
    assert verdict(LISTED, copy, ENTRY) == Copy(LISTED, Why.COPY_DIFFERS, ENTRY)


def test_without_an_entry_even_an_equal_object_is_copied_for_no_listing_tells_its_version():
    assert verdict(LISTED, None, None) == Copy(LISTED, Why.NEW)
    assert verdict(LISTED, Listed("k", 3, "abc"), None) == Copy(LISTED, Why.UNPROVEN)


def test_what_vanished_at_the_source_stays_with_the_time_it_was_first_missed_s17():
    first = Entry("k", 3, "abc", "v1", gone_since=NOW)
    assert verdict(None, Listed("k", 3, "abc"), ENTRY) == Gone(first)
    since = Entry("k", 3, "abc", "v1", gone_since=NOW - GRACE + timedelta(seconds=1))
    assert verdict(None, Listed("k", 3, "abc"), since) == Gone(since)


def test_what_vanished_before_the_grace_period_is_due_and_dropped_once_it_is_listed_no_more():
    since = Entry("k", 3, "abc", "v1", gone_since=NOW - GRACE)
    assert verdict(None, Listed("k", 3, "abc"), since) == Due(since)
    assert verdict(None, None, since) == Dropped(since)


def test_a_suspect_backup_without_a_grace_period_keeps_everything_s18():
    since = Entry("k", 3, "abc", "v1", gone_since=NOW - timedelta(days=1000))
    assert verdict(None, Listed("k", 3, "abc"), since, grace=None) == Gone(since)
    assert verdict(None, None, since, grace=None) == Gone(since)


def test_what_came_back_unchanged_is_gone_no_more():
    since = Entry("k", 3, "abc", "v1", gone_since=NOW - GRACE)
    assert verdict(LISTED, Listed("k", 3, "abc"), since) == Same(ENTRY)


def test_what_only_the_backup_has_is_told_and_left_alone():
    assert verdict(None, LISTED, None) == Foreign(LISTED)


@pytest.mark.parametrize("keys", [["b", "a"], ["a", "a"], ["\uffff", "\U0001f600", "\uffff"], ["a", "b", "ab"]])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_listing_out_of_order_or_with_a_key_twice_is_refused_by_name(keys, which):
    make = [Listed, Listed, lambda key, size, etag: Entry(key, size, etag, "v")][which]
    streams = [[], [], []]
    streams[which] = [make(key, 1, "e") for key in keys]
    with pytest.raises(ListingOutOfOrder, match=["source", "backup", "manifest"][which]):
        list(merge(*streams, now=NOW, grace=GRACE))


def test_the_order_is_that_of_utf8_and_not_of_utf16():
    # U+FF61 sorts after U+1F600 in UTF-16, before it in UTF-8
    keys = ["a", "\uff61", "\U0001f600"]
    assert sorted(keys, key=str.encode) == keys
    assert [item.key for item in in_order([Listed(key, 1, "e") for key in keys], "source")] == keys


KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=0, max_size=6)


@given(st.sets(KEYS, max_size=30), st.sets(KEYS, max_size=30), st.sets(KEYS, max_size=30))
def test_every_key_gets_exactly_one_verdict_in_order_of_bytes(source, backup, manifest):
    def listed(keys):
        return [Listed(key, 1, "e") for key in sorted(keys, key=str.encode)]

    entries = [Entry(key, 1, "e", "v") for key in sorted(manifest, key=str.encode)]
    found = list(merge(listed(source), listed(backup), entries, now=NOW, grace=GRACE))
    keys = [(v.listed if isinstance(v, Copy | Foreign) else v.entry).key for v in found]
    assert keys == sorted(source | backup | manifest, key=str.encode)
    for key, what in zip(keys, found, strict=True):
        expected = {
            (True, True, True): Same, (True, False, True): Copy, (True, True, False): Copy, (True, False, False): Copy,
            (False, True, True): Gone, (False, False, True): Gone, (False, True, False): Foreign,
        }[key in source, key in backup, key in manifest]  # fmt: skip
        assert type(what) is expected
