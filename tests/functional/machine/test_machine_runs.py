"""The machine executed for real: through sleeps to a verdict, through workers that fail, to the end of a wait."""

import json
from dataclasses import replace

from chalicelib.errors import StoreUnavailable
from chalicelib.flows.approve import cancel
from chalicelib.flows.parts import Parts
from chalicelib.models.run import RunStatus, Verdict


def test_a_hanging_task_is_replaced_and_proved_by_the_machine_alone(make_cloud):
    cloud = make_cloud("task-hangs")
    run = cloud.wait_for_end(cloud.wait_for_run())
    assert (run.status, run.verdict, run.released.all_done) == (RunStatus.FINISHED, Verdict.VERIFIED, True)
    assert cloud.status(run) == "SUCCEEDED"
    assert cloud.stopped_tasks() == 1
    assert cloud.sleeps(run)["TaskTimedOut"] >= 5
    assert cloud.entered(run)[-1] == "Succeed"
    ledger = cloud.parts.engine.ledgers.read(run.stack)
    assert (ledger.active, ledger.outbox) == ((), ())


def test_the_machine_is_given_run_and_generation_and_nothing_else(asking):
    cloud, run = asking
    given = cloud.sfn.describe_execution(executionArn=cloud.arn(run.id, 1))["input"]
    assert json.loads(given) == {"run_id": run.id, "generation": 1}
    advances = [event for event, _ in cloud.calls if "token" not in event]
    assert advances == [{"run_id": run.id, "generation": 1}] * len(advances)


def test_a_sleep_ends_when_its_seconds_are_over_and_the_store_says_what_comes_then(make_cloud):
    """`TimeoutSecondsPath` in real seconds: nobody answers, so the approval expires."""
    cloud = make_cloud("users-on-task-disk", approvals_expire_after(1))
    cloud.time_passes = False
    asked = cloud.wait_for_bell(cloud.wait_for_run(), RunStatus.AWAITING_APPROVAL)
    cloud.world.advance(1)
    run = cloud.wait_for_end(asked)
    assert run.status is RunStatus.STOPPED
    assert "refused: nobody answered by" in (run.outcome or "")
    assert cloud.sleeps(run) == {"TaskTimedOut": cloud.sleeps(run)["TaskTimedOut"]}
    assert cloud.stopped_tasks() == 0


def test_a_worker_that_fails_is_tried_again_before_and_after_it_wrote(make_cloud):
    """Its answer lost, the next worker finds in the store what was done, and does nothing twice."""
    cloud = make_cloud("users-on-task-disk")
    cloud.time_passes = False
    planned = FailsOnce(lambda event: "token" not in event, after=False)
    written = FailsOnce(lambda event: "token" not in event, after=True)
    asleep = FailsOnce(lambda event: "token" in event, after=True)
    cloud.around = lambda event, advance: planned(event, lambda e1: written(e1, lambda e2: asleep(e2, advance)))
    run = cloud.wait_for_bell(cloud.wait_for_run(), RunStatus.AWAITING_APPROVAL)
    assert planned.failed
    assert written.failed
    assert asleep.failed
    errors = [event["taskFailedEventDetails"] for event in cloud.history(run) if event["type"] == "TaskFailed"]
    assert [error["error"] for error in errors] == ["StoreUnavailable"] * 3
    assert run.approvals == 1
    texts = cloud.texts(run)
    assert len(set(texts)) == len(texts)
    cancel(cloud.parts, run.id, by="ada", reason="seen enough")
    assert cloud.wait_for_end(run).status is RunStatus.CANCELLED


def test_a_run_that_the_store_does_not_know_fails_by_name(make_cloud):
    cloud = make_cloud()
    cloud.bell.start("r-nobody", 1)
    arn = cloud.arn("r-nobody", 1)
    cloud.wait(lambda: cloud.sfn.describe_execution(executionArn=arn)["status"] == "FAILED", "failed")
    assert cloud.sfn.describe_execution(executionArn=arn)["error"] == "NoSuchRun"


def test_starting_the_same_generation_again_starts_nothing(asking):
    cloud, run = asking
    cloud.bell.start(run.id, 1)
    cancel(cloud.parts, run.id, by="ada", reason="seen enough")
    ended = cloud.wait_for_end(run)
    cloud.bell.start(run.id, 1)
    assert len(cloud.sfn.list_executions(stateMachineArn=cloud.machine_arn)["executions"]) == 1
    assert cloud.run(run.id) == ended


class FailsOnce:
    """Like a worker whose store does not answer, or that dies before its answer gets out."""

    def __init__(self, which, *, after: bool) -> None:
        self._which, self._after, self.failed = which, after, False

    def __call__(self, event, advance):
        fails = self._which(event) and not self.failed
        self.failed = self.failed or fails
        if fails and not self._after:
            raise StoreUnavailable("reading", "no answer")
        answer = advance(event)
        if fails:
            raise StoreUnavailable("answering", "no answer")
        return answer


def approvals_expire_after(seconds: int):
    def change(parts: Parts) -> Parts:
        engine = parts.engine
        stacks = {
            name: stack.model_copy(update={"limits": stack.limits.model_copy(update={"approval_expires": seconds})})
            for name, stack in engine.stacks.items()
        }
        return replace(parts, engine=replace(engine, stacks=stacks))

    return change
