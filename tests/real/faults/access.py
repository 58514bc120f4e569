"""Who may come in: Host and Origin checks, and the basic-auth app with what it cannot do without."""

from tests.real.faults.fault import Fault, Seen, start_in_vain
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.mlflow_server import CREATE, SEARCH

SECRET = {"MLFLOW_FLASK_SERVER_SECRET_KEY": "a-static-canary"}
ADMIN = {"MLFLOW_AUTH_ADMIN_PASSWORD": "a-long-admin-canary"}


def host_refused(lab: Laboratory) -> Seen:
    since = lab.mlflow.mark()
    answer = lab.mlflow.ask("GET", SEARCH, headers={"Host": "mlflow.example.com"})
    lab.mlflow.child.settle()
    return Seen(lab.mlflow.child.lines(since), answer)


def origin_refused(lab: Laboratory) -> Seen:
    since = lab.mlflow.mark()
    answer = lab.mlflow.ask("POST", CREATE, body='{"name": "other"}', headers={"Origin": "https://elsewhere.example"})
    lab.mlflow.child.settle()
    return Seen(lab.mlflow.child.lines(since), answer)


def session_secret_missing(lab: Laboratory) -> Seen:
    backend = lab.postgres.uri(lab.fresh_database())
    return start_in_vain(
        lab, backend, "--app-name", "basic-auth", env=ADMIN, until=r"static secret key needs to be set"
    )


def admin_password_missing(lab: Laboratory) -> Seen:
    backend = lab.postgres.uri(lab.fresh_database())
    return start_in_vain(lab, backend, "--app-name", "basic-auth", env=SECRET, until=r"no default admin password")


def login_wrong(lab: Laboratory) -> Seen:
    backend = lab.postgres.uri(lab.fresh_database())
    server = lab.server(backend, "--app-name", "basic-auth", env=SECRET | ADMIN)
    try:
        since = server.wait_until_ready().mark()
        for _ in range(3):
            answer = server.ask("GET", SEARCH, login=("admin", "password1234"))
        server.child.settle()
        return Seen(server.child.lines(since), answer)
    finally:
        server.stop()


FAULTS = (
    Fault("auth.host_header_rejected", host_refused, r"invalid Host header", status=403),
    Fault("auth.cors_blocked", origin_refused, r"Cross-origin request blocked", status=403),
    Fault("auth.csrf_secret_missing", session_secret_missing, r"static secret key needs to be set", exit_code=1),
    Fault("auth.admin_password_missing", admin_password_missing, r"no default admin password", exit_code=1),
    Fault("auth.login_failed", login_wrong, r"401 Unauthorized", status=401, also=("auth.db_ephemeral_or_lost",)),
)
