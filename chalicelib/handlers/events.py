"""`intake` and `schedule`: whatever EventBridge, SNS, SQS or an alarm hands to Lambda.

The flows are imported by the function that is called: a cold start loads its own road and no other's.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

if TYPE_CHECKING:
    from chalicelib.flows.parts import Parts


def events_blueprint(parts: "Callable[[], Parts]") -> Blueprint:
    blueprint = Blueprint("app")  # what Lambda calls is an attribute of app.py

    @blueprint.lambda_function(name="intake")
    def intake(event: dict[str, Any], _context: object) -> dict[str, Any]:
        return _take(parts(), event)

    @blueprint.lambda_function(name="schedule")
    def schedule(event: dict[str, Any], _context: object) -> dict[str, Any]:
        return _take(parts(), event)

    return blueprint


def _take(parts: "Parts", event: dict[str, Any]) -> dict[str, Any]:
    from chalicelib.flows.ingest import ingest_all

    return {decision.event_id: decision.outcome for decision in ingest_all(parts, event)}
