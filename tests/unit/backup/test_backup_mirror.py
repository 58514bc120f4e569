"""The mirror, case by case, over buckets that are dicts: what it copies, tells and leaves, and where it stops."""

import threading
from datetime import timedelta
from itertools import count

import pytest

from chalicelib.backup.entry import Entry, Place
from chalicelib.backup.mirror import EndedBy, Failure, Job, Limits, Tally, Trouble, Watch, mirror
from chalicelib.backup.overlay import laid_over
from chalicelib.backup.shards import WHOLE, Shard
from chalicelib.errors import AwsDenied, AwsInvalid, AwsNotFound, AwsUnavailable, CopyCancelled, ListingOutOfOrder
from tests.unit.backup.lane import GRACE, NOW, SOURCE, backed_up, filled


def test_the_third_run_copies_nothing_objects_uploaded_in_parts_among_them():
    lane = filled("a", "b", "c", "d", "e")
    lane.buckets["source"]["p/c"] = (9, "abc-2")
    _, first = backed_up(lane)
    lane.buckets["source"]["p/d"] = (10, "changed")
    outcome, second = backed_up(lane, first)
    assert (outcome.tally.same, outcome.tally.copied, outcome.tally.changed) == (4, 1, 1)
    outcome, third = backed_up(lane, second)
    assert (outcome.tally.same, outcome.tally.copied) == (5, 0)
    assert third == second
    assert len(lane.copies) == 6


def test_listing_asks_for_no_page_more_than_there_are():
    lane = filled(*"abcdef", page=3)
    _, lines = backed_up(lane)
    assert lane.lists == 2 + 1
    lane.lists = 0
    backed_up(lane, lines)
    assert lane.lists == 2 + 2


def test_a_shard_lists_only_to_its_end():
    lane = filled(*"abcdefghi", page=3)
    outcome, lines = backed_up(lane, shard=Shard("c", "e"))
    assert [line.key for line in lines] == ["d", "e"]
    assert lane.lists == 1 + 1
    assert outcome.done_through == "e"


def test_a_changed_object_whose_copy_fails_keeps_its_last_good_entry():
    lane = filled("a", "b")
    _, lines = backed_up(lane)
    lane.buckets["source"]["p/a"] = (5, "newer")
    lane.faults["p/a"] = AwsInvalid("s3:CopyObject", "PreconditionFailed", "it changed")
    outcome, after = backed_up(lane, lines)
    assert after == lines
    assert outcome.ended_by is EndedBy.DONE
    assert [(f.key, f.trouble) for f in outcome.failures] == [("a", Trouble.CHANGED)]
    assert outcome.tally.changed == 1


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        (AwsDenied("s3:CopyObject", "AccessDenied", ""), Trouble.DENIED),
        (AwsUnavailable("s3:CopyObject", "SlowDown", ""), Trouble.UNAVAILABLE),
        (AwsInvalid("s3:CopyObject", "InvalidObjectState", "archived"), Trouble.UNCOPYABLE),
        (AwsNotFound("s3:CopyObject", "NoSuchBucket", ""), Trouble.UNCOPYABLE),
        (ZeroDivisionError(), Trouble.BROKEN),
    ],
)
@pytest.mark.parametrize("in_flight", [0, 3])
def test_one_object_that_fails_is_told_and_the_others_are_copied(fault, trouble, in_flight):
    lane = filled(*"abcde")
    lane.faults["p/c"] = fault
    outcome, lines = backed_up(lane, in_flight=in_flight)
    assert [line.key for line in lines] == list("abde")
    assert [f.trouble for f in outcome.failures] == [trouble]
    assert (outcome.ended_by, outcome.done_through, outcome.tally.failed) == (EndedBy.DONE, "e", 1)


def test_a_worker_that_dies_never_hangs_the_queue():
    lane = filled(*"abcde")
    lane.faults["p/c"] = SystemExit()
    outcome, lines = backed_up(lane, in_flight=2)
    assert [line.key for line in lines] == list("abde")
    assert outcome.failures == (Failure("c", Trouble.BROKEN, "the worker died: SystemExit"),)


def test_denied_half_way_ends_it_after_as_many_failures_as_are_allowed():
    lane = filled(*(f"{n:03}" for n in range(100)))
    lane.faults = {f"p/{n:03}": AwsDenied("s3:CopyObject", "AccessDenied", "") for n in range(50, 100)}
    outcome, lines = backed_up(lane, failures=10, in_flight=4)
    assert outcome.ended_by is EndedBy.FAILURES
    assert len(lines) == 50
    assert outcome.done_through < "099"
    lane.faults.clear()
    rest, more = backed_up(lane, shard=WHOLE.rest("049"))
    assert rest.ended_by is EndedBy.DONE
    assert [line.key for line in lines + more] == [f"{n:03}" for n in range(100)]


def test_a_source_that_lost_the_object_between_listing_and_copy_has_it_gone():
    lane = filled("a", "b")
    _, lines = backed_up(lane)
    lane.buckets["source"]["p/a"] = (5, "newer")
    lane.faults["p/a"] = AwsNotFound("s3:CopyObject", "NoSuchKey", "")
    outcome, after = backed_up(lane, lines, now=NOW + timedelta(days=1))
    assert after[0].gone_since == NOW + timedelta(days=1)
    assert (outcome.tally.gone, outcome.tally.failed) == (1, 0)


def test_nothing_is_expired_by_the_mirror_itself_and_due_entries_stay_s18():
    lane = filled("a", "b")
    _, lines = backed_up(lane)
    del lane.buckets["source"]["p/a"]
    outcome, gone = backed_up(lane, lines)
    assert (outcome.tally.gone, gone[0].gone_since) == (1, NOW)
    later = NOW + timedelta(days=30)
    outcome, due = backed_up(lane, gone, now=later)
    assert outcome.tally.due == 1
    assert due == gone
    del lane.buckets["backup"]["p/a"]  # its delete marker
    outcome, dropped = backed_up(lane, due, now=later)
    assert outcome.tally.dropped == 1
    assert [line.key for line in dropped] == ["b"]


def test_how_much_was_lost_is_told_for_the_judgement_of_suspect_s18():
    lane = filled(*"abcdefghij")
    _, lines = backed_up(lane)
    del lane.buckets["source"]["p/a"]
    lane.buckets["source"]["p/b"] = (1, "other")
    lane.buckets["source"]["p/new"] = (1, "other")
    outcome, _ = backed_up(lane, lines)
    assert (outcome.tally.known, outcome.tally.lost_share) == (10, 0.2)


def test_short_of_time_it_stops_and_says_what_is_left():
    lane = filled(*"abcdef")
    left = iter([100.0] * 6 + [10.0] * 99)  # asked before each key, and by each copy before it starts
    watch = Watch(time_left_s=lambda: next(left), poll_s=0)
    outcome, lines = backed_up(lane, watch=watch)
    assert outcome.ended_by is EndedBy.TIME
    assert (outcome.done_through, outcome.rest) == ("c", Shard("c", None))
    outcome, more = backed_up(lane, shard=outcome.rest)
    assert outcome.rest is None
    assert [line.key for line in lines + more] == list("abcdef")
    assert lane.copies == [f"p/{key}" for key in "abcdef"]


def test_cancelled_it_stops_before_the_next_copy():
    lane = filled(*"abcdef")
    outcome, lines = backed_up(lane, watch=Watch(cancelled=lambda: len(lane.copies) >= 2, poll_s=0))
    assert (outcome.ended_by, [line.key for line in lines]) == (EndedBy.CANCEL, ["a", "b"])


@pytest.mark.parametrize("in_flight", [0, 3])
def test_a_copy_in_parts_that_was_stopped_is_the_point_to_resume_from(in_flight):
    lane = filled(*"abc")
    lane.faults["p/b"] = CopyCancelled("b")
    asked = Watch(cancelled=lambda: False)
    outcome, lines = backed_up(lane, in_flight=in_flight, watch=asked)
    assert (outcome.ended_by, outcome.done_through, [x.key for x in lines]) == (EndedBy.TIME, "a", ["a"])


def test_a_key_with_no_room_for_the_backup_s_prefix_is_told_and_not_cut():
    lane = filled("a", "k" * 1020)
    lines = []
    job = Job(SOURCE, Place("backup", "longer/"), NOW, GRACE)
    outcome = mirror(job, lane, lane, [], type("S", (), {"add": staticmethod(lines.append)}), limits=Limits(0))
    assert [line.key for line in lines] == ["a"]
    assert outcome.failures[0].trouble is Trouble.UNCOPYABLE
    assert "1027 bytes" in outcome.failures[0].why


def test_the_object_named_like_the_prefix_itself_is_backed_up_and_resumed_after():
    lane = filled("", "a")
    _, lines = backed_up(lane)
    assert [line.key for line in lines] == ["", "a"]
    _, lines = backed_up(lane, shard=WHOLE.rest(""))
    assert [line.key for line in lines] == ["a"]


@pytest.mark.parametrize("in_flight", [0, 3])
def test_a_listing_that_lies_ends_the_backup_by_name(in_flight):
    lane = filled("a", "b")
    lane.list_pages = lambda *_: iter([[("p/b", 1, "e"), ("p/a", 1, "e")]])
    with pytest.raises(ListingOutOfOrder):
        backed_up(lane, in_flight=in_flight)


def test_progress_and_checkpoints_are_told_in_order_of_keys():
    lane = filled(*"abcdef")
    ticks, told, points = count(), [], []
    watch = Watch(
        monotonic=lambda: float(next(ticks)), poll_s=0, expected_keys=6, progress=told.append, checkpoint=points.append
    )
    backed_up(lane, watch=watch, checkpoint_keys=2)
    assert [(p.key, p.tally.copied) for p in points] == [("b", 6), ("d", 6), ("f", 6)], "one tally, seen at the end"
    assert [p.percent for p in told][-1] == 100
    assert told[2].remaining_s == pytest.approx(4 / told[2].rate)


def test_slow_copies_are_checkpointed_by_time_too():
    lane, points = filled(*"abcdef"), []
    watch = Watch(
        monotonic=lambda: 10.0 * len(lane.copies), poll_s=0, checkpoint=lambda reached: points.append(reached.key)
    )
    backed_up(lane, watch=watch, checkpoint_s=20.0)
    assert points == ["c", "e"]


@pytest.mark.parametrize("in_flight", [0, 1])
def test_a_copy_that_waited_for_a_worker_does_not_start_once_time_is_short(in_flight):
    lane = filled(*"abcdef")
    watch = Watch(time_left_s=lambda: 100.0 if len(lane.copies) < 3 else 10.0, poll_s=3600)
    outcome, lines = backed_up(lane, watch=watch, in_flight=in_flight)
    assert (outcome.ended_by, outcome.done_through, len(lane.copies)) == (EndedBy.TIME, "c", 3)
    assert [line.key for line in lines] == ["a", "b", "c"]


def test_what_was_copied_behind_one_that_was_left_off_is_told_and_not_copied_again():
    lane = filled(*"abc")
    lane.faults["p/a"] = CopyCancelled("a")
    outcome, lines = backed_up(lane, in_flight=2)
    lane.faults.clear()
    ahead = outcome.ahead
    assert (lines, [entry.key for entry in ahead]) == ([], [key[2:] for key in sorted(lane.copies)])
    _, lines = backed_up(lane, laid_over((), ahead))
    assert sorted(lane.copies) == ["p/a", "p/b", "p/c"]
    assert {line.key: line.version for line in lines}.items() >= {e.key: e.version for e in ahead}.items()


def test_a_slow_first_copy_holds_the_others_back_but_never_grows_the_window():
    lane = filled(*(f"{n:03}" for n in range(200)))
    gate, seen = threading.Event(), []
    plain = lane.copy

    def slow(source, target, **how):
        if source[1] == "p/000":
            gate.wait(5)
        seen.append(source[1])
        if len(seen) >= 5:
            gate.set()
        return plain(source, target, **how)

    lane.copy = slow
    outcome, lines = backed_up(lane, in_flight=2, window=6)
    assert outcome.tally.copied == 200
    assert [line.key for line in lines] == [f"{n:03}" for n in range(200)]
    assert seen.index("p/000") <= 10


def test_a_tally_of_nothing_lost_nothing():
    assert Tally().lost_share == 0
    assert Entry("k", 1, "e", "v", copy_etag="c").expected_etag == "c"
