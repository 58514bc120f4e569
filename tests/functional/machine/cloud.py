"""Steward as it runs in the cloud, over a world: Step Functions on moto executes the machine for real, its
Lambda tasks call the Chalice app's own `advance`, DynamoDB on moto is the store. Nothing here decides anything.

Only time is not moto's. Where `time_passes`, the world moves on inside the call of Sleep, until somebody rings
or the time that Sleep was given is over; then its wait ends as if those seconds had passed. Where it does not,
Sleep is really parked, and a test can do what people do meanwhile.
"""

import functools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import boto3
from chalice import Chalice
from chalice.test import Client
from moto.awslambda_simple.models import LambdaSimpleBackend, lambda_simple_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from chalicelib.aws.sfn import Sfn, execution_arn
from chalicelib.engine.machine import StepFunctionsDriver, definition
from chalicelib.flows.parts import Parts
from chalicelib.handlers.runs import runs_blueprint
from chalicelib.models.run import Run, RunStatus
from chalicelib.models.runbook import Runbook
from chalicelib.observability import Telemetry
from chalicelib.store.dynamodb import DynamoTable, dynamo_client, table_definition
from steward.sandbox import place
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World

MOTO = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
ADVANCE_ARN = f"arn:aws:lambda:{place.REGION}:{place.ACCOUNT}:function:advance"
ROLE_ARN = f"arn:aws:iam::{place.ACCOUNT}:role/steward-machine"
TICK_S = 5
PATIENCE_S = 60
"""Real seconds after which a test gives up; nothing here should take more than a few."""
ASKS_AGAIN_S = 0.2
"""To ask moto's table takes longer than most of what is waited for, and holds it up: before that, only after a call."""

Json = dict[str, Any]
Function = Callable[[Json], Json]


@functools.cache
def own_session() -> boto3.Session:
    """Steward's own account; kept, since reading the service models is most of what a client costs."""
    return boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name=place.REGION)


class AppLambda(LambdaSimpleBackend):
    """moto's Lambda without Docker, with a function behind it. moto makes backends by region and account
    alone and makes them again at a reset, so the function is set afterwards."""

    function: Function
    errors: list[Json]

    def invoke(self, function_name: str, qualifier: Any, body: Any, headers: Any, response_headers: Json) -> bytes:
        assert function_name == ADVANCE_ARN
        try:
            answer = self.function(json.loads(body))
        except Exception as error:  # noqa: BLE001  # boundary: what the Lambda runtime does with a function's error
            response_headers["x-amz-function-error"] = "Unhandled"
            answer = {"errorType": type(error).__name__, "errorMessage": str(error)}
            self.errors.append(answer)
        return json.dumps(answer).encode()


class Bell(StepFunctionsDriver):
    """The product's driver; it only remembers which tokens were rung."""

    def __init__(self, sfn: Sfn, machine_arn: str, telemetry: Telemetry) -> None:
        super().__init__(sfn, machine_arn, telemetry)
        self.rung: list[str] = []

    def ring(self, run_id: str, token: str | None) -> None:
        if token is not None:
            self.rung.append(token)
        super().ring(run_id, token)


def one_at_a_time(client: Any) -> Any:
    """moto's UpdateItem checks its condition and then writes, in two steps; DynamoDB's does not."""
    lock, send = threading.Lock(), client._make_api_call

    def locked(operation: str, parameters: Json) -> Json:
        with lock:
            return send(operation, parameters)

    client._make_api_call = locked
    return client


def in_haste(machine: Json) -> Json:
    """The same, with a second between two attempts: an execution waits for real."""
    retries = [retry for state in machine["States"].values() for retry in state.get("Retry", ())]
    for retry in retries:
        retry.update(IntervalSeconds=1, MaxDelaySeconds=1)
    return machine


class Cloud(Simulation):
    """A Simulation whose runs are turned by the machine, not by the agenda."""

    def __init__(self, world: World, runbooks: dict[str, Runbook], change: Callable[[Parts], Parts]) -> None:
        dynamo = one_at_a_time(dynamo_client(own_session()))
        dynamo.create_table(**table_definition("steward"))
        super().__init__(world, runbooks, table=DynamoTable("steward", lambda: dynamo))
        self.sfn = own_session().client("stepfunctions")
        self.machine_arn = self.sfn.create_state_machine(
            name="steward", definition=json.dumps(in_haste(definition(ADVANCE_ARN))), roleArn=ROLE_ARN
        )["stateMachineArn"]
        self.bell = Bell(Sfn(self.sfn), self.machine_arn, self.parts.telemetry)
        self.parts = change(replace(self.parts, driver=self.bell))
        app = Chalice(app_name="mlflow-steward")
        app.register_blueprint(runs_blueprint(lambda: self.parts))
        self.app = Client(app).lambda_
        self.time_passes = True
        self.around: Callable[[Json, Function], Json] = lambda event, advance: advance(event)
        """What stands between the machine and the app: where a test lets things go wrong."""
        self.calls: list[tuple[Json, Json]] = []
        """What the machine asked of the function, and what it was answered."""
        self.errors: list[Json] = []
        self._ends_at: dict[str, datetime] = {}
        self._closed = False
        lambdas = lambda_simple_backends[place.ACCOUNT]
        lambdas[place.REGION] = AppLambda(place.REGION, place.ACCOUNT)
        lambdas[place.REGION].function, lambdas[place.REGION].errors = self._function, self.errors

    # -- what Lambda does ----------------------------------------------------------------------

    def _function(self, event: Json) -> Json:
        if self._closed:
            return {**event, "next": "succeed"}
        answer = self.around(event, self.advance)
        self.calls.append((event, answer))
        if "token" not in event:
            self._ends_at[event["run_id"]] = self.now() + timedelta(seconds=answer.get("seconds", 0))
        elif self.time_passes:
            self._sleep(event)
        return answer

    def advance(self, event: Json) -> Json:
        return self.app.invoke("advance", event).payload

    def _sleep(self, event: Json) -> None:
        end, token = self._ends_at[event["run_id"]], event["token"]
        while token not in self.bell.rung:
            left = ceil((end - self.now()).total_seconds())
            if left <= 0:
                self.expire(token)
                return
            self.pass_time(min(TICK_S, left))

    def expire(self, token: str) -> None:
        """Ends moto's wait for this token the way its own time-out does."""
        for callbacks in self._callbacks():
            if waiting := callbacks.get(token):
                waiting.interrupt_all()

    def settle(self) -> None:
        """The machine turns by itself."""

    # -- looking on ----------------------------------------------------------------------------

    def now(self) -> datetime:
        return self.world.clock.now()

    def run(self, run_id: str | None = None) -> Run:
        """The one with this id, else the only one."""
        found = [run for run in self.runs() if run_id in {None, run.id}]
        assert len(found) == 1, found
        return found[0]

    def status(self, run: Run, generation: int | None = None) -> str:
        arn = self.arn(run.id, generation or run.generation)
        try:
            return self.sfn.describe_execution(executionArn=arn)["status"]
        except self.sfn.exceptions.ExecutionDoesNotExist:  # the generation is raised first, then its execution starts
            return "NOT STARTED"

    def arn(self, run_id: str, generation: int) -> str:
        return execution_arn(self.machine_arn, f"{run_id}-{generation}")

    def history(self, run: Run, generation: int = 1) -> list[Json]:
        return self.sfn.get_execution_history(executionArn=self.arn(run.id, generation))["events"]

    def entered(self, run: Run, generation: int = 1) -> list[str]:
        """The states that were entered, in order."""
        details = (event.get("stateEnteredEventDetails") for event in self.history(run, generation))
        return [each["name"] for each in details if each]

    def sleeps(self, run: Run, generation: int = 1) -> Counter[str]:
        """How the sleeps ended: TaskSucceeded (somebody rang), TaskTimedOut, TaskFailed."""
        ends = {
            "TaskSucceeded": "taskSucceededEventDetails",
            "TaskTimedOut": "taskTimedOutEventDetails",
            "TaskFailed": "taskFailedEventDetails",
        }
        known = [
            (event["type"], event[ends[event["type"]]])
            for event in self.history(run, generation)
            if event["type"] in ends
        ]
        return Counter(what for what, details in known if details["resource"] == "invoke.waitForTaskToken")

    def stopped_tasks(self) -> int:
        """The one thing that these runbooks change."""
        changes = self.world.mutations()
        assert {call.operation for call in changes} <= {"StopTask"}
        return len(changes)

    def texts(self, run: Run) -> list[str]:
        return [moment.text for moment in self.parts.engine.runs.moments(run.id)]

    # -- waiting for what other threads do -----------------------------------------------------

    def wait(self, until: Callable[[], Any], what: str) -> Any:
        seen, asked_at, end = None, 0.0, time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            now = (len(self.calls), len(self.bell.rung), [each.status for each in self._executions()])
            if now != seen or time.monotonic() - asked_at >= ASKS_AGAIN_S:
                seen, asked_at = now, time.monotonic()
                if found := until():
                    return found
            time.sleep(0.01)
        raise AssertionError(f"still not {what}; the last calls were {self.calls[-3:]}, its errors {self.errors}")

    def wait_for_run(self) -> Run:
        """The world breaks, its alarm fires, and a run is started."""
        assert self.run_until(lambda: bool(self.runs()), limit_s=3600)
        return self.run()

    def wait_for_end(self, run: Run) -> Run:
        """Until the machine has succeeded or failed."""
        self.wait(lambda: self.status(self.run(run.id)) not in {"RUNNING", "NOT STARTED"}, "over")
        return self.run(run.id)

    def wait_for_bell(self, run: Run, status: RunStatus | None = None) -> Run:
        """Until Sleep is parked, with nobody having rung yet."""

        def parked() -> Run | None:
            now = self.run(run.id)
            event = self.calls[-1][0] if self.calls else {}
            hung_up = now.token and event.get("token") == now.token and now.token not in self.bell.rung
            return now if hung_up and status in {None, now.status} else None

        return self.wait(parked, "asleep")

    # -- the end -------------------------------------------------------------------------------

    def close(self) -> None:
        """No thread of moto's may live on: without moto around it, it would call the real AWS."""
        self._closed = True
        self.wait(self._all_ended, "closed")
        del lambda_simple_backends[place.ACCOUNT][place.REGION]

    def _all_ended(self) -> bool:
        for callbacks in self._callbacks():
            for token in list(callbacks._pool):
                callbacks.get(token).interrupt_all()
        return all(execution.status != "RUNNING" for execution in self._executions())

    def _callbacks(self) -> list[Any]:
        """The waiting tokens of each execution; one that was only just started has none yet."""
        environments = [execution.exec_worker.env for execution in self._executions()]
        return [environment.callback_pool_manager for environment in environments if environment]

    def _executions(self) -> list[Any]:
        machines = stepfunctions_parser_backends[place.ACCOUNT][place.REGION].state_machines
        return [execution for machine in machines for execution in list(machine.executions)]
