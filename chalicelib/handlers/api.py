"""`api`: the HTTP door. Reads the store, never the live stack."""

from chalice.app import Blueprint


def api_blueprint(version: str) -> Blueprint:
    blueprint = Blueprint(__name__)

    @blueprint.route("/health")
    def health() -> dict[str, str]:
        return {"status": "ok", "version": version}

    return blueprint
