"""The paths of the API, alone: what must be known when the app is loaded. The rest is in `routes.py`, loaded
with the first request, since it brings every model of the API along."""

OPEN = frozenset({"/health"})
"""Answers to anybody; says nothing that is secret."""

PATHS: tuple[tuple[str, str], ...] = (
    ("GET", "/health"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/v1/now"),
    ("GET", "/v1/runbooks"),
    ("GET", "/v1/runbooks/{name}"),
    ("POST", "/v1/runbooks/{name}/runs"),
    ("POST", "/v1/runbooks/{name}/plan"),
    ("GET", "/v1/runs"),
    ("GET", "/v1/runs/{id}"),
    ("GET", "/v1/runs/{id}/plan"),
    ("GET", "/v1/runs/{id}/news"),
    ("POST", "/v1/runs/{id}/cancel"),
    ("POST", "/v1/runs/{id}/approve"),
    ("POST", "/v1/runs/{id}/reject"),
    ("POST", "/v1/runs/{id}/delegate"),
    ("POST", "/v1/runs/{id}/undo"),
    ("GET", "/v1/incidents"),
    ("GET", "/v1/decisions"),
    ("GET", "/v1/stacks"),
    ("POST", "/v1/stacks/{name}/check"),
    ("GET", "/v1/stacks/{name}/backups"),
    ("POST", "/v1/stacks/{name}/clear-suspicion"),
    ("POST", "/v1/stop"),
    ("POST", "/v1/resume"),
    ("POST", "/v1/freeze"),
    ("GET", "/v1/audit"),
)


def name_of(method: str, path: str) -> str:
    """`post_runs_id_approve`: the view's name, and the operation's in the OpenAPI document."""
    words = path.replace("/v1", "").replace("{", "").replace("}", "").replace(".", "/")
    return "_".join([method.lower(), *(word for word in words.split("/") if word)])
