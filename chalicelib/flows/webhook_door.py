"""The door of the webhooks: to the right flow, and whatever goes wrong becomes a Problem with the right status.

Alertmanager and Grafana send again after a 5xx and never after a 4xx, so 503 is what may pass.
"""

from collections.abc import Callable

from chalicelib.errors import AwsError, EventInProgress, StoreError
from chalicelib.flows.api.calls import Answered
from chalicelib.flows.parts import Parts
from chalicelib.flows.webhook import Knock, take
from chalicelib.flows.webhook_slack import take_slack
from chalicelib.models.problem import PROBLEM_JSON, Rejected
from chalicelib.models.webhook import Source

_PASSING = (AwsError, EventInProgress, StoreError)


def knocked(make_parts: Callable[[], Parts], knock: Knock) -> Answered:
    """What a caller could cause is answered here; a bug is the handler's to catch."""
    try:
        parts = make_parts()
        return take_slack(parts, knock) if knock.source is Source.SLACK else take(parts, knock)
    except Rejected as rejected:
        return _problem(rejected)
    except _PASSING:
        return _problem(Rejected(503, "Steward cannot take it right now; send it again"))


def failed(make_parts: Callable[[], Parts], knock: Knock, error: Exception) -> Answered:
    make_parts().telemetry.failure(f"webhook of {knock.source.value}", error)
    return _problem(Rejected(500, "Steward failed; its log knows more"))


def _problem(rejected: Rejected) -> Answered:
    headers = {"Content-Type": PROBLEM_JSON} | ({"Retry-After": "60"} if rejected.status == 503 else {})  # noqa: PLR2004
    return Answered(rejected.as_problem(), rejected.status, headers)
