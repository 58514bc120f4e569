"""S14, S15: over random histories of runs, logged models, versions, traces, two stacks on one bucket, deletions,
changes of mind and crashes, never a live object is lost, and everything in quarantine comes back byte for byte."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steward.sandbox.crash_objects import bodies
from steward.sandbox.tracking_faults import run_id
from steward.sandbox.world import World
from tests.functional.maintenance.deeds import Story, do, put_back, some_deeds
from tests.functional.maintenance.pasts import BARE, DAY_S, OWN, PASTS, overdue


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


def test_where_each_of_the_three_has_something_to_do_each_does_it():
    """Else the property above could hold because nothing was ever planned."""
    with World.create(seed=5) as world:
        story = Story.of(world, BARE)
        for name in ("retention", "gc", "orphans"):
            do(story, {"do": name})
        assert [change.action for _, change in story.done] == [
            "mlflow.delete_runs", "ecs.run_one_off_task", "s3.quarantine_artifacts",
        ]  # fmt: skip
        runs, keys = world.tracking.runs, list(bodies(world))
        assert (runs[run_id(2)].deleted_at is not None, run_id(0) in runs) == (True, False)
        assert not [key for key in keys if run_id(0) in key and key.startswith(OWN)]
        assert {key.startswith(".steward/") for key in keys if f"{OWN}1/{run_id(1)}/" in key} == {True}
