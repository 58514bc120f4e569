"""The world: one MLflow deployment with moving parts, a virtual clock, and AWS around it.

    with World.create(seed=0) as world:
        world.break_with("task-hangs")
        world.advance(180)
        events = world.take_events()

The product gets `session()`, `clock`, `http` and events, and does not know where it is. One world
at a time in a process, because moto is one per process.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from chalicelib.clock import VirtualClock
from chalicelib.models.stack import Stack
from steward.sandbox import founding, place
from steward.sandbox.account_quotas import AccountQuotas
from steward.sandbox.alarms import Alarms
from steward.sandbox.answer_tables import answer_tables
from steward.sandbox.bucket import Bucket
from steward.sandbox.database import Database
from steward.sandbox.directory import LDAP_PART, URL_VARIABLE, Directory
from steward.sandbox.ecs_more_answers import ScalingAnswers
from steward.sandbox.ecs_service import EcsService
from steward.sandbox.events import Event, EventLog
from steward.sandbox.fault import Fault
from steward.sandbox.faults import break_world, prepare_for
from steward.sandbox.http_face import HttpFace
from steward.sandbox.ids import Ids
from steward.sandbox.load import TICK_S, Load
from steward.sandbox.logins import DatabaseTwin, DirectoryTwin
from steward.sandbox.memory import Memory
from steward.sandbox.metrics import Metrics
from steward.sandbox.mlflow_face import MlflowFace, Server
from steward.sandbox.mlflow_releases import Releases, UpgradeTasks
from steward.sandbox.moto_parts import MotoParts
from steward.sandbox.overrides import Call, Overrides
from steward.sandbox.rds_world import RdsWorld
from steward.sandbox.s3_wire import S3Wire
from steward.sandbox.secrets_answers import SecretsAnswers
from steward.sandbox.serving import Serving
from steward.sandbox.sessions import Keeping, furnishing, furnishing_session, new_session
from steward.sandbox.starts import Starts
from steward.sandbox.targets import Targets
from steward.sandbox.task import Task
from steward.sandbox.task_definitions import TaskDefinitions
from steward.sandbox.tasklogs import TaskLogs
from steward.sandbox.tracking import Tracking
from steward.sandbox.tracking_gc import GcTasks
from steward.sandbox.tracking_objects import TrackingObjects
from steward.sandbox.traffic import Traffic
from steward.sandbox.trail import Trail

if TYPE_CHECKING:
    import boto3
    from moto.core.config import DefaultConfig

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
"""A Monday morning."""
_EVALUATES_AT_S = 10
"""Seconds after the full minute: a minute's datapoint is not there at once."""


class WorldClock(VirtualClock):
    """Sleeping moves the whole world on."""

    def __init__(self, start: datetime, advance_to: Callable[[datetime], None]) -> None:
        super().__init__(start)
        self._advance_to = advance_to

    def sleep(self, seconds: float) -> None:
        self._advance_to(self.now() + timedelta(seconds=max(0.0, seconds)))

    def set(self, moment: datetime) -> None:
        self._advance_to(moment)

    def turn(self, moment: datetime) -> None:
        """Only the hands; the world calls this for each tick."""
        super().set(moment)


class World:
    """Use `World.create`."""

    def __init__(self, seed: int, start: datetime, moto_config: "DefaultConfig | None") -> None:
        self.seed = seed
        self.account, self.region = place.ACCOUNT, place.REGION
        self.lock = threading.RLock()
        self.clock = WorldClock(start, self._advance_to)
        self.ids = Ids(seed)
        self.event_log = EventLog(self.ids)
        self.logs = TaskLogs()
        self.targets = Targets()
        self.metrics = Metrics()
        self.definitions = TaskDefinitions()
        founded_at = start - timedelta(days=90)
        self.database = Database(self.event_log, founded_at)
        self.rds = RdsWorld(self.database, self.event_log, start)
        self.bucket, self.directory = Bucket(), Directory()
        self.serving = Serving(self.database, self.bucket, self.directory)
        self.secrets, self.trail = SecretsAnswers(founded_at), Trail(seed)
        self.service = EcsService(self.ids, self.event_log, self.targets, self.logs, equip=self._equip)
        self.database.tasks = self._open_pools
        self.memory = Memory(self.service)
        self.load = Load(self.service, self.targets, self.serving, self.memory, self.metrics)
        self.upgrade_tasks = UpgradeTasks(self.service, Releases(self.database, self.rds), self.database, self.logs)
        self._starts = Starts(self.service, self.database, self.logs, self.upgrade_tasks.releases)
        self._traffic = Traffic(self.targets, self.serving, self.logs)
        self.alarms = Alarms(self.ids, self.event_log, self.metrics)
        self.scaling = ScalingAnswers()
        self.quotas = AccountQuotas(self.metrics, lambda: len(self.service.live()))
        self.quotas.taken = self.rds.used
        self.tracking = Tracking(founded_at)
        self.server = Server(tracking=self.tracking)
        self.artifacts = TrackingObjects(lambda: self.own_client("s3"), self.prepare, founded_at)
        self.gc_tasks = GcTasks(self.service, self.tracking, self.artifacts, self.logs)
        mlflow = MlflowFace(self.clock.now, self.serving, self.load.exporter, self.logs, self.server)
        self.http = HttpFace(self.clock.now, self.targets, self.load, mlflow, self.lock)
        self.databases = DatabaseTwin(
            self.database,
            self.lock,
            rds=self.rds,
            now=self.clock.now,
            tracking=self.tracking,
            hosts_of_tasks=lambda: {
                task.environment.get("DB_HOST", place.DATABASE_HOST) for task in self.service.live()
            },
        )
        self.directories = DirectoryTwin(self.directory, self.lock)
        self.effects: list[Callable[[datetime], None]] = []
        """What faults do at every tick."""
        self._next_tick = start + timedelta(seconds=TICK_S)
        self._moto_config = moto_config
        self._mock: Any = None
        self._sessions: dict[str, boto3.Session] = {}
        self._kept: dict[bool, Keeping] = {}
        self._parts = MotoParts(self.own_client)
        self._overrides = Overrides(answer_tables(self, start), self.clock.now, self._parts, self.logs, self.lock)
        self.s3_wire = S3Wire(self.bucket, self.clock.now, self.calls, self._parts.ensure, self.lock)

    @classmethod
    def create(
        cls,
        seed: int = 0,
        start: datetime = START,
        *,
        for_fault: str | None = None,
        moto_config: "DefaultConfig | None" = None,
    ) -> "World":
        """A running world; close it, or use it as a context. Started at the full minute of `start`.

        `for_fault` breaks nothing yet: it gives the stack what that fault needs to be there (a directory).
        """
        world = cls(seed, start.astimezone(UTC).replace(second=0, microsecond=0), moto_config)
        founding.found(world)
        prepare_for(world, for_fault)
        world._open()
        return world

    def _equip(self, task: Task) -> None:
        self.definitions.equip(task)
        self.secrets.equip(task)

    def _open_pools(self) -> list[str]:
        now = self.clock.now()
        return [task.address for task in self.service.live() if task.answers(now)]

    # Opening and closing

    def _open(self) -> None:
        from moto import mock_aws
        from moto.moto_api._internal import mock_random

        self._mock = mock_aws(config=self._moto_config)
        self._mock.start()
        mock_random.seed(self.seed)

    def close(self) -> None:
        if self._mock is not None:
            self._mock.stop()
            self._mock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    # What the product gets

    def session(self, whose: str = "product") -> "boto3.Session":
        """One session a world and a name; clients made from it speak to the world and to moto behind it."""
        if whose not in self._sessions:
            session = new_session()
            self._overrides.register(session)
            self.s3_wire.register(session)
            self._sessions[whose] = session
        return self._sessions[whose]

    def kept_session(self, *, read_only: bool) -> Keeping:
        """`session()` for whoever makes an Aws at every step: its clients are made once, those of plans apart."""
        if read_only not in self._kept:
            self._kept[read_only] = Keeping(self.session())
        return self._kept[read_only]

    def own_session(self) -> "boto3.Session":
        """The world's: what is done with it is nobody's call."""
        return furnishing_session()

    def unnoted_session(self) -> "boto3.Session":
        """A new one, whose calls are answered as all are and noted nowhere."""
        session = new_session()
        self._overrides.register(session, noted=False)
        return session

    def own_client(self, service: str) -> Any:  # noqa: ANN401 - a client of any service
        return furnishing().client(service)

    def stack(self) -> Stack:
        """With its directory only where the deployment asks one."""
        asks = any(URL_VARIABLE in task.environment for task in self.service.live())
        return place.stack(LDAP_PART if asks else None)

    def take_events(self) -> list[Event]:
        """EventBridge events since the last time, oldest first."""
        with self.lock:
            return self.event_log.take()

    # What drives it

    def advance(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def skip(self, seconds: float) -> None:
        """A long time in which nothing happened, at once: no ticks, so no datapoints of it either."""
        with self.lock:
            gone = timedelta(seconds=seconds // TICK_S * TICK_S)
            self._next_tick += gone
            self.clock.turn(self.clock.now() + gone)

    def break_with(self, fault: str, **params: object) -> Fault:
        with self.lock:
            return break_world(self, fault, params)

    def _advance_to(self, moment: datetime) -> None:
        """However the way is cut into pieces, the ticks fall on the same seconds."""
        with self.lock:
            while self._next_tick <= moment:
                self.clock.turn(self._next_tick)
                self._tick(self._next_tick)
                self._next_tick += timedelta(seconds=TICK_S)
            self.clock.turn(moment)

    def _tick(self, now: datetime) -> None:
        self.database.tick(now)
        self.rds.tick(now)
        self.quotas.measure(now)
        for effect in list(self.effects):
            effect(now)
        self.memory.tick(now)
        self._starts.tick(now)
        self.gc_tasks.tick(now)
        self.upgrade_tasks.tick(now)
        self.artifacts.tick(now, self.calls)
        self.service.tick(now)
        self.targets.tick(now)
        self._traffic.tick(now)
        self.load.tick(now)
        if now.second == _EVALUATES_AT_S:
            self.alarms.evaluate(now)

    # What tests look at

    @property
    def calls(self) -> list[Call]:
        """Every API call that was made through `session()`, in order."""
        return self._overrides.calls

    def mutations(self) -> list[Call]:
        return [call for call in self.calls if call.is_mutation]

    def deliveries(self) -> list[dict[str, Any]]:
        """What reached the subscriber of ops-topic since the last time, as SNS envelopes."""
        return self._parts.deliveries()

    def prepare(self, *services: str) -> None:
        """Makes moto's resources of these services now, for code that does not use `session()`."""
        for service in services:
            self._parts.ensure(service)
        if "logs" in services:
            self.logs.flush()
