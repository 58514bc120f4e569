"""Lambda: calling one function and waiting for its answer. Used for `reach` alone.

An answer that the function did not give by itself (it crashed, it ran out of time, it is throttled) is an
error here, with Lambda's word for it and nothing of its text: that could quote what was sent.
"""

import json
from typing import Any, Protocol

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsInvalid, AwsUnavailable
from chalicelib.models.shape import content_hash
from chalicelib.models.stack import Stack

_OPERATION = "lambda:InvokeFunction"


class _Client(Protocol):
    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]: ...  # noqa: N803


class LambdaInvoke:
    def __init__(self, client: _Client) -> None:
        """Of a client that tries once: a second try would log in a second time."""
        self._client = client

    def ask(self, function: str, payload: bytes, *, max_bytes: int) -> bytes:
        with calling(_OPERATION):
            answer = self._client.invoke(FunctionName=function, InvocationType="RequestResponse", Payload=payload)
            said: bytes = answer["Payload"].read(max_bytes + 1)
        if answer.get("FunctionError"):
            raise AwsUnavailable(_OPERATION, _kind_of_error(said), "the function did not answer by itself")
        if len(said) > max_bytes:
            raise AwsInvalid(_OPERATION, "AnswerTooLarge", f"more than {max_bytes} bytes")
        return said


def _kind_of_error(said: bytes) -> str:
    """`errorType` as Lambda writes it (`Sandbox.Timedout`, `Runtime.ExitError`); runtimes before 2024 say a
    time-out only in words."""
    try:
        body = json.loads(said)
    except ValueError:
        return "FunctionError"
    kind = body.get("errorType") if isinstance(body, dict) else None
    if isinstance(kind, str) and kind.replace(".", "").isalnum():
        return f"FunctionError.{kind[:60]}"
    return "FunctionError.TimedOut" if b"Task timed out" in said else "FunctionError"


def reach_function(stage: str, stack: Stack) -> str:
    """What packaging calls the function, unless the stack names one of its own."""
    if stack.network is not None and stack.network.function is not None:
        return stack.network.function
    network = stack.network
    place = [sorted(network.subnets), sorted(network.security_groups)] if network is not None else []
    # By the place, not by the stack: those in the same subnets and groups share one function.
    return f"mlflow-steward-{stage}-reach-{content_hash(place)[:10]}"
