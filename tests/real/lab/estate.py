"""A stack that is half real: its MLflow, database, bucket and one-off tasks are; the AWS around them is the sandbox's.

Steps are called in it as the engine calls them. Its clock is the world's, which may be days ahead of this machine's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from chalicelib.aws.gateways import Aws
from chalicelib.clock import Clock
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.stack import ArtifactsPart, MlflowAuth, Stack
from chalicelib.net.checked_connection import Connecting
from chalicelib.net.database_login import DatabaseFacts, DatabaseLogin, DatabaseRequest
from chalicelib.net.guarded import GuardedHttp
from chalicelib.net.http import HttpAnswer, HttpRequest
from chalicelib.net.mysql_login import MysqlLogin
from chalicelib.net.postgres_login import PostgresLogin
from chalicelib.steps.side_by_side import one_after_another
from chalicelib.steps.step import Applied, Pending, StepContext
from chalicelib.store.blobs import MemoryBlobs
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.sandbox import place
from steward.sandbox.events import Event
from steward.sandbox.task_definitions import definition_of
from steward.sandbox.world import World
from tests.real.lab.object_store import BUCKET, REGION, ObjectStore
from tests.real.lab.real_tasks import RealTasks

S3_SECRET, LOGIN_SECRET, DATABASE_SECRET = "lab/s3", "lab/mlflow", "lab/database"
_HERE = Connecting(allow_plain=True, allow_loopback=True)


class InWorldTime:
    """The real server is read in the world's time, which may be days ahead of it: its Date is the world's."""

    def __init__(self, clock: Clock) -> None:
        self._http, self._clock = GuardedHttp(allow_loopback=True), clock

    def ask(self, request: HttpRequest) -> HttpAnswer:
        answer = self._http.ask(request)
        return replace(answer, headers=answer.headers | {"date": format_datetime(self._clock.now(), usegmt=True)})


class _HalfReal:
    """Endpoints that are not Amazon's are asked by a session that the sandbox does not listen to."""

    def __init__(self, sandbox: Any) -> None:
        import boto3

        self._sandbox, self._real = sandbox, boto3.Session(region_name=REGION)

    def client(self, service: str, *plain: object, **given: object) -> Any:
        return (self._real if given.get("endpoint_url") else self._sandbox).client(service, *plain, **given)


@dataclass(frozen=True)
class _LedThere:
    """What RDS calls the database's host leads to the laboratory's server, as DNS would have it."""

    login: DatabaseLogin
    port: int

    @property
    def out_of_reach(self) -> str | None:
        return self.login.out_of_reach

    def look(self, request: DatabaseRequest) -> DatabaseFacts:
        return self.login.look(replace(request, host="127.0.0.1", port=self.port))


@dataclass
class Estate:
    world: World
    url: str
    objects: ObjectStore
    prefix: str
    """Its part of the laboratory's one bucket; its database is called the same."""
    store_uri: str
    """With `$NAMES`, as a start command has it."""
    secrets: Mapping[str, str] = field(repr=False)
    """Of its tasks."""
    home: Path
    engine: str
    port: int
    """Of the database."""
    database_login: tuple[str, str] = field(repr=False)
    image: str
    login: tuple[str, str] | None = None
    number: int = 1
    """Of the run that its steps belong to."""
    history: History = field(default_factory=lambda: History(MemoryTable()))
    made: list[tuple[Change, ChangeProgress]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keep_secret(S3_SECRET, (self.objects.key["AWS_ACCESS_KEY_ID"], self.objects.key["AWS_SECRET_ACCESS_KEY"]))
        if self.login:
            self.keep_secret(LOGIN_SECRET, self.login)
        self.keep_secret(DATABASE_SECRET, self.database_login)
        self.tasks = RealTasks(self.secrets, self.objects.env(), self.world, self.home).take_over()
        self.deploy(self.image)

    def keep_secret(self, name: str, login: tuple[str, str]) -> None:
        value = json.dumps({"username": login[0], "password": login[1]})
        self.world.own_client("secretsmanager").create_secret(Name=name, SecretString=value)

    def deploy(self, image: str, *options: str, **environment: str) -> None:
        """The service runs `image` from now on, as far as ECS knows; `options` are its MLflow's."""
        serve = f"mlflow server --host 0.0.0.0 --backend-store-uri {self.store_uri} --artifacts-destination "
        line = " ".join((f"{serve}s3://{BUCKET}/{self.prefix}", *options))
        made = definition_of(line, image=image, environment={"DB_HOST": "127.0.0.1", **environment})
        arn = self.world.definitions.register(made, self.world.clock.now())["taskDefinitionArn"]
        for deployment in self.world.service.deployments:
            deployment.definition = arn

    def stack(self, secret: str | None = None) -> Stack:
        """`secret`: whose login Steward has; without it the admin's, where the server asks for one."""
        auth = MlflowAuth.BASIC if self.login else MlflowAuth.NONE
        named = secret or (LOGIN_SECRET if self.login else None)
        own = self.world.stack()
        assert own.database is not None
        there = {"engine": self.engine, "name": self.prefix, "secret": DATABASE_SECRET}
        return own.model_copy(
            update={
                "url": self.url,
                "url_hosts": ("127.0.0.1",),
                "allow_plain_http": True,
                "load_balancer": None,
                "mlflow": own.mlflow.model_copy(update={"auth": auth, "admin_secret": named}),
                "database": own.database.model_copy(update=there),
                "artifacts": ArtifactsPart(
                    bucket=BUCKET, prefix=self.prefix, endpoint=self.objects.url, secret=S3_SECRET
                ),
            }
        )

    # What the product gets, here and in a Simulation, to which this is a world

    @property
    def clock(self) -> Clock:
        return self.world.clock

    @property
    def http(self) -> InWorldTime:
        return InWorldTime(self.clock)

    @property
    def databases(self) -> DatabaseLogin:
        login = PostgresLogin(_HERE) if self.engine == "postgres" else MysqlLogin(_HERE)
        return _LedThere(login, self.port)

    def session(self) -> _HalfReal:
        return _HalfReal(self.world.session())

    def advance(self, seconds: float) -> None:
        self.world.advance(seconds)

    def take_events(self) -> list[Event]:
        return self.world.take_events()

    def ctx(self, **over: object) -> StepContext:
        given: dict[str, Any] = {
            "stack": self.stack(),
            "run_id": f"r-{self.number:012x}",
            "step_id": "step",
            "now": self.world.clock.now(),
            "aws": Aws(self.session(), place.REGION),
            "http": self.http,
            "history": self.history,
            "evidence": MemoryBlobs(),
            "databases": self.databases,
            "side_by_side": one_after_another,
            "made": lambda: tuple(self.made),
        }
        return StepContext(**(given | over))

    def next_run(self) -> None:
        self.number += 1
        self.made.clear()

    def read(self, probe: Any, **params: object) -> Any:
        return probe.read(self.ctx(), probe.Params.model_validate(params))

    def plan(self, action: Any, **params: object) -> tuple[Change, ...]:
        return action.plan(self.ctx(), action.Params.model_validate(params))

    def carry_out(self, action: Any, changes: tuple[Change, ...]) -> list[Applied]:
        """As the engine does: look, apply, again after each Pending."""
        return [self._carry_out(action, change) for change in changes]

    def _carry_out(self, action: Any, change: Change) -> Applied:
        look = action.look(self.ctx(), change)
        assert look.standing.value == "ready", look.detail
        progress = ChangeProgress(started_at=self.world.clock.now(), state=ChangeState.FAILED)
        try:
            applied = action.apply(self.ctx(), change, progress)
            while isinstance(applied, Pending):
                progress = progress.model_copy(update={"checkpoint": applied.checkpoint or progress.checkpoint})
                self.world.advance(applied.check_after_s)
                applied = action.apply(self.ctx(), change, progress)
            progress = progress.model_copy(update={"state": ChangeState.DONE})
        finally:
            self.made.append((change, progress))
        return applied

    def last_task(self) -> tuple[int, tuple[str, ...]]:
        ended = list(self.tasks.ended.values())[-1]
        return ended.exit_code, ended.lines

    def hashes(self, under: str = "") -> dict[str, str]:
        """Everything of this stack in the bucket."""
        return self.objects.hashes(f"{self.prefix}/{under}")


def undone(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """The Changes that put these back, as the engine makes them of their undo."""
    found = [(change, change.undo) for change in changes if change.undo]
    return tuple(
        change.model_copy(update={"operation": undo.operation, "parameters": undo.parameters}) for change, undo in found
    )


def world_that_is(ahead: timedelta) -> World:
    return World.create(start=datetime.now(UTC) + ahead)


def secrets_of(database_login: tuple[str, str], admin: Mapping[str, str]) -> dict[str, str]:
    """By the names that the sandbox's task definition has them under."""
    user, password = database_login
    known = {"DB_USER": user, "DB_PASSWORD": password, "PGPASSWORD": password}
    return known | {"MLFLOW_AUTH_ADMIN_PASSWORD": "", "MLFLOW_FLASK_SERVER_SECRET_KEY": ""} | dict(admin)
