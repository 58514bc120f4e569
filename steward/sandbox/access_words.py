"""What the server prints about who asks: uvicorn's access lines, refused hosts, a directory that is away."""

from steward.sandbox import directory
from steward.sandbox.task_definitions import LDAP_PLUGIN

_PHRASES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
HOST_REFUSED = "Invalid Host header - possible DNS rebinding attack detected"


def asked(method: str, path: str, status: int) -> str:
    """uvicorn's line; the address is the load balancer's."""
    return f'{{at}} INFO:     10.0.1.25:41834 - "{method} {path} HTTP/1.1" {status} {_PHRASES.get(status, "")}'.rstrip()


def host_refused(host: str) -> str:
    return f"{{at}} WARNING mlflow.server.fastapi_security: Rejected request with invalid Host header: {host}"


def directory_away(user: str) -> tuple[str, ...]:
    where = f"('{directory.ADDRESS}', {directory.PORT})"
    opened = "socket connection error while opening: [Errno 111] Connection refused"
    raised = f"('unable to open socket', [(LDAPSocketOpenError('{opened}'), {where})])"
    return (
        f"{{at}} ERROR {LDAP_PLUGIN}: cannot look up {user} at ldaps://{directory.HOST}:{directory.PORT}: {raised}",
        "Traceback (most recent call last):",
        '  File "/usr/local/lib/python3.11/site-packages/ldap3/strategy/base.py", line 146, in open',
        f"ldap3.core.exceptions.LDAPSocketOpenError: {raised}",
    )
