"""Generations on the real machine: the next execution takes a run on, and the one before ends silently."""

from chalicelib.flows.advance import MOST_MOVES, hand_over
from chalicelib.flows.approve import answer, cancel
from chalicelib.models.run import RunStatus, Verdict


def at_the_limit(cloud, run, moves=MOST_MOVES):
    return cloud.parts.engine.runs.save(run.model_copy(update={"moves": run.moves_before + moves}))


def test_after_most_moves_the_next_generation_goes_on_with_what_was_approved(asking):
    cloud, asked = asking
    at_the_limit(cloud, asked)
    cloud.time_passes = True
    answer(cloud.parts, asked.id, approve=True, by="ada", reason="go on")
    cloud.wait(lambda: cloud.run(asked.id).generation == 2, "handed over")
    run = cloud.wait_for_end(asked)
    assert (run.generation, run.verdict) == (2, Verdict.VERIFIED)
    assert [cloud.status(run, generation) for generation in (1, 2)] == ["SUCCEEDED", "SUCCEEDED"]
    assert cloud.entered(run, 1)[-4:] == ["Sleep", "Advance", "Choose", "Succeed"]
    assert cloud.stopped_tasks() == 1


def test_each_generation_has_all_of_its_moves(asking):
    """One that took over early, from an execution that died, must not be counted twice as long."""
    cloud, run = asking
    hand_over(cloud.parts, run)
    second = cloud.wait_for_bell(run)
    assert (second.generation, second.moves_before) == (2, run.moves)
    at_the_limit(cloud, second)
    cloud.bell.ring(run.id, second.token)
    cloud.wait(lambda: cloud.run(run.id).generation == 3, "handed over")
    cloud.wait_for_bell(run)


def test_one_move_before_the_limit_it_stays_with_its_generation(asking):
    cloud, run = asking
    nearly = at_the_limit(cloud, run, MOST_MOVES - 1)
    cloud.bell.ring(run.id, nearly.token)
    again = cloud.wait_for_bell(run)
    assert (again.generation, again.moves) == (1, MOST_MOVES)


def test_an_older_generation_that_wakes_up_ends_silently(asking):
    cloud, run = asking
    hand_over(cloud.parts, run)
    newer = cloud.wait_for_bell(run)
    cloud.expire(run.token)
    cloud.wait(lambda: cloud.status(run, 1) == "SUCCEEDED", "ended")
    assert cloud.run(run.id) == newer
    assert cloud.status(newer) == "RUNNING"
    cancel(cloud.parts, run.id, by="ada", reason="the newer one hears")
    assert cloud.wait_for_end(run).status is RunStatus.CANCELLED


def test_a_run_whose_execution_died_is_taken_on_by_sweep_within_ten_minutes(asking):
    """S31. What a person answered meanwhile is not lost either."""
    cloud, run = asking
    cloud.around = lambda _event, _advance: {"an": "answer that no Choice can read"}
    answer(cloud.parts, run.id, approve=True, by="ada", reason="go on")
    cloud.wait(lambda: cloud.status(run) == "FAILED", "dead")
    cloud.around, cloud.time_passes = lambda event, advance: advance(event), True
    died = cloud.now()
    assert cloud.run_until(lambda: cloud.run(run.id).generation == 2, limit_s=600, tick_s=30)
    assert (cloud.now() - died).total_seconds() <= 600
    ended = cloud.wait_for_end(run)
    assert ended.verdict is Verdict.VERIFIED
    assert cloud.stopped_tasks() == 1
