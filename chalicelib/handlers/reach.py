"""`reach`: lives in a stack's network and asks there what `advance` cannot. Reads no state, holds no rights."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

if TYPE_CHECKING:
    from chalicelib.flows.reach import Inside


def reach_blueprint(inside: "Callable[[], Inside]") -> Blueprint:
    blueprint = Blueprint("app")  # what Lambda calls is an attribute of app.py

    @blueprint.lambda_function(name="reach")
    def reach(event: dict[str, Any], _context: object) -> dict[str, Any]:
        from chalicelib.flows.reach import reach as ask_inside

        return ask_inside(inside(), event)

    return blueprint
