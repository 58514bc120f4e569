"""One MLflow with a database and a part of the bucket of its own, and the half-real stack around it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from tests.real.lab.child import LabFailure
from tests.real.lab.estate import Estate, secrets_of, world_that_is
from tests.real.lab.images import IMAGE
from tests.real.lab.laboratory import TEMPLATE, Laboratory
from tests.real.lab.mariadb import MariaDb
from tests.real.lab.mlflow_server import MlflowServer
from tests.real.lab.object_store import BUCKET, ObjectStore
from tests.real.lab.past import Past
from tests.real.lab.postgres import PASSWORD, USER, Postgres
from tests.real.lab.tools import NEWEST, venv_of

ADMIN = ("admin", "a-long-admin-canary")
_LOGIN_ENV = {"MLFLOW_FLASK_SERVER_SECRET_KEY": "a-static-canary", "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1]}


@dataclass
class Tracking:
    lab: Laboratory
    database: Postgres | MariaDb
    name: str
    """Of its database, and of its part of the bucket."""
    login: tuple[str, str] | None = None
    version: str = NEWEST
    """The last that was served."""
    has_workspaces: bool = False
    _server: MlflowServer | None = None

    @property
    def objects(self) -> ObjectStore:
        return self.lab.objects

    @property
    def server(self) -> MlflowServer:
        if self._server is None:
            raise LabFailure("no MLflow serves")
        return self._server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def serve(self, version: str) -> "Tracking":
        """By this MLflow from now on, artifacts proxied to S3."""
        self.stop()
        self.version = version
        options = ["--artifacts-destination", f"s3://{BUCKET}/{self.name}"]
        options += ["--app-name", "basic-auth"] if self.login else []
        options += ["--enable-workspaces"] if self.has_workspaces else []
        env = self.objects.env() | (_LOGIN_ENV if self.login else {})
        self._server = self.lab.server(self.database.uri(self.name), *options, env=env, venv=venv_of(version))
        self._server.wait_until_ready(120)
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()

    @property
    def past(self) -> Past:
        return Past(self.server, self.login)

    def sql(self, *statements: str) -> str:
        if isinstance(self.database, MariaDb):
            return self.database.sql(f"USE {self.name}", *statements)
        return self.database.sql(*statements, database=self.name)

    def deleted_long_ago(self, *runs: str, days: int = 120) -> None:
        """MLflow notes its own time when it deletes, and its API takes no other."""
        named, ago = ", ".join(f"'{run}'" for run in runs), days * 24 * 3600 * 1000
        self.sql(f"UPDATE runs SET deleted_time = deleted_time - {ago} WHERE run_uuid IN ({named})")  # noqa: S608

    def experiment_deleted_long_ago(self, experiment: str, days: int = 120) -> None:
        ago, runs = days * 24 * 3600 * 1000, f"experiment_id = {experiment}"
        self.sql(
            f"UPDATE experiments SET last_update_time = last_update_time - {ago} WHERE {runs}",  # noqa: S608
            f"UPDATE runs SET deleted_time = deleted_time - {ago} WHERE {runs}",  # noqa: S608
        )

    def model_deleted_long_ago(self, model: str, days: int = 120) -> None:
        ago = days * 24 * 3600 * 1000
        changed = f"last_updated_timestamp_ms = last_updated_timestamp_ms - {ago}"
        self.sql(f"UPDATE logged_models SET {changed} WHERE model_id = '{model}'")  # noqa: S608

    @contextlib.contextmanager
    def estate(self, ahead: timedelta = timedelta()) -> Iterator[Estate]:
        """With a clock that is `ahead` of this machine's."""
        scheme, port = self.database.scheme, self.database.port
        admin = _LOGIN_ENV if self.login else {}
        with world_that_is(ahead) as world:
            yield Estate(
                world=world,
                url=self.url,
                objects=self.objects,
                prefix=self.name,
                store_uri=f"{scheme}://$DB_USER:$DB_PASSWORD@$DB_HOST:{port}/{self.name}",
                secrets=secrets_of((USER, PASSWORD), admin),
                engine=self.database.engine,
                port=port,
                database_login=(USER, PASSWORD),
                home=self.lab.home,
                image=f"{IMAGE}:{self.version}",
                login=self.login,
            )


@contextlib.contextmanager
def tracking(
    lab: Laboratory,
    name: str,
    *,
    on: str = "postgres",
    asks_login: bool = False,
    version: str = NEWEST,
    workspaces: bool = False,
) -> Iterator[Tracking]:
    """An older `version` builds its own tables, as it did then."""
    database: Postgres | MariaDb = lab.database(on)
    if isinstance(database, Postgres) and version == NEWEST:
        database.create_database(name, like=TEMPLATE)
    else:
        database.create_database(name)
    made = Tracking(lab, database, name, ADMIN if asks_login else None, has_workspaces=workspaces)
    try:
        yield made.serve(version)
    finally:
        made.stop()
