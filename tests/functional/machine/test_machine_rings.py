"""The doorbell on the real machine: people wake a sleeping run, and only the store says what they meant."""

import json
import threading
import time

import pytest

from chalicelib.errors import Refused
from chalicelib.flows.approve import answer, cancel
from chalicelib.models.approval import ApprovalState
from chalicelib.models.run import RunStatus, Verdict


def test_a_cancel_wakes_the_sleeping_run_at_once(asking):
    cloud, run = asking
    before = cloud.now()
    cancel(cloud.parts, run.id, by="ada", reason="the users first")
    ended = cloud.wait_for_end(run)
    assert (ended.status, ended.outcome) == (RunStatus.CANCELLED, "cancelled by ada: the users first")
    assert cloud.sleeps(run) == {"TaskSucceeded": 1}
    assert cloud.now() == before
    assert cloud.stopped_tasks() == 0


def test_an_approval_wakes_it_and_the_plan_that_was_approved_is_what_runs(asking):
    """S1: nothing is stopped before somebody says yes to what is lost."""
    cloud, asked = asking
    assert cloud.stopped_tasks() == 0
    cloud.time_passes = True
    answer(cloud.parts, asked.id, approve=True, by="ada", reason="they are in the other task too")
    run = cloud.wait_for_end(asked)
    assert (run.status, run.verdict) == (RunStatus.FINISHED, Verdict.VERIFIED)
    assert cloud.stopped_tasks() == 1
    plans = [text for text in cloud.texts(run) if text.startswith("plan ")]
    assert plans == [plans[0]] * 2
    assert run.approved == {"plan": asked.plan_hash}
    assert cloud.parts.engine.approvals.get(run.id, 1).used
    assert cloud.sleeps(run)["TaskSucceeded"] >= 1  # the alarm, getting well, rings too


def test_ringing_twice_or_too_late_changes_nothing(asking):
    """A token is a doorbell: who is woken by it reads the store, and nothing was written there."""
    cloud, run = asking
    for _ in range(2):
        cloud.bell.ring(run.id, run.token)
    again = cloud.wait_for_bell(run)
    assert (again.status, again.approvals) == (RunStatus.AWAITING_APPROVAL, 1)
    assert again.token != run.token
    calls = len(cloud.calls)
    cloud.bell.ring(run.id, run.token)
    time.sleep(0.2)
    assert len(cloud.calls) == calls
    cancel(cloud.parts, run.id, by="ada", reason="enough")
    ended = cloud.wait_for_end(run)
    cloud.bell.ring(run.id, again.token)
    assert cloud.run(run.id) == ended
    assert cloud.stopped_tasks() == 0


@pytest.mark.parametrize("said", [{"approved": True}, {"next": "advance", "approval": "approved"}])
def test_a_late_ring_cannot_turn_a_rejection_into_an_approval(asking, said):
    """Step Functions takes any output with the token, a second one too: none of it is believed."""
    cloud, run = asking
    both_rang = threading.Event()
    cloud.around = lambda event, advance: advance(event) if both_rang.wait(10) else {}
    approvals = cloud.parts.engine.approvals
    approvals.answer(run.id, 1, run.plan_hash, ApprovalState.REJECTED, by="ada", reason="no", now=cloud.now())
    cloud.sfn.send_task_success(taskToken=run.token, output=json.dumps({"rung": run.id}))
    cloud.sfn.send_task_success(taskToken=run.token, output=json.dumps(said))
    both_rang.set()
    ended = cloud.wait_for_end(run)
    assert (ended.status, ended.verdict) == (RunStatus.STOPPED, None)
    assert (ended.outcome or "").startswith("rejected by ada")
    with pytest.raises(Refused, match="already rejected by ada"):
        answer(cloud.parts, run.id, approve=True, by="bob", reason="yes")
    cloud.bell.ring(run.id, run.token)
    assert cloud.run(run.id) == ended
    assert cloud.stopped_tasks() == 0


def test_what_comes_before_the_bell_hangs_is_not_slept_over(make_cloud):
    """Between the decision to sleep and the token on the run nobody can ring: Sleep rings itself."""
    cloud = make_cloud("users-on-task-disk")
    cloud.time_passes = False
    rung = []

    def cancelled_just_then(event, advance):
        if "token" in event and not rung and cloud.run().status is RunStatus.AWAITING_APPROVAL:
            cancel(cloud.parts, event["run_id"], by="ada", reason="just then")
            rung.append(event["token"])
        return advance(event)

    cloud.around = cancelled_just_then
    run = cloud.wait_for_end(cloud.wait_for_run())
    assert run.status is RunStatus.CANCELLED
    assert rung[0] in cloud.bell.rung
    assert cloud.sleeps(run)["TaskSucceeded"] == 1


def test_a_worker_of_a_sleep_that_is_over_does_not_take_the_bell_of_the_next_one(asking):
    """A cold start can take longer than a short sleep: the late worker finds another version, and goes."""
    cloud, run = asking
    late = next(event for event, _ in cloud.calls if "token" in event) | {"token": "of a sleep that is over"}
    assert cloud.advance(late) == {}
    assert cloud.run(run.id) == run
    cancel(cloud.parts, run.id, by="ada", reason="does it still hear?")
    assert cloud.wait_for_end(run).status is RunStatus.CANCELLED
