"""The mirror against a model: crashes and stops anywhere, and what must hold after each backup."""

from datetime import timedelta
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.backup.mirror import Job, Limits, Watch, mirror
from chalicelib.backup.overlay import laid_over
from chalicelib.backup.shards import WHOLE
from tests.unit.backup.lane import NOW, SOURCE, TARGET, Killed, Lane

KEYS = st.sampled_from(["", "a", "a/", "a//b", "b c", "b+c", "é", "\uff61", "\U0001f600", "z%20"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers(0, 3), st.sampled_from(["e1", "e2", "e3-2"])),
        st.tuples(st.just("delete"), KEYS),
        st.tuples(st.just("lose copy"), KEYS),
        st.tuples(st.just("cut copy"), KEYS),
        st.tuples(st.just("foreign"), KEYS),
        st.tuples(st.just("backup"), st.integers(0, 6), st.integers(0, 12)),
    ),
    max_size=14,
)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.integers(1, 4), st.sampled_from([0, 2]))
def test_whatever_happens_between_and_during_backups_nothing_is_lost_and_nothing_copied_twice(steps, page, in_flight):
    lane, manifest, now = Lane(page), [], NOW
    for what, *how in [*steps, ("backup", 0, 99), ("backup", 0, 99)]:
        if what == "backup":
            now += timedelta(days=1)
            manifest = _backup_with_accidents(lane, manifest, now, *how, in_flight)
            continue
        key = f"p/{how[0]}"
        source, backup = lane.buckets["source"], lane.buckets["backup"]
        if what == "put":
            source[key] = (how[1], how[2])
        elif what == "delete":
            source.pop(key, None)
        elif what == "lose copy":
            backup.pop(key, None)
        elif what == "cut copy" and key in backup:
            backup[key] = (backup[key][0] + 1, backup[key][1])
        elif what == "foreign":
            backup.setdefault(key, (7, "foreign"))
    before = len(lane.copies)
    _backup_with_accidents(lane, manifest, now, 0, 99, in_flight)
    assert len(lane.copies) == before


def _backup_with_accidents(lane, previous, now, dies_after, stops_after, in_flight):
    """Dies inside a copy and stops for want of time, goes on from the last checkpoint, then checks everything."""
    start, alive = len(lane.copies), {e.key: e for e in previous}
    copies_of = lane.buckets["backup"]
    needed = {
        key[2:]
        for key, (size, etag) in lane.buckets["source"].items()
        if (e := alive.get(key[2:])) is None
        or (e.size, e.etag) != (size, etag)
        or copies_of.get(key) != (size, e.expected_etag)
    }
    lane.dies_after = start + dies_after if dies_after and not in_flight else None
    lines, shard, deaths, polls, ahead = [], WHOLE, 0, count(), ()
    sink = type("Sink", (), {"add": staticmethod(lines.append)})
    while True:
        points = []
        watch = Watch(
            time_left_s=lambda: 100.0 if next(polls) != stops_after else 0.0, poll_s=0, checkpoint=points.append
        )
        job = Job(SOURCE, TARGET, now, None, shard)
        try:
            known = laid_over(previous, ahead)
            outcome = mirror(job, lane, lane, known, sink, watch=watch, limits=Limits(in_flight, checkpoint_keys=1))
        except Killed:
            deaths += 1
            shard = shard.rest(points[-1].key if points else None)
            lines[:] = [line for line in lines if shard.after_key is not None and line.key <= shard.after_key]
            continue
        if outcome.rest is None:
            break
        shard, ahead = outcome.rest, (*ahead, *outcome.ahead)
    made = [key[2:] for key in lane.copies[start:]]
    assert set(made) == needed
    assert len(made) - len(set(made)) <= deaths
    keys = [line.key for line in lines]
    assert keys == sorted({*alive, *(key[2:] for key in lane.buckets["source"])})
    for line in lines:
        at_source = lane.buckets["source"].get(f"p/{line.key}")
        assert (line.gone_since is None) == (at_source is not None)
        assert lane.versions[line.version] == (f"p/{line.key}", line.size, line.etag)
        if at_source is not None:
            assert (line.size, line.etag) == at_source
    return lines
