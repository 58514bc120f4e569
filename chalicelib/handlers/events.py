"""`intake` and `schedule`: whatever EventBridge, SNS, SQS or an alarm hands to Lambda."""

from collections.abc import Callable
from typing import Any

from chalice.app import Blueprint

from chalicelib.flows.ingest import ingest
from chalicelib.flows.parts import Parts


def events_blueprint(parts: Callable[[], Parts]) -> Blueprint:
    blueprint = Blueprint(__name__)

    @blueprint.lambda_function(name="intake")
    def intake(event: dict[str, Any], _context: object) -> dict[str, Any]:
        decision = ingest(parts(), event)
        return {"event_id": decision.event_id, "outcome": decision.outcome}

    @blueprint.lambda_function(name="schedule")
    def schedule(event: dict[str, Any], _context: object) -> dict[str, Any]:
        decision = ingest(parts(), event)
        return {"event_id": decision.event_id, "outcome": decision.outcome}

    return blueprint
