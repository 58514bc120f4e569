"""`advance` and `sweep`: woken by the machine and by the clock. Each loads its own flow when it is called."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

if TYPE_CHECKING:
    from chalicelib.flows.parts import Parts


def runs_blueprint(parts: "Callable[[], Parts]") -> Blueprint:
    blueprint = Blueprint("app")  # what Lambda calls is an attribute of app.py

    @blueprint.lambda_function(name="advance")
    def advance(event: dict[str, Any], context: object) -> dict[str, object]:
        from chalicelib.flows.advance import advance as advance_run
        from chalicelib.flows.advance import lie_down

        built, run_id, generation = parts(), str(event["run_id"]), int(event["generation"])
        if "token" in event:
            lie_down(built, run_id, int(event["version"]), str(event["token"]))
            return {}
        worker = str(getattr(context, "aws_request_id", None) or built.new_id())
        return advance_run(built, run_id, generation, worker).as_state(built.clock.now())

    @blueprint.lambda_function(name="sweep")
    def sweep(_event: dict[str, Any], _context: object) -> dict[str, object]:
        from chalicelib.flows.sweep import sweep as sweep_all

        return sweep_all(parts()).as_json()

    return blueprint
