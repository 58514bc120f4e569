"""The zip as it would be deployed, under awslambdaric: every function with real payloads, and a whole remediation."""

import json
import threading
import time
from datetime import UTC, datetime

import pytest

from chalicelib.catalog.deployed import stack_parameter
from chalicelib.models.run import RunStatus, Verdict
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.dynamodb import DynamoTable
from chalicelib.store.runs import Runs
from tests.shipped import read_runbooks

PATIENCE_S = 600


def alarm_of(stage, fault="task-hangs"):
    """The world breaks, and its alarm fires some virtual minutes later."""
    stage.world.break_with(fault)
    for _ in range(120):
        stage.world.advance(5)
        for event in stage.world.take_events():
            if event["source"] == "aws.cloudwatch" and event["detail"]["state"]["value"] == "ALARM":
                return event
    raise AssertionError("no alarm")


def runs_of(stage):
    table = DynamoTable("mlflow-steward-dev", lambda: stage.world.own_client("dynamodb"))
    return Runs(table, MemoryBlobs())


@pytest.mark.real  # five minutes of real time, for what it proves must hold for two; CI runs it with the real servers
def test_an_alarm_becomes_a_run_and_the_machine_carries_it_to_its_verdict_by_the_packaged_functions_alone(stage):
    alarm = alarm_of(stage)
    answer = stage.ask("Intake", alarm)
    assert list(answer.values()) == ["run"]
    over = threading.Event()
    catching_up = threading.Thread(target=stage.live, args=(over,))
    catching_up.start()
    try:
        run = _wait_for_the_end(stage)
    finally:
        over.set()
        catching_up.join()
    assert (run.status, run.verdict, run.released.all_done) == (RunStatus.FINISHED, Verdict.VERIFIED, True), run.outcome
    assert [call.operation for call in stage.world.mutations() if call.service == "ecs"] == ["StopTask"]
    shipped = read_runbooks()["service-down"]
    proved = {found.check: found.answer.value for found in run.verification.last.results}
    assert (run.runbook, proved) == (shipped, dict.fromkeys(shipped.verify.that, "true"))
    assert "GET /api/2.0/mlflow/experiments/search" in stage.world.server.asked
    assert stage.iam.account.denied == []
    _wait_for_the_machine(stage)
    assert stage.process("Advance").log.count(b"run ended") == 1
    # The same event again is a duplicate, and one store call: this process has asked for the layout's version before.
    asked = len(stage.endpoint.asked)
    assert stage.ask("Intake", alarm) == answer
    assert stage.endpoint.asked[asked:] == ["dynamodb:PutItem"]


def _wait_for_the_end(stage):
    runs, end = runs_of(stage), time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = runs.recent(stage.world.stack().stack).rows
        if found and found[0].status is RunStatus.FINISHED and found[0].released.all_done:
            return found[0]
        time.sleep(0.5)
    said = stage.process("Advance").log.decode(errors="replace")[-3000:]
    raise AssertionError(f"not over: {[(run.status, run.outcome) for run in found]}; {said}")


def _wait_for_the_machine(stage):
    """Its last `advance` goes on for a moment after the run's end is stored."""
    machines, end = stage.world.own_client("stepfunctions"), time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = machines.list_executions(stateMachineArn=stage.machine_arn)["executions"]
        states = {each["status"] for each in found}
        if states and "RUNNING" not in states:
            assert states == {"SUCCEEDED"}
            return
        time.sleep(0.2)
    raise AssertionError(f"the machine is not over: {states}")


def test_schedule_makes_a_run_of_what_scheduler_sends(stage, template):
    given = json.loads(_schedule(template, "health-check")["Target"]["Input"])
    at = datetime.now(UTC).isoformat()
    answer = stage.ask("Schedule", {**given, "scheduled_at": at})
    assert list(answer.values()) == ["run"]
    assert runs_of(stage).recent(given["stack"]).rows[0].runbook.runbook == "health-check"


def test_a_schedule_that_somebody_invokes_by_hand_is_no_schedule(stage, template):
    given = json.loads(_schedule(template, "health-check")["Target"]["Input"])
    assert list(stage.ask("Schedule", given).values()) == ["invalid"]


def test_sweep_answers_and_says_that_steward_lives(stage):
    """S31: the heartbeat is what its alarm listens for."""
    assert isinstance(stage.ask("Sweep", {}), dict)
    assert b'"Heartbeat":[' in stage.process("Sweep").log


def test_the_api_answers_a_signed_caller_and_stops_nothing_for_one_without_a_role(stage, template):
    """S27: whoever signs is a viewer. An unsigned call is API Gateway's to refuse; should one come, it is nobody's."""
    assert stage.ask("APIHandler", request("GET", "/health"))["statusCode"] == 200
    listed = json.loads(stage.ask("APIHandler", request("GET", "/v1/stacks"))["body"])
    assert stage.world.stack().stack in json.dumps(listed)
    stop = json.dumps({"stack": stage.world.stack().stack, "reason": "a test"})
    assert stage.ask("APIHandler", request("POST", "/v1/stop", stop))["statusCode"] == 403
    assert stage.ask("APIHandler", request("GET", "/v1/stacks", caller=None))["statusCode"] == 403
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    signed = [{"sigv4": []}]
    assert (paths["/v1/stacks"]["get"]["security"], paths["/v1/stop"]["post"]["security"]) == (signed, signed)


def test_an_advance_of_a_run_that_is_not_there_ends_the_machine(stage):
    """S21: `advance` takes a run id and nothing else, and the run must have been admitted."""
    assert stage.ask("Advance", {"run_id": "r-000000000000", "generation": 1})["next"] == "fail"


def test_a_stack_whose_parameter_was_changed_is_refused_by_name_and_nothing_is_done_for_it(stage):
    """S22: whoever can write a parameter still cannot hand Steward another cluster."""
    alarm = alarm_of(stage)
    stack = stage.world.stack()
    other = stack.model_copy(update={"owners": ("somebody-else",)})
    stage.put_parameter(f"/steward/dev/stacks/{stack.stack}", stack_parameter(other))
    assert "run" not in stage.ask("Intake", alarm).values()
    assert runs_of(stage).recent(stack.stack).rows == ()
    assert f"stack {stack.stack} is not the packaged one".encode() in stage.process("Intake").log


def _schedule(template, runbook):
    found = [
        body["Properties"] for body in template["Resources"].values() if body["Type"] == "AWS::Scheduler::Schedule"
    ]
    return next(each for each in found if each["Name"].startswith(runbook))


def request(method, path, body=None, caller="arn:aws:iam::123456789012:user/nobody"):
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": method,
            "requestId": "test",
            "identity": {"userArn": caller},
        },
        "body": body,
        "isBase64Encoded": False,
    }
