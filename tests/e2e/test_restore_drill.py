"""S16: no throw-away instance is left, ever: not by a drill that is cancelled, stopped, or never ends by itself."""

import pytest

from chalicelib.flows.approve import cancel
from chalicelib.flows.start import Request, start
from chalicelib.flows.stop import resume, stop
from chalicelib.models.history import MadeKind
from chalicelib.models.made_names import mark_of
from chalicelib.models.run import RunStatus, StepStatus
from chalicelib.models.stack_backup import OBJECTIVE_S
from chalicelib.observability import Metric
from steward.sandbox import place
from steward.sandbox.left_over import INSTANCE, left_by_a_stopped_drill
from steward.sandbox.rds_faults import rotated_since
from steward.sandbox.seeded import taken_daily
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World
from tests.shipped import read_runbooks


@pytest.fixture
def drill():
    """A drill whose instance is coming up."""
    with World.create(seed=4) as world:
        world.break_with("artifacts-backed-up")
        simulation = Simulation(world, read_runbooks())
        taken_daily(simulation, 2)
        start(simulation.parts, Request("restore-drill", place.NAME, "ada"))
        assert simulation.run_until(lambda: bool(world.rds.restored), limit_s=600)
        yield simulation


def sides(simulation):
    return [key for key in simulation.world.artifacts.keys("") if key.startswith("steward-restored/")]


def only(simulation, runbook="restore-drill"):
    (run,) = [run for run in simulation.runs() if run.runbook.runbook == runbook]
    return run


def nothing_is_left(simulation):
    kinds = (MadeKind.INSTANCE, MadeKind.SIDE_COPY)
    records = [one for kind in kinds for one in simulation.parts.engine.history.creations(place.NAME, kind)]
    return not simulation.world.rds.restored and not sides(simulation) and not records


def test_left_alone_it_proves_the_newest_good_snapshot_and_tells_what_it_achieved(drill):
    assert drill.run_until(drill.is_over, limit_s=3 * 3600)
    (made,) = drill.parts.engine.history.drills(place.NAME)
    assert made.proven
    assert 540 <= made.recovery_time_s <= 900
    assert nothing_is_left(drill)
    said = [line.text for part in drill.channel.sent[-1].sections for line in part.lines]
    assert any(text.startswith("last proven restore: ") for text in said), said
    assert any(text.startswith(f"database: {mark_of(place.NAME)}-{place.NAME}-r-day") for text in said), said


def test_cancelled_while_the_instance_comes_up_it_is_deleted_all_the_same(drill):
    assert sides(drill)
    cancel(drill.parts, only(drill).id, by="ada", reason="not today")
    assert drill.run_until(drill.is_over, limit_s=3 * 3600)
    assert only(drill).status is RunStatus.CANCELLED
    assert nothing_is_left(drill)


@pytest.fixture
def cancelled_when():
    """A drill of a snapshot from before a rotation, so that no step of it is idle; cancelled as soon as it is so."""
    with World.create(seed=4) as world:
        world.break_with("artifacts-backed-up")
        simulation = Simulation(world, read_runbooks())
        taken_daily(simulation, 2)
        rotated_since(world)
        (begun,) = start(simulation.parts, Request("restore-drill", place.NAME, "ada")).parts
        asked = []

        def cancel_it():
            if not asked:
                asked.append(True)
                cancel(simulation.parts, begun.run_id, by="ada", reason="not today")

        def fly(when):
            when(simulation, begun.run_id, cancel_it)
            assert simulation.run_until(simulation.is_over, limit_s=4 * 3600)
            assert asked, "the moment never came"
            assert only(simulation).status is RunStatus.CANCELLED
            return simulation

        yield fly


@pytest.mark.parametrize(
    ("step", "standing"),
    [
        ("sample", StepStatus.DONE),
        ("restore", StepStatus.APPLYING),
        ("restore", StepStatus.DONE),
        ("login", StepStatus.APPLYING),
        ("login", StepStatus.DONE),
        ("compare", StepStatus.DONE),
        ("record", StepStatus.DONE),
        ("tidy", StepStatus.APPLYING),
        ("tidy", StepStatus.DONE),
        ("clear", StepStatus.DONE),
    ],
)
def test_s16_wherever_it_is_cancelled_nothing_is_left(cancelled_when, step, standing):
    """Between two moves: in the midst of what takes longer than one, and when a step has just been done."""

    def when(simulation, run_id, cancel_it):
        def on_move(_run_id):
            if simulation.parts.engine.runs.step(run_id, step).status is standing:
                cancel_it()

        simulation.on_move = on_move

    assert nothing_is_left(cancelled_when(when))


@pytest.mark.parametrize("operation", ["CopyObject", "DeleteObjects"])
def test_s16_cancelled_in_the_midst_of_copying_or_clearing_the_sample_nothing_is_left(cancelled_when, operation):
    """Within one move, between two calls to S3."""

    def when(simulation, _run_id, cancel_it):
        def on_call(model, **_):
            if model.name == operation:
                cancel_it()

        simulation.world.session().events.register_first("before-call.s3", on_call)

    assert nothing_is_left(cancelled_when(when))


def test_stopped_it_halts_at_once_and_sweep_has_the_rest_deleted_when_its_time_is_over(drill):
    stop(drill.parts, stack=place.NAME, by="ada", reason="quiet, please")
    assert drill.run_until(drill.is_over, limit_s=600)
    assert only(drill).status is RunStatus.STOPPED
    assert list(drill.world.rds.restored)
    resume(drill.parts, stack=place.NAME)
    assert not drill.run_until(lambda: nothing_is_left(drill), limit_s=5 * 3600, tick_s=60), "before its time is over"
    assert drill.run_until(lambda: nothing_is_left(drill), limit_s=2 * 3600, tick_s=30)
    assert only(drill, "clear-restored").started_by.endswith("sweep")


def test_while_everything_is_stopped_nothing_is_deleted_and_afterwards_it_is():
    with World.create(seed=4) as world:
        simulation = Simulation(world, read_runbooks())
        left_by_a_stopped_drill(simulation)
        stop(simulation.parts, stack=None, by="ada", reason="quiet, please")
        simulation.run_until(lambda: False, limit_s=1800, tick_s=60)
        assert INSTANCE in world.rds.restored
        resume(simulation.parts, stack=None)
        assert simulation.run_until(lambda: nothing_is_left(simulation), limit_s=2 * 3600, tick_s=30)


def test_sweep_tells_how_old_the_oldest_backup_is_and_that_it_is_late():
    with World.create(seed=4) as world:
        simulation = Simulation(world, read_runbooks())
        taken_daily(simulation, 3)
        simulation.run_until(lambda: False, limit_s=600, tick_s=60)
        ages = {of: percent for metric, of, percent in simulation.telemetry.percents if metric is Metric.BACKUP_AGE}
        assert 30 * 3600 < ages["database"] / 100 * OBJECTIVE_S < 33 * 3600
        assert ages["database"] > 100
