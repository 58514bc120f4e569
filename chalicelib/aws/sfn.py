"""Step Functions: starting an execution, ringing its doorbell, seeing whether it lives."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsError, AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_NOBODY_THERE = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}


@dataclass(frozen=True)
class Execution:
    arn: str
    status: str
    """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, PENDING_REDRIVE."""


class Sfn:
    def __init__(self, client: "SFNClient") -> None:
        self._client = client

    def start_execution(self, state_machine_arn: str, name: str, given: dict[str, Any]) -> bool:
        """False: an execution of this name exists already, which is as good. Names are taken for 90 days."""
        try:
            with calling("states:StartExecution"):
                self._client.start_execution(stateMachineArn=state_machine_arn, name=name, input=json.dumps(given))
        except AwsError as exc:
            if exc.code == "ExecutionAlreadyExists":
                return False
            raise
        return True

    def send_task_success(self, token: str, output: dict[str, Any] | None = None) -> bool:
        """False: nobody sleeps there any more. The ring is lost, which costs only latency."""
        try:
            with calling("states:SendTaskSuccess"):
                self._client.send_task_success(taskToken=token, output=json.dumps(output or {}))
        except AwsError as exc:
            if exc.code in _NOBODY_THERE:
                return False
            raise
        return True

    def describe_execution(self, execution_arn: str) -> Execution | None:
        """None: there is none, or it ended so long ago that it is forgotten."""
        try:
            with calling("states:DescribeExecution"):
                answer = self._client.describe_execution(executionArn=execution_arn)
        except AwsNotFound:
            return None
        return Execution(answer["executionArn"], answer["status"])

    def stop_execution(self, execution_arn: str, why: str) -> None:
        """One that is over already stays as it is."""
        try:
            with calling("states:StopExecution"):
                self._client.stop_execution(executionArn=execution_arn, cause=why[:32768])
        except AwsNotFound:
            return


def execution_arn(state_machine_arn: str, name: str) -> str:
    return f"{state_machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"
