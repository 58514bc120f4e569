"""The server process itself, and a server that is well: it must not be diagnosed."""

import contextlib
import os
import re
import signal
import socket

from tests.real.faults.fault import Fault, Seen, start_in_vain
from tests.real.lab.child import LabFailure
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.mlflow_server import CREATE, SEARCH, MlflowServer


def nothing_wrong(lab: Laboratory) -> Seen:
    server = lab.mlflow
    server.put_artifact("well.txt")
    server.list_artifacts()
    answer = server.ask("GET", SEARCH)
    server.child.settle()
    return Seen(server.child.lines(), answer)


def ordinary_refusals(lab: Laboratory) -> Seen:
    """A run that does not exist, a name that is taken: clients' mistakes, MLflow at work."""
    server = lab.mlflow
    since = server.mark()
    server.ask("GET", SEARCH)
    server.ask("POST", CREATE, body='{"name": "Default"}')
    answer = server.ask("GET", "/api/2.0/mlflow/runs/get?run_id=0123456789abcdef0123456789abcdef")
    server.child.settle()
    return Seen(server.child.lines(since), answer)


def told_to_stop(lab: Laboratory) -> Seen:
    """As every deployment and every scale-in does it."""
    server = lab.server(lab.postgres.uri(lab.fresh_database()))
    try:
        server.wait_until_ready().warm_up()
        server.child.ask_to_stop()
        server.child.wait_for_end(within_s=30)
        return Seen(server.child.lines())
    finally:
        server.stop()


def database_came_late(lab: Laboratory) -> Seen:
    """The first try fails, a later one does not."""
    backend = lab.postgres.uri(lab.fresh_database())
    with lab.postgres.stopped():
        server = lab.server(backend)
        try:
            server.child.wait_for_line(r"Operation will be retried", 40)
        except LabFailure:
            server.stop()
            raise
    try:
        server.wait_until_ready()
        answer = server.ask("GET", SEARCH)
        server.child.settle()
        return Seen(server.child.lines(), answer)
    finally:
        server.stop()


def worker_killed(lab: Laboratory) -> Seen:
    server = lab.server(lab.postgres.uri(lab.fresh_database()), workers=2)
    try:
        return _killed(server.wait_until_ready())
    finally:
        server.stop()


def _killed(server: MlflowServer) -> Seen:
    server.child.settle()
    victim = _last_process(server, r"Started server process \[(\d+)\]")
    os.kill(victim, signal.SIGKILL)
    server.child.wait_for_line(rf"Child process \[{victim}\] died", 20)
    server.child.wait_for_line(r"Application startup complete", 40, server.mark())
    answer = server.ask("GET", "/health")
    server.child.settle()
    return Seen(server.child.lines(), answer)


def gunicorn_worker_killed(lab: Laboratory) -> Seen:
    """The other server that MLflow can be run by has other words for it, and a guess at the reason."""
    backend = lab.postgres.uri(lab.fresh_database())
    server = lab.server(backend, "--gunicorn-opts", "--timeout 60", workers=2)
    try:
        server.wait_until_ready().child.settle()
        victim = _last_process(server, r"Booting worker with pid: (\d+)")
        since = server.mark()
        os.kill(victim, signal.SIGKILL)
        server.child.wait_for_line(r"was sent SIGKILL", 20, since)
        answer = server.ask("GET", "/health")
        server.child.settle()
        return Seen(server.child.lines(), answer)
    finally:
        server.stop()


def _last_process(server: MlflowServer, pattern: str) -> int:
    found = [re.search(pattern, line) for line in server.child.lines()]
    return [int(each.group(1)) for each in found if each][-1]


def port_taken(lab: Laboratory) -> Seen:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        backend = lab.postgres.uri("tracking_template")
        return start_in_vain(lab, backend, port=taken.getsockname()[1], until=r"[Aa]ddress already in use")


def option_unknown(lab: Laboratory) -> Seen:
    return start_in_vain(lab, lab.postgres.uri("tracking_template"), "--artifact-root", "/a", until=r"No such option")


FAULTS = (
    Fault("healthy", nothing_wrong, r"Application startup complete", status=200),
    Fault("healthy", ordinary_refusals, r"RESOURCE_DOES_NOT_EXIST", status=404),
    Fault("healthy", told_to_stop, r"Application shutdown complete"),
    Fault("healthy", database_came_late, r"Connection refused", status=200),
    Fault(
        "worker.died",
        worker_killed,
        r"Child process \[\d+\] died",
        status=200,
        also=("container.oom", "worker.boot_failed", "healthy", "unknown"),
    ),
    Fault(
        "worker.died",
        gunicorn_worker_killed,
        r"was sent SIGKILL! Perhaps out of memory\?",
        status=200,
        also=("container.oom",),
    ),
    Fault("server.port_in_use", port_taken, r"[Aa]ddress already in use", exit_code=0),
    Fault("server.bad_cli_option", option_unknown, r"No such option", exit_code=2),
)
