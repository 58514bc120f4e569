"""`copy_shard`: one turn of one shard of a very large backup; woken by its Step Functions machine only."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint

if TYPE_CHECKING:
    from chalicelib.flows.parts import Parts


def copies_blueprint(parts: "Callable[[], Parts]") -> Blueprint:
    blueprint = Blueprint("app")  # what Lambda calls is an attribute of app.py

    @blueprint.lambda_function(name="copy_shard")
    def copy_shard(event: dict[str, Any], _context: object) -> dict[str, Any]:
        from chalicelib.flows.copy_shard import copy_shard as turn

        return turn(parts(), event)

    return blueprint
