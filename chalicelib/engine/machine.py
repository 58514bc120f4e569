"""The one Step Functions machine for all runbooks, and the driver that wakes runs through it.

    Advance ─▶ Choice ─▶ Advance | Sleep | Succeed | Fail
                            Sleep ─(ring or time-out)─▶ Advance

The machine carries no meaning: its input is a run id and a generation, its task token a doorbell.
Editing a runbook never redeploys it. JSONPath, since the tests run it for real where JSONata is not.
"""

from typing import Any

from chalicelib.aws.sfn import Sfn
from chalicelib.errors import AwsError, AwsInvalid, AwsNotFound
from chalicelib.observability import Level, Telemetry

ADVANCE_TIMEOUT_S = 330
"""A little longer than the function's own 300 s: only an answer that got lost on its way takes so long."""


def _retry(times: int) -> dict[str, Any]:
    """A throttled or crashed worker: the next one reads the store and decides again."""
    return {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "MaxAttempts": times,
        "BackoffRate": 2.0,
        "MaxDelaySeconds": 60,
        "JitterStrategy": "FULL",
    }


def definition(advance_arn: str) -> dict[str, Any]:
    """`advance_arn` may be a CloudFormation substitution like `${AdvanceArn}`."""
    who = {"run_id.$": "$.run_id", "generation.$": "$.generation"}
    return {
        "Comment": "MLflow Steward: one run of one runbook; the store decides, this only wakes.",
        "StartAt": "Advance",
        "States": {
            "Advance": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": advance_arn, "Payload": who},
                "TimeoutSeconds": ADVANCE_TIMEOUT_S,
                "OutputPath": "$.Payload",
                "Retry": [_retry(8)],
                "Next": "Choose",
            },
            "Choose": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.next", "StringEquals": "advance", "Next": "Advance"},
                    {"Variable": "$.next", "StringEquals": "sleep", "Next": "Sleep"},
                    {"Variable": "$.next", "StringEquals": "succeed", "Next": "Succeed"},
                ],
                "Default": "Fail",
            },
            "Sleep": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Parameters": {
                    "FunctionName": advance_arn,
                    "Payload": {**who, "version.$": "$.version", "token.$": "$$.Task.Token"},
                },
                "TimeoutSecondsPath": "$.seconds",
                "ResultPath": None,
                # Without a pause, a doorbell that cannot be hung up would turn the machine in circles.
                "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0}, _retry(3)],
                # Time is up, or the doorbell could not be hung up: either way, look again.
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Advance"}],
                "Next": "Advance",
            },
            "Succeed": {"Type": "Succeed"},
            "Fail": {"Type": "Fail", "Error": "NoSuchRun", "Cause": "the store does not know this run"},
        },
    }


class StepFunctionsDriver:
    def __init__(self, sfn: Sfn, machine_arn: str, telemetry: Telemetry) -> None:
        self._sfn = sfn
        self._machine_arn = machine_arn
        self._telemetry = telemetry

    def start(self, run_id: str, generation: int) -> None:
        """The name makes it idempotent: one execution a run and generation, whoever asks."""
        self._sfn.start_execution(
            self._machine_arn, f"{run_id}-{generation}", {"run_id": run_id, "generation": generation}
        )

    def ring(self, run_id: str, token: str | None) -> None:
        if token is None:
            return
        try:
            self._sfn.send_task_success(token, {"rung": run_id})
        except AwsError as error:  # a lost ring costs only latency: sleeping ends by itself
            # A bell that hangs no more is everyday life; a missing right or a throttled account is not.
            level = Level.INFO if isinstance(error, AwsInvalid | AwsNotFound) else Level.WARNING
            self._telemetry.note(
                "a doorbell could not be rung; the run wakes when its sleep is over",
                level=level,
                run_id=run_id,
                error=str(error),
            )
