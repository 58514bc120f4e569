"""What a backup came to: the same whether judged at once, in slices or in shards; doubted at a fifth (S18)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.backup.entry import Entry, Listed
from chalicelib.backup.estimate import LONG_S, Extent, about, estimate
from chalicelib.backup.judge import LARGE_SAMPLE, Judged, doubt, judge, place_in_turn, together
from chalicelib.backup.manifest import Totals
from chalicelib.backup.selection import Selection
from chalicelib.backup.shards import Shard, within
from chalicelib.backup.spans import WHOLE_UP_TO
from chalicelib.backup.standing import Fate, fates
from chalicelib.backup.turn import Reading, Turn

NOW = datetime(2026, 11, 2, tzinfo=UTC)
KEYS = st.sets(st.integers(0, 60), max_size=40).map(lambda found: sorted(f"{n:03d}" for n in found))


def entry(key, etag="e", gone=False):
    return Entry(key, 5, etag, "v", NOW if gone else None)


def listed(key, etag="e", size=5):
    return Listed(key, size, etag)


def whole(new, copies, old, so_far=None, time_is_up=lambda: False):
    return judge(new, copies, old, seed="run", so_far=so_far or Judged(), time_is_up=time_is_up)


def test_missing_and_different_copies_are_told_and_gone_ones_may_be_unlisted():
    new = [entry("a"), entry("b"), entry("c"), entry("d", gone=True)]
    found = whole(new, [listed("a"), listed("b", size=2), listed("x")], [])
    assert found.wrong == ("b: the copy has 2 bytes, the source had 5", "c: no copy")
    assert (found.objects, found.gone, found.checked, found.over) == (3, 1, 3, True)


def test_a_copy_with_an_etag_of_its_own_is_compared_with_that():
    made = Entry("a", 5, "source-2", "v", None, "copy")
    assert whole([made], [listed("a", "copy")], []).wrong_count == 0
    assert whole([made], [listed("a", "source-2")], []).wrong_count == 1


def test_changed_and_vanished_are_counted_against_the_manifest_before():
    old = [entry("a"), entry("b"), entry("c"), entry("d", gone=True), entry("e")]
    new = [entry("a"), entry("b", "other"), entry("c", gone=True), entry("d", gone=True), entry("f")]
    found = whole(new, (listed(e.key, e.etag) for e in new), old)
    assert (found.known, found.changed, found.vanished, found.gone) == (4, 1, 2, 2)


@given(KEYS, KEYS, KEYS, st.integers(0, 60))
def test_slices_and_shards_come_to_the_same_as_one_pass(new, copies, old, cut):
    border = f"{cut:03d}"
    one = whole(map(entry, new), map(listed, copies), map(entry, old))
    halves = []
    for shard in (Shard(None, border), Shard(border, None)):
        parts = [within(iter(each), shard) for each in ([*map(entry, new)], [*map(listed, copies)], [*map(entry, old)])]
        halves.append(whole(*parts))
    both = together(halves)
    assert both.model_dump(exclude={"through"}) == one.model_dump(exclude={"through"})


def test_when_time_is_up_it_says_after_which_key():
    keys = [f"{n:05d}" for n in range(1200)]
    first = whole(map(entry, keys), map(listed, keys), [], time_is_up=lambda: True)
    assert (first.through, first.over, first.objects) == ("00499", False, 500)
    rest = [key for key in keys if key > first.through]
    done = whole(map(entry, rest), map(listed, rest), [], so_far=first)
    assert (done.over, done.objects, done.wrong_count) == (True, 1200, 0)
    assert done.sample == whole(map(entry, keys), map(listed, keys), []).sample


@pytest.mark.parametrize(("changed", "vanished", "doubted"), [(0, 0, False), (10, 10, False), (11, 10, True)])
def test_s18_more_than_a_fifth_of_what_was_known_is_suspect(changed, vanished, doubted):
    assert (doubt(Totals(known=100, changed=changed, vanished=vanished)) is not None) is doubted


def test_a_first_backup_is_never_suspect():
    assert doubt(Totals(known=0)) is None


def test_a_selection_reads_only_where_its_keys_can_be():
    keys = ["1/r1/a", "12/r1/a", "12/r2/b", "12", "120/r1/a", "2/r1/a"]
    for selection, wanted in [
        (Selection(prefix="12/"), ["12/r1/a", "12/r2/b"]),
        (Selection(run="r1"), ["1/r1/a", "12/r1/a", "120/r1/a", "2/r1/a"]),
        (Selection(), sorted(keys)),
    ]:
        assert sorted(key for key in keys if selection.has(key)) == sorted(wanted)
        assert all(key in selection.stretch for key in wanted)
    assert list(Selection().of([entry("a"), entry("b", gone=True)])) == [entry("a")]


class There:
    def __init__(self, key, etag, changed_at, size=5):
        self.key, self.etag, self.changed_at, self.size = key, etag, changed_at, size


def test_what_is_newer_than_the_backup_is_told_apart_from_what_is_older():
    later = NOW.replace(hour=5)
    there = [There("b", "e", later), There("c", "x", later), There("d", "x", NOW), There("e", "x", later)]
    found = fates(map(entry, "abcde"), there, as_of=NOW, ours_since=None)
    assert [one.fate for one in found] == [Fate.ABSENT, Fate.ALREADY, Fate.NEWER, Fate.OLDER, Fate.NEWER]
    (ours,) = fates([entry("e")], there, as_of=NOW, ours_since=NOW.replace(hour=4))
    assert ours.fate is Fate.ALREADY, "an encrypted copy has an ETag of its own; it is this restore's by its time"


def test_an_estimate_counts_copies_pages_and_what_leaves_the_region():
    here = estimate(Extent(100_000, 10 * 1024**3, "as listed"), None, elsewhere=False)
    there = estimate(Extent(100_000, 10 * 1024**3, "as listed"), None, elsewhere=True)
    assert here.copies == 100_000
    assert here.dollars == pytest.approx(0.53, abs=0.01)
    assert there.dollars - here.dollars == pytest.approx(0.22, abs=0.03)
    assert here.seconds < LONG_S
    assert estimate(Extent(10_000_000, 10**12, "x"), None, elsewhere=False).seconds > LONG_S
    assert [about(n) for n in (7, 99, 101, 12_345, 0)] == [7, 99, 100, 12_000, 0]


@settings(deadline=None)  # up to a hundred backups each: what it takes says nothing
@given(st.integers(1, 100), st.integers(1, LARGE_SAMPLE))
def test_large_ones_have_their_turn_each_once_before_any_twice(count, a_backup):
    large = [Entry(f"{number:03d}", WHOLE_UP_TO + 1, "e", "v") for number in range(count)]
    copies = [Listed(one.key, one.size, one.etag) for one in large]
    turn, read = Turn(), []
    for _ in range(-(-2 * count // a_backup)):
        found = judge(large, copies, [], seed="run", so_far=Judged(), time_is_up=lambda: False, turn=turn)
        mine = found.large_sample[:a_backup]
        read += [one.key for one in mine]
        turn = Turn(through=place_in_turn(mine[-1].rank))
        if len(read) >= count:
            break
    assert set(read) == {one.key for one in large}
    assert len(read[:count]) == len(set(read[:count]))


def test_one_that_was_begun_comes_first_unless_it_was_written_anew_since():
    large = [Entry(f"{number:03d}", WHOLE_UP_TO + 1, "e", "v") for number in range(9)]
    copies = [Listed(one.key, one.size, one.etag) for one in large]
    for etag, comes_first in (("e", True), ("of before", False)):
        turn = Turn(reading=Reading(rank="f" * 64, key="004", etag=etag, version="v", offset=5))
        found = judge(large, copies, [], seed="run", so_far=Judged(), time_is_up=lambda: False, turn=turn)
        assert (found.large_sample[0].key == "004") is comes_first


def test_what_is_read_back_from_another_region_is_paid_for_and_takes_its_time():
    extent = Extent(10, 100 * 1024**3, "as listed now")
    near = estimate(extent, None, elsewhere=False, read_back=8 * 1024**3)
    far, unread = (estimate(extent, None, elsewhere=True, read_back=size) for size in (8 * 1024**3, 0))
    assert round(far.dollars - unread.dollars, 2) == 0.16
    assert near.dollars < 0.1
    assert far.seconds - unread.seconds >= 200
