"""Answers API calls from the world, below the clients, and notes every call.

Registered last on `before-call`, so whatever the product registers (plan mode's refusal) comes
first. A call the world does not answer goes on to moto.
"""

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from steward.sandbox.answers import HEADERS, REGION, REGIONAL, Answers, Declined, Params
from steward.sandbox.moto_parts import MotoParts
from steward.sandbox.tasklogs import TaskLogs

if TYPE_CHECKING:
    import boto3
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel

_READS = (
    "Describe",
    "List",
    "Get",
    "Head",
    "Filter",
    "Search",
    "Lookup",
    "BatchGet",
    "Query",
    "Scan",
    "Select",
    "Test",
)
_ALSO_READS = {"AssumeRole", "ReceiveMessage", "StartQuery", "TransactGetItems", "VerifyMac"}
PARAMS = "sandbox_params"
"""Where in a call's context the world keeps what the caller gave."""


@dataclass(frozen=True)
class Call:
    at: datetime
    service: str
    """As boto3 names the client: ecs, elbv2, cloudwatch."""
    operation: str
    params: dict[str, Any]

    @property
    def is_mutation(self) -> bool:
        return not self.operation.startswith(_READS) and self.operation not in _ALSO_READS


class Overrides:
    def __init__(
        self,
        tables: dict[str, Answers],
        now: Callable[[], datetime],
        parts: MotoParts,
        logs: TaskLogs,
        lock: threading.RLock,
    ) -> None:
        self._tables, self._now, self._parts, self._logs, self._lock = tables, now, parts, logs, lock
        self.calls: list[Call] = []

    def register(self, session: "boto3.Session", *, noted: bool = True) -> None:
        session.events.register_last("before-parameter-build", _keep_params, unique_id="sandbox-params")
        # The stubs know only handlers that answer nothing; `before-call` is the one that may.
        answers = cast("Callable[..., None]", partial(self._before_call, noted=noted))
        session.events.register_last("before-call", answers, unique_id="sandbox-answers")

    def _before_call(
        self, model: "OperationModel", context: dict[str, Any], *, noted: bool, **_sent: object
    ) -> "tuple[AWSResponse, dict[str, Any]] | None":
        service, operation = model.service_model.service_name, model.name
        params = context.get(PARAMS, {})
        with self._lock:
            if noted:
                self.calls.append(Call(self._now(), service, operation, dict(params)))
            answer = self._tables.get(service, {}).get(operation)
            if answer is not None:
                try:
                    where = {REGION: context.get("client_region")} if service in REGIONAL else {}
                    parsed = answer({**params, **where} if where else params, self._now())
                except Declined as declined:
                    return declined_with(declined)
                if parsed is not None:
                    # A copy, as it would come over the wire: nobody changes the world through an answer.
                    headers = parsed.get(HEADERS, {})
                    answered = {name: value for name, value in parsed.items() if name != HEADERS}
                    return response(200), copy.deepcopy(answered) | {"ResponseMetadata": _metadata(200, headers)}
            self._parts.ensure(service)
            if service == "logs":
                self._logs.flush()
        return None


def _keep_params(params: Params, context: dict[str, Any], **_sent: object) -> None:
    """`before-call` sees only the request as it goes over the wire; this is what the caller gave."""
    context[PARAMS] = params


def response(status: int) -> "AWSResponse":
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    return AWSResponse("", status, HTTPHeaders(), None)


def _metadata(status: int, headers: dict[str, str] | None = None) -> dict[str, Any]:
    return {"RequestId": "sandbox", "HTTPStatusCode": status, "HTTPHeaders": headers or {}, "RetryAttempts": 0}


def declined_with(declined: Declined) -> "tuple[AWSResponse, dict[str, Any]]":
    error = {"Code": declined.code, "Message": declined.message}
    return response(declined.status), {"Error": error, "ResponseMetadata": _metadata(declined.status)}
