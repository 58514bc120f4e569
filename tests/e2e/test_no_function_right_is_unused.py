"""Steward's own functions have no right too many and none too few (S24): each works with its own packaged policy alone,
over a table, buckets and machines of the stage's own, and what no scene here needs is named.

Lambda itself writes a function's log and puts what failed into its queue, with the function's role: those rights are
taken as used.
"""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from slack_sdk.signature import SignatureVerifier

from chalicelib.flows import start
from chalicelib.flows.advance import MOST_MOVES, advance, lie_down
from chalicelib.flows.ingest import ingest_all
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.decision import Outcome
from chalicelib.models.run import Lease, RunStatus, StepRecord, Verdict
from chalicelib.models.stack import NetworkPart
from chalicelib.models.words import Autonomy
from chalicelib.steps.actions.s3_backup_prefix import BackupPrefix
from chalicelib.store.decisions import archive_key
from steward.packaging.names import Names
from steward.sandbox import place
from steward.sandbox.enforcement import STAGE
from steward.sandbox.intrinsics import filled
from steward.sandbox.left_over import left_by_a_stopped_drill
from steward.sandbox.world import World
from tests.e2e.enforced_stage import Stage

BY_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"}
KEY = {"idempotency-key": "a-key-of-this-test"}


@pytest.fixture(scope="module")
def unused():
    """Rights by function, less those that some scene needed."""
    left = {}
    for scene in SCENES:
        with World.create(seed=3, for_fault="artifacts-vanished") as world:
            stage = scene(world)
            assert stage.iam.denied == [], scene.__name__
            for function in stage.iam.account.functions:
                found = stage.iam.unused_of(function)
                left[function] = left[function] & found if function in left else found
    return left


def alarms(world, fault):
    """What EventBridge says once the fault shows."""
    world.break_with(fault)
    for _ in range(120):
        world.advance(5)
        found = [event for event in world.take_events() if event["source"] == "aws.cloudwatch"]
        if found:
            return found[0]
    raise AssertionError("no alarm")


def hours_old(alarm, world):
    """Of another alarm, that fired long ago."""
    text = json.dumps({**alarm, "id": "e-late"}).replace(place.UNHEALTHY_ALARM, place.ERRORS_ALARM)
    then = (world.clock.now() - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    event = json.loads(text)
    return {
        **event,
        "time": then,
        "detail": {**event["detail"], "state": {**event["detail"]["state"], "timestamp": then}},
    }


def over(alarm):
    """Another alarm is."""
    event = json.loads(json.dumps(alarm).replace(place.UNHEALTHY_ALARM, place.ERRORS_ALARM))
    return {**event, "detail": {**event["detail"], "state": {**event["detail"]["state"], "value": "OK"}}}


def everyday(world):
    """An alarm, a run, a question, an answer, and all that people ask of the API."""
    stage = Stage(world)
    stage.sim.sweep()
    assert stage.schedule("health-check") is Outcome.RUN
    assert stage.schedule("snapshot-database") is Outcome.REFUSE, "one run at a time; people are told"
    stage.over()
    alarm = alarms(world, "users-on-task-disk")
    (late,) = ingest_all(stage.parts("intake"), hours_old(alarm, world))
    assert late.outcome is Outcome.REFUSE, "it came too late; people are told"
    (decided,) = ingest_all(stage.parts("intake"), alarm)
    run_id = decided.parts[0].run_id
    stage.until(lambda: stage.seen.engine.runs.get(run_id).status is RunStatus.AWAITING_APPROVAL)
    for path in ("now", "runs", "incidents", "decisions", "audit", "stacks", f"stacks/{place.NAME}/backups"):
        stage.ask("GET", f"/v1/{path}")
    for path in ("runs", "incidents", "decisions"):
        stage.ask("GET", f"/v1/{path}?stack={place.NAME}")
    shown = stage.ask("GET", f"/v1/runs/{run_id}")
    stage.ask("POST", f"/v1/runs/{run_id}/delegate", {"to": place.USERS["approver"], "reason": "she knows it"})
    stage.ask("POST", "/v1/freeze", {"reason": "a demonstration"})
    stage.ask("POST", f"/v1/runs/{run_id}/approve", {"plan_hash": shown["plan_hash"], "reason": "go on"}, "approver")
    assert stage.over().verdict is Verdict.VERIFIED
    for what in ({}, {"stack": place.NAME}):
        stage.ask("POST", "/v1/stop", {**what, "reason": "a test"})
        stage.ask("POST", "/v1/resume", {**what, "reason": "a test"})
    return stage


def doubted(world):
    """A backup that is suspect, cleared by a person; an alert of Alertmanager and a button of Slack."""
    stage = Stage(world)
    world.break_with("artifacts-vanished")
    stage.ask("POST", "/v1/runbooks/backup-artifacts/runs", {"stack": place.NAME, "reason": "now"}, expect=202, **KEY)
    assert "suspect" in stage.over().outcome
    stage.ask("POST", f"/v1/stacks/{place.NAME}/clear-suspicion", {"reason": "they were deleted on purpose"})
    stage.ask("GET", f"/v1/runs/{stage.sim.runs()[-1].id}")
    since = {"startsAt": world.clock.now().isoformat(), "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "f1"}
    labels = {"alertname": "MLflowDown", "steward_stack": place.NAME}
    for state in ("firing", "resolved"):
        ended = {"endsAt": world.clock.now().isoformat()} if state == "resolved" else {}
        alert = {"status": state, "labels": labels, **since, **ended}
        group = json.dumps({"version": "4", "status": state, "alerts": [alert]}).encode()
        assert stage.knock("alertmanager", group)[0] == 202
    assert stage.knock("grafana", b"{}")[0] == 422
    assert stage.knock("grafana", b"{}", token="forged-forged-forged-forged")[0] in {401, 403}
    body = urlencode({"command": "/steward", "text": "now", "team_id": "T0SANDBOX", "user_id": "U0APPROVER"}).encode()
    at = type("At", (), {"now": lambda _: world.clock.now().timestamp()})()
    stamp = str(int(world.clock.now().timestamp()))
    signature = SignatureVerifier(place.WEBHOOK_TOKENS["slack"], at).generate_signature(timestamp=stamp, body=body)
    signed = {"x-slack-signature": signature, "x-slack-request-timestamp": stamp}
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert stage.gateway.answer("POST", "/v1/webhooks/slack/commands", {**form, **signed}, body)[0] == 200
    return stage


def many_hands(world):
    """A backup too long for one worker: `copy-shard` turns until all is over; another one is stopped half-way."""

    def hasty(parts):
        actions = {**parts.engine.actions, "s3.backup_prefix": BackupPrefix(long_s=0.1)}
        return replace(parts, engine=replace(parts.engine, actions=actions))

    keys = (f"{place.PREFIX}/{number % 9 + 1}/many/{number:06d}" for number in range(300))
    world.artifacts.put_many(keys, b"x", world.clock.now())
    stage = Stage(world, amend=hasty)
    begin = start.Request("backup-artifacts", place.NAME, "somebody")
    start.start(stage.parts("api"), begin)
    assert stage.over().verdict is Verdict.VERIFIED
    stage.functions.idle = True
    world.artifacts.put_many((f"{place.PREFIX}/11/{number:06d}" for number in range(300)), b"y", world.clock.now())
    start.start(stage.parts("api"), begin)
    stage.sim.settle()
    run = stage.sim.runs()[-1]
    stage.ask("POST", f"/v1/runs/{run.id}/cancel", {"reason": "not now"})
    assert stage.over().status is RunStatus.CANCELLED
    return stage


def workers_die(world):
    """What sweep comes back to: events and runs whose worker died, a question that nobody answers, what drills left."""
    stage = Stage(world)
    runs = stage.seen.engine.runs
    left_by_a_stopped_drill(stage.sim)
    alarm = alarms(world, "users-on-task-disk")
    for event_id, payload in (("e-dead", alarm), ("e-over", over(alarm)), ("e-lost", None)):
        stage.seen.decisions.receive(event_id, world.clock.now())
        if payload is not None:
            stage.seen.archive.put(archive_key(event_id, world.clock.now()), json.dumps(payload).encode())
    world.advance(120)
    assert stage.sim.sweep().events == 2, "decided from the archive; what is not there may still come again"
    stage.until(lambda: stage.seen.decisions.get("e-lost").outcome is Outcome.INVALID)
    stage.until(lambda: cleared_of(stage), limit_s=14_400)
    (cleared,) = cleared_of(stage)
    stage.until(lambda: runs.get(cleared).status is RunStatus.FINISHED, limit_s=3600)
    return stage


def cleared_of(stage):
    return [one.id for one in stage.sim.runs() if one.runbook.runbook == "clear-restored"]


def nobody_answers(world):
    """Held while somebody has stopped it, looked at again, asked about, and never answered."""
    stage = Stage(world, autonomy=Autonomy.APPROVE)
    stage.ask("POST", "/v1/stop", {"reason": "a test"})
    (held,) = ingest_all(stage.parts("intake"), alarms(world, "task-hangs"))
    assert held.outcome is Outcome.HOLD
    world.advance(360)
    assert stage.sim.sweep().reconsidered == 1
    stage.ask("POST", "/v1/resume", {"reason": "a test"})
    by_hand = {"stack": place.NAME, "reason": "now"}
    run_id = stage.ask("POST", "/v1/runbooks/snapshot-database/runs", by_hand, expect=202, **KEY)["run"]
    waits = RunStatus.AWAITING_APPROVAL
    stage.until(lambda: stage.seen.engine.runs.get(run_id).status is waits)
    later = (stage.sim.pass_time(300) or stage.seen.engine.runs.get(run_id) for _ in range(600))
    assert "nobody answered" in next(one for one in later if one.status is not waits).outcome
    return stage


def wakes_too_late(world):
    """A worker's Sleep comes after its run has moved on; a run of very many moves goes on in another execution."""
    stage = Stage(world)
    stage.ask("POST", "/v1/runbooks/health-check/runs", {"stack": place.NAME, "reason": "now"}, expect=202, **KEY)
    (run,) = stage.sim.runs()
    lie_down(stage.parts("advance"), run.id, run.version + 7, "a bell that nobody hears")
    stage.seen.engine.runs.save(run.model_copy(update={"moves": MOST_MOVES}))
    assert advance(stage.parts("advance"), run.id, run.generation, "worker").kind == "succeed"
    assert stage.seen.engine.runs.get(run.id).generation == run.generation + 1
    return stage


def executions_die(world):
    """A run that nobody moves is handed over, and ended when that did not help; a reservation is made a run."""
    stage = Stage(world)
    runs = stage.seen.engine.runs
    stage.ask("POST", "/v1/runbooks/health-check/runs", {"stack": place.NAME, "reason": "now"}, expect=202, **KEY)
    (run,) = stage.sim.runs()
    for step in [each.id for each in run.runbook.steps][:2]:  # both too long for an item, and a worker died over each
        runs.save_step(long_step(run.id, step, world.clock.now()))
    world.advance(700)
    assert stage.sim.sweep().resumed == 1
    world.advance(700)
    assert stage.sim.sweep().resumed == 1
    assert (runs.get(run.id).status, runs.get(run.id).released.all_done) == (RunStatus.STOPPED, True)
    stage.sim.settle()  # the machine's executions wake and find it over
    (run,) = stage.sim.runs()
    assert stage.ask("GET", f"/v1/runs/{run.id}")["outcome"].startswith("no worker could move it")
    bucket = filled(Names(STAGE).bucket("evidence"))
    for each in world.own_client("s3").list_objects_v2(Bucket=bucket)["Contents"]:
        world.own_client("s3").delete_object(Bucket=bucket, Key=each["Key"])
    stage.ask("GET", f"/v1/runs/{run.id}", expect=404)
    return stage


def long_step(run_id, step, now):
    change = Change(
        step=step, action="undo_changes", operation="ecs:StopTask", parameters={}, resource=step, sentence="one of many"
    )
    lease = Lease(owner="dead", until=now)
    return StepRecord(
        run_id=run_id, id=step, do="undo_changes", changes=(change,) * 60, lease=lease, started_at=now,
        progress=tuple(ChangeProgress() for _ in range(60)),
    )  # fmt: skip


SCENES = (everyday, doubted, many_hands, workers_die, nobody_answers, wakes_too_late, executions_die)


def test_every_right_of_every_function_is_needed_by_something_it_does(unused):
    left = {
        f"{function}: {right}"
        for function, rights in unused.items()
        for right in rights
        if right.action not in BY_LAMBDA
    }
    assert left == set()


def test_a_stack_s_own_network_is_asked_through_its_reach_and_with_the_right_to():
    """The other scenes' stack has none."""
    inside = NetworkPart(subnets=place.SUBNETS, security_groups=(place.SECURITY_GROUP,))
    with World.create(seed=3) as world:
        stage = Stage(world, network=inside)
        stage.ask("POST", "/v1/runbooks/health-check/runs", {"stack": place.NAME, "reason": "now"}, expect=202, **KEY)
        assert stage.over().status is RunStatus.FINISHED
        assert stage.iam.denied == []
        assert "lambda:InvokeFunction" in json.dumps(stage.iam.account.functions["advance"])
        assert "lambda:InvokeFunction" not in {right.action for right in stage.iam.unused_of("advance")}
