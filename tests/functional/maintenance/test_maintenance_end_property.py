"""S14, S15: the end of a quarantine, over random histories: what has an owner again by then stays, all else of the plan
goes, whatever dies on the way."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.steps.actions.s3_delete_quarantined import DeleteQuarantined
from chalicelib.steps.step import Standing
from steward.sandbox.crash_objects import bodies
from steward.sandbox.tracking_faults import run_id
from steward.sandbox.world import World
from tests.functional.maintenance.conftest import Bench
from tests.functional.maintenance.test_maintenance_property import CRASHES, RUNS, Mortal, attempt, build, do, put_back

ORPHAN = {"age": 500, "status": "FINISHED", "model": False, "keep": False, "deleted": None, "forgotten": True}
"""At least one, or most histories would quarantine nothing."""
END, DAY_S = DeleteQuarantined(), 24 * 3600


def hidden(world):
    """The bodies in quarantine, without its manifests."""
    return {body for key, body in bodies(world).items() if key.startswith(".steward/") and key.endswith(".bin")}


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    rows=RUNS,
    crashes=CRASHES,
    reborn=st.sets(st.integers(min_value=0, max_value=7)),
    when=st.sampled_from(["before the plan", "after the plan"]),
    given_back=st.booleans(),
)
def test_s14_s15_what_is_quarantined_ends_by_its_plan_unless_somebody_owns_it_again(
    rows, crashes, reborn, when, given_back
):
    with World.create(seed=5) as world:
        bench = Bench(world)
        protected = build(world, [{**ORPHAN, "foreign": False}, *rows])
        before, mortal = bodies(world), Mortal(world, 0)
        do(bench, "orphans", mortal, crashes[0])
        mortal.left = 0
        put_away = hidden(world)
        if given_back:
            put_back(bench, mortal, crashes[-1])
            assert bodies(world) == before
            return

        owned = {number for number in reborn if f"body {number}".encode() in put_away}
        world.skip(31 * DAY_S)
        if when == "before the plan":
            for number in owned:
                world.tracking.add_run(run_id(number), "1", world.clock.now())
        changes = END.plan(bench.ctx(), END.Params())
        if when == "after the plan":
            for number in owned:
                world.tracking.add_run(run_id(number), "1", world.clock.now())
        for change in changes:
            if END.look(bench.ctx(), change).standing is Standing.READY:
                attempt(bench, END, change, mortal, crashes[-1])
                mortal.left = 0
        now = bodies(world)
        assert {key: now.get(key) for key in protected} == {key: before[key] for key in protected}
        kept = {f"body {number}".encode() for number in owned}
        assert kept <= hidden(world), "what has an owner again is not ended"
        if not owned:
            assert hidden(world) == set(), "and nothing of the plan is left behind"
        assert {key: body for key, body in before.items() if body not in put_away} == {
            key: body for key, body in now.items() if key in before
        }
