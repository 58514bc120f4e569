"""API Gateway in small: checks who signed a request (SigV4, for real) and hands it to the product's own API.

The sandbox has one made-up user a role. Whoever knows a user's secret key is that user; an unsigned or
wrongly signed request gets API Gateway's own answer and never reaches the product.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from chalice.app import Chalice
from chalice.local import (
    ForbiddenError,
    LambdaContext,
    LambdaEventConverter,
    LocalGatewayAuthorizer,
    NotAuthorizedError,
    RouteMatcher,
)

from chalicelib.handlers.api import api_blueprint
from chalicelib.handlers.webhooks import ROAD, webhooks_blueprint
from chalicelib.models.problem import PROBLEM_JSON, Rejected
from chalicelib.wiring import VERSION
from steward.sandbox import place
from steward.sandbox.simulation import Simulation

_API, _AUTHORIZER = "api", "webhook-authorizer"
Reply = tuple[int, dict[str, str], bytes]
KEYS = {f"AKIASANDBOX{role.upper():_<9}": (role, f"sandbox-secret-of-the-{role}") for role in place.USERS}
"""Access key to role and secret: known to everybody, good for nothing but this machine."""
FORBIDDEN = "The request signature we calculated does not match the signature you provided."
UNSIGNED = "Missing Authentication Token"
"""As API Gateway says it, in the form that the packaged stage gives its answers (`GatewayResponse`)."""


class Gateway:
    def __init__(self, simulation: Simulation) -> None:
        self._app = Chalice(app_name="sandbox", configure_logs=False)
        self._at_work = _API
        self._app.register_blueprint(api_blueprint(lambda: simulation.parts_of(_API), VERSION))
        self._app.register_blueprint(webhooks_blueprint(lambda: simulation.parts_of(self._at_work)))
        self._authorizer = LocalGatewayAuthorizer(self._app)
        self._events = LambdaEventConverter(RouteMatcher(list(self._app.routes)))
        self._count = 0

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        try:
            event = self._events.create_lambda_event(method, path, dict(headers), body)
        except ValueError:  # as API Gateway answers for a path that it does not know
            return _plain(401, UNSIGNED)
        resource = event["requestContext"]["resourcePath"]
        if method not in self._app.routes[resource]:
            allowed = ", ".join(sorted(self._app.routes[resource]))
            status, said, text = _plain(405, f"{resource} answers to {allowed}")
            return status, {**said, "Allow": allowed}, text
        if resource.startswith(ROAD):
            return self._webhook(event, path)
        user = None
        if resource != "/health":
            user = signer(method, path, headers, body)
            if user is None:
                return _plain(403, FORBIDDEN) if "authorization" in _lower(headers) else _plain(401, UNSIGNED)
        return self._hand_over(event, user)

    def _webhook(self, event: dict[str, Any], path: str) -> Reply:
        """No AWS identity: the bearer token is asked of the product's own authorizer, each time."""
        context = LambdaContext("authorizer", 128, max_runtime_ms=10_000)
        self._at_work = _AUTHORIZER  # a function of its own, with its own rights
        try:
            event, _ = self._authorizer.authorize(path, event, context)
        except NotAuthorizedError:
            return _plain(401, UNSIGNED)
        except ForbiddenError:
            return _plain(403, "User is not authorized to access this resource")
        finally:
            self._at_work = _API
        return self._hand_over(event, None)

    def _hand_over(self, event: dict[str, Any], user: str | None) -> Reply:
        self._count += 1
        event["requestContext"]["requestId"] = f"local-{self._count:06d}"
        event["requestContext"]["identity"]["userArn"] = user
        event["resource"], event["body"] = event["requestContext"]["resourcePath"], event["body"] or b""
        said = self._app(event, None)
        found = {name: str(value) for name, value in said.get("headers", {}).items()}
        return int(said["statusCode"]), found, str(said.get("body") or "").encode()


def signer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """The user whose key signed exactly this; None: nobody did."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    given = _lower(headers)
    claimed = _parts(given.get("authorization", ""))
    scope = claimed.get("Credential", "").split("/")
    if len(scope) != 5 or scope[0] not in KEYS or scope[3] != "execute-api":  # noqa: PLR2004
        return None
    role, secret = KEYS[scope[0]]
    signed = {name: given[name] for name in claimed.get("SignedHeaders", "").split(";") if name in given}
    if "host" not in signed or "x-amz-date" not in given:
        return None
    request = AWSRequest(method, f"http://{given['host']}{path}", signed, body)
    request.context["timestamp"] = given["x-amz-date"]
    auth = SigV4Auth(Credentials(scope[0], secret), "execute-api", scope[2])
    text = auth.string_to_sign(request, auth.canonical_request(request))
    right = hmac.compare_digest(auth.signature(text, request), claimed.get("Signature", ""))
    return place.USERS[role] if right else None


def _parts(header: str) -> dict[str, str]:
    kind, _, rest = header.partition(" ")
    if kind != "AWS4-HMAC-SHA256":
        return {}
    return {name.strip(): value for name, _, value in (one.partition("=") for one in rest.split(","))}


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _plain(status: int, sentence: str) -> Reply:
    problem = Rejected(status, sentence).as_problem()
    return status, {"Content-Type": PROBLEM_JSON}, problem.model_dump_json().encode()


def key_of(role: str) -> tuple[str, str]:
    """Access key and secret of the made-up user of a role."""
    return next((key, secret) for key, (of, secret) in KEYS.items() if of == role)
