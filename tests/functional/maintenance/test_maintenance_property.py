"""S14, S15: over random histories of runs, logged models, versions, traces, two stacks on one bucket, deletions,
changes of mind and crashes, never a live object is lost, and everything in quarantine comes back byte for byte."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steward.sandbox.crash_objects import bodies
from steward.sandbox.world import World
from tests.functional.maintenance.deeds import Story, do, put_back, some_deeds
from tests.functional.maintenance.pasts import DAY_S, OWN, PASTS, overdue


@settings(max_examples=9, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(past=PASTS, deeds=some_deeds(), theirs_too=st.booleans(), by_hand=st.booleans())
def test_s14_s15_no_live_object_is_ever_lost_and_quarantine_gives_back_every_byte(past, deeds, theirs_too, by_hand):
    with World.create(seed=5) as world:
        story = Story.of(world, past)
        if theirs_too:
            do(story, {"do": "orphans", "whose": "other", "deaths": (2, 9)})
        for deed in deeds:
            if deed["do"] == "put back":
                put_back(story, deed["deaths"], by_hand)
            elif deed["do"] == "wait":
                world.skip(100 * DAY_S)
            else:
                do(story, deed)

        put_back(story, by_hand=by_hand)
        now = bodies(world)
        assert {key: body for key, body in story.seen.items() if key not in story.gone} == now, "and nothing is aside"
        if story.half_done:
            do(story, {"do": "gc"})  # a later run takes over
            assert not overdue(world, story.half_done)
            gone = tuple(f"{OWN}1/{run}/" for run in story.half_done - world.tracking.runs.keys())
            assert not [key for key in bodies(world) if key.startswith(gone)]
