"""The machine for very large copies: a Distributed Map over shards of the key space, each turned until it is over.

The store decides here too: an item carries a run's id and the number of a shard, and the worker reads the rest.
"""

from typing import Any

from chalicelib.aws.sfn import Sfn, execution_arn
from chalicelib.steps.many_hands import Crowd

MOST_AT_ONCE = 40
"""Times 32 copies in flight: below the 3,500 writes a second that S3 takes for one prefix from the start."""
_STATES = {"RUNNING": Crowd.WORKING, "PENDING_REDRIVE": Crowd.WORKING, "SUCCEEDED": Crowd.DONE}


def definition(copy_shard: str) -> dict[str, Any]:
    """`copy_shard` is the function's ARN, or `${CopyShard}` in a template."""
    retries = [
        {
            "ErrorEquals": [
                "Lambda.TooManyRequestsException",
                "Lambda.ServiceException",
                "Lambda.AWSLambdaException",
                "Lambda.SdkClientException",
            ],
            "IntervalSeconds": 5,
            "BackoffRate": 2,
            "MaxDelaySeconds": 120,
            "MaxAttempts": 8,
        },
        # A worker that died: out of time or memory (Lambda.Unknown, Sandbox.Timedout), or by an error that may pass.
        # Every turn of a shard counts anew; one that cannot be mended costs three more turns.
        {
            "ErrorEquals": ["Lambda.Unknown", "States.Timeout", "States.TaskFailed"],
            "IntervalSeconds": 15,
            "BackoffRate": 2,
            "MaxAttempts": 3,
        },
    ]
    work: dict[str, Any] = {
        "Copy": {
            "Type": "Task",
            "Resource": copy_shard,
            "TimeoutSeconds": 960,
            "Retry": retries,
            "ResultPath": "$.turn",
            "Next": "IsOver",
        },
        "IsOver": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.turn.next", "StringEquals": "copy", "Next": "Copy"}],
            "Default": "Over",
        },
        "Over": {"Type": "Pass", "Result": {}, "End": True},
    }
    return {
        "Comment": "Copies shards of a backup side by side; see chalicelib/flows/copy_shard.py",
        "StartAt": "Shards",
        "States": {
            "Shards": {
                "Type": "Map",
                "ItemsPath": "$.items",
                "MaxConcurrency": MOST_AT_ONCE,
                # one shard that cannot be done ends no other: the journals say which of them are over
                "ToleratedFailurePercentage": 100,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "Copy",
                    "States": work,
                },
                "ResultPath": None,
                "End": True,
            }
        },
    }


class StepFunctionsHands:
    def __init__(self, sfn: Sfn, machine_arn: str) -> None:
        self._sfn, self._machine_arn = sfn, machine_arn

    def begin(self, name: str, items: list[dict[str, Any]]) -> None:
        self._sfn.start_execution(self._machine_arn, name, {"items": items})

    def state(self, name: str) -> Crowd:
        found = self._sfn.describe_execution(execution_arn(self._machine_arn, name))
        return _STATES.get(found.status, Crowd.FAILED) if found else Crowd.FAILED

    def stop(self, name: str, why: str) -> None:
        self._sfn.stop_execution(execution_arn(self._machine_arn, name), why)
