"""All servers of the laboratory; each starts when it is first asked for and lives for the whole session."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.real.lab.child import Child, LabFailure, stop_all
from tests.real.lab.mariadb import MariaDb
from tests.real.lab.mlflow_server import MlflowServer
from tests.real.lab.mysql import MySql
from tests.real.lab.object_store import BUCKET, ObjectStore
from tests.real.lab.postgres import Postgres
from tests.real.lab.tools import clean_env, lab_program

TEMPLATE = "tracking_template"
SHARED = "tracking"
Started = TypeVar("Started")
STORE = f"s3://{BUCKET}/store"


class Laboratory:
    def __init__(self, home: Path) -> None:
        self.home = home
        self._started: dict[str, Any] = {}
        self._failed: dict[str, str] = {}
        self._count = itertools.count(1)
        self._mlflow_ports: list[int] = []

    @property
    def postgres(self) -> Postgres:
        return self._once("postgres", self._start_postgres)

    @property
    def mariadb(self) -> MariaDb:
        return self._once("mariadb", self._start_mariadb)

    @property
    def mysql(self) -> MySql:
        return self._once("mysql", self._start_mysql)

    def database(self, engine: str) -> Postgres | MariaDb:
        return {"mariadb": lambda: self.mariadb, "mysql": lambda: self.mysql}.get(engine, lambda: self.postgres)()

    @property
    def objects(self) -> ObjectStore:
        return self._once("objects", lambda: ObjectStore(self.home / "s3"))

    @property
    def mlflow(self) -> MlflowServer:
        """The one that is running well until a fault comes: PostgreSQL behind it, artifacts on S3."""
        return self._once("mlflow", self._start_mlflow)

    @property
    def mlflow_on_mariadb(self) -> MlflowServer:
        return self._once("mlflow_on_mariadb", self._start_mlflow_on_mariadb)

    def _once(self, name: str, start: Callable[[], Started]) -> Started:
        """A server that did not start is not tried again by every fault that needs it: a try can take minutes."""
        if name in self._failed:
            raise LabFailure(f"{name} did not start before: {self._failed[name]}")
        if name not in self._started:
            try:
                self._started[name] = start()
            except (LabFailure, OSError) as failure:
                self._failed[name] = str(failure)
                raise
        started: Started = self._started[name]
        return started

    def _start_postgres(self) -> Postgres:
        server = Postgres(self.home / "pg")
        server.create_user()
        server.create_database(TEMPLATE)
        # MLflow builds its tables once; every other database is a copy.
        building = self.command("db", "upgrade", server.uri(TEMPLATE))
        if building.wait_for_end(within_s=120) != 0:
            raise LabFailure(f"MLflow did not build its tables:\n{building.tail()}")
        building.stop()
        return server

    def _start_mariadb(self) -> MariaDb:
        server = MariaDb(self.home / "my")
        server.create_user()
        server.create_database(SHARED)
        return server

    def _start_mysql(self) -> MySql:
        server = MySql(self.home / "mysql")
        server.create_user()
        return server

    def _start_mlflow(self) -> MlflowServer:
        self.postgres.create_database(SHARED, like=TEMPLATE)
        backend = self.postgres.uri(SHARED)
        server = self.server(backend, "--artifacts-destination", STORE, env=self.objects.env())
        server.wait_until_ready().warm_up()
        server.put_artifact("well.txt")
        return server

    def _start_mlflow_on_mariadb(self) -> MlflowServer:
        server = self.server(self.mariadb.uri(SHARED)).wait_until_ready(120)
        server.warm_up()
        return server

    def command(self, *words: str) -> Child:
        """One `mlflow` command that is not a server; the caller stops it."""
        return Child([lab_program("mlflow"), *words], env=clean_env(HOME=str(self.home)), cwd=self.home)

    def server(self, backend: str, *options: str, **more: object) -> MlflowServer:
        """A further server with its own home; the caller stops it."""
        home = self.home / f"mlflow-{next(self._count)}"
        server = MlflowServer(home, backend, *options, **more)  # type: ignore[arg-type]
        self._mlflow_ports.append(server.port)
        return server

    def ports(self) -> dict[int, int]:
        """This session's ports with the usual one of each service; only of what was started."""
        usual = {"postgres": 5432, "mariadb": 3306, "mysql": 3306, "objects": 9000}
        started = {self._started[name].port: port for name, port in usual.items() if name in self._started}
        return started | dict.fromkeys(self._mlflow_ports, 5000)

    def fresh_database(self) -> str:
        """A copy of MLflow's empty database, for a fault that ruins it."""
        name = f"fault_{next(self._count)}"
        self.postgres.create_database(name, like=TEMPLATE)
        return name

    def close(self) -> None:
        stop_all()
