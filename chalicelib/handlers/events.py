"""`intake` and `schedule`: whatever EventBridge, SNS, SQS or an alarm hands to Lambda."""

from collections.abc import Callable
from typing import Any

from chalice.app import Blueprint

from chalicelib.flows.ingest import ingest_all
from chalicelib.flows.parts import Parts


def events_blueprint(parts: Callable[[], Parts]) -> Blueprint:
    blueprint = Blueprint(__name__)

    @blueprint.lambda_function(name="intake")
    def intake(event: dict[str, Any], _context: object) -> dict[str, Any]:
        return {decision.event_id: decision.outcome for decision in ingest_all(parts(), event)}

    @blueprint.lambda_function(name="schedule")
    def schedule(event: dict[str, Any], _context: object) -> dict[str, Any]:
        return {decision.event_id: decision.outcome for decision in ingest_all(parts(), event)}

    return blueprint
