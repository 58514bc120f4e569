"""Requests to the API behind its door."""

import json

from chalicelib.flows.api.door import Asked, serve
from chalicelib.flows.api.routes import ROUTES as BY_PATH

ACCOUNT = "111122223333"
OPS, BOSS, ROOT, GUEST = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("ops", "boss", "root", "guest"))
ROUTES = tuple(BY_PATH.values())
START = {"stack": "prod", "reason": "it hangs"}


class Api:
    def __init__(self, world) -> None:
        self.world = world
        self.count = 0

    def ask(self, method, path, body=None, *, by=OPS, key=None, query=None, raw=None):
        route, ids = match(method, path)
        self.count += 1
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
        asked = Asked(f"req-{self.count}", by, ids, {k: [v] for k, v in (query or {}).items()}, data, key)
        answered = serve(lambda: self.world.parts, route, asked, "1.2.3")
        said = answered.body if isinstance(answered.body, dict) else answered.body.model_dump(mode="json")
        return answered.status, said, answered.headers

    def audit(self):
        return self.ask("GET", "/v1/audit")[1]["entries"]


def match(method, path):
    for route in ROUTES:
        parts, given = route.path.split("/"), path.split("/")
        if route.method == method and len(parts) == len(given):
            pairs = list(zip(parts, given, strict=True))
            if all(a == b or a.startswith("{") for a, b in pairs):
                return route, {a[1:-1]: b for a, b in pairs if a.startswith("{")}
    raise AssertionError(f"no route {method} {path}")


def start(api, *, key="key-00001", by=OPS, path="/v1/runbooks/mend/runs", **more):
    return api.ask("POST", path, {**START, **more}, key=key, by=by)
