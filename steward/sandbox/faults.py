"""What can be broken, by name: a sentence to promise, a function to keep it.

Faults only set the world's parts moving wrongly; alarms, events, answers and log lines follow from
the parts. New tasks get their character from `service.tempers`.
"""

import inspect
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InputsRejected, UnknownName
from steward.sandbox import place
from steward.sandbox.account_faults import ACCOUNT_FAULTS
from steward.sandbox.alarms import ALARM, Alarm
from steward.sandbox.backup_faults import BACKUP_FAULTS
from steward.sandbox.bucket_faults import BUCKET_FAULTS
from steward.sandbox.database_faults import DATABASE_FAULTS
from steward.sandbox.fault import Fault, always_was, roll_out, serving
from steward.sandbox.leftover_faults import LEFTOVER_FAULTS
from steward.sandbox.load import USUAL_PER_MINUTE
from steward.sandbox.rds_faults import RDS_FAULTS
from steward.sandbox.rds_size_faults import SIZE_FAULTS
from steward.sandbox.rotation_faults import ROTATION_FAULTS
from steward.sandbox.task import Behaviour, Task
from steward.sandbox.task_definitions import USERS_ON_DISK, definition_of, install_and_serve
from steward.sandbox.task_faults import TASK_FAULTS, asks_directory
from steward.sandbox.tracking_faults import TRACKING_FAULTS
from steward.sandbox.upgrade_faults import UPGRADE_FAULTS

if TYPE_CHECKING:
    from steward.sandbox.world import World

_DIES_AFTER_S = 25
_NO_INDEX = (
    (
        "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection"
        " broken by 'NewConnectionError: Failed to establish a new connection: [Errno 101] Network is unreachable':"
        " /simple/mlflow/"
    ),
    (
        f"ERROR: Could not find a version that satisfies the requirement mlflow=={place.MLFLOW_VERSION}"
        " (from versions: none)"
    ),
    f"ERROR: No matching distribution found for mlflow=={place.MLFLOW_VERSION}",
)
_NO_SKINNY = (
    "Collecting mlflow==3.18.0",
    (
        "INFO: pip is looking at multiple versions of mlflow to determine which version is compatible with other"
        " requirements. This could take a while."
    ),
    (
        "ERROR: Could not find a version that satisfies the requirement mlflow-skinny==3.18.0 (from mlflow)"
        " (from versions: 3.16.0, 3.17.0, 3.17.1, 3.17.2)"
    ),
    "ERROR: No matching distribution found for mlflow-skinny==3.18.0",
)
_NO_SUCH_OPTION = (
    "Usage: mlflow server [OPTIONS]",
    "Try 'mlflow server --help' for help.",
    "",
    "Error: No such option: --worker Did you mean --workers?",
)
_INTERNAL = (
    "{at} ERROR mlflow.server: Exception on /api/2.0/mlflow/runs/search [POST]",
    "Traceback (most recent call last):",
    "MemoryError",
)


def prepare_for(world: "World", name: str | None) -> None:
    """What must have been so from the beginning, for this fault to be shown whole."""
    fault = FAULTS.get(name or "")
    if fault is not None and fault.asks_directory:
        asks_directory(world)


def break_world(world: "World", name: str, params: dict[str, object]) -> Fault:
    fault = FAULTS.get(name)
    if fault is None:
        raise UnknownName("fault", name, list(FAULTS))
    try:
        inspect.signature(fault.apply).bind(world, **params)
    except TypeError as exc:
        raise InputsRejected(f"fault {name}", [str(exc)]) from exc
    fault.apply(world, **params)
    return fault


def _hang(world: "World") -> Task:
    """The oldest serving task hangs, within the health grace: then ECS leaves it to others."""
    task = (serving(world) or world.service.live())[0]
    task.hung = True
    age = int(task.age_s(world.clock.now()))
    if age >= world.service.settings.grace_s:
        world.service.settings.grace_s = age + 900
    return task


def task_hangs(world: "World") -> None:
    _hang(world)


def task_answers_errors(world: "World", code: int = 500) -> None:
    task = _hang(world)
    task.hung, task.health_code = False, code


def task_crashes(world: "World", exit_code: int = 1, crashes: int = 8) -> None:
    oom = "OutOfMemoryError: Container killed due to memory usage" if exit_code == 137 else None  # noqa: PLR2004
    deployment, left = world.service.primary.id, [crashes]
    words = () if oom else _NO_INDEX

    def temper(task: Task) -> Behaviour | None:
        if task.deployment != deployment or left[0] <= 0:
            return None
        left[0] -= 1
        return Behaviour(exits_after_s=_DIES_AFTER_S, exit_code=exit_code, container_reason=oom, last_words=words)

    world.service.tempers.append(temper)
    world.service.crash(serving(world)[0], world.clock.now(), exit_code, oom)


def bad_deployment(world: "World", circuit_breaker: str = "stop") -> None:
    """`circuit_breaker`: off, stop or rollback. The same MLflow, started with an option it does not have."""
    _deploy_bad(world, f"{install_and_serve()} --worker 4", _NO_SUCH_OPTION, circuit_breaker)


def failed_upgrade(world: "World", circuit_breaker: str = "stop") -> None:
    """Another MLflow: whether it touched the schema before it failed, nobody can tell (S10)."""
    _deploy_bad(world, install_and_serve("3.18.0"), _NO_SKINNY, circuit_breaker)


def _deploy_bad(world: "World", command: str, last_words: tuple[str, ...], circuit_breaker: str) -> None:
    bad = roll_out(world, definition_of(command), circuit_breaker)
    behaviour = Behaviour(exits_after_s=_DIES_AFTER_S, exit_code=1, last_words=last_words)
    world.service.tempers.append(lambda task: behaviour if task.definition == bad else None)


def overload(world: "World", per_minute: float = 1020.0, for_s: int = 2400) -> None:
    world.load.per_minute = per_minute
    over_at = world.clock.now() + timedelta(seconds=for_s)

    def ends(now: datetime) -> None:
        if now >= over_at:
            world.load.per_minute = USUAL_PER_MINUTE
            world.effects.remove(ends)

    world.effects.append(ends)


def error_burst(world: "World", share: float = 0.5, everywhere: bool = False) -> None:
    tasks = serving(world)
    for task in tasks if everywhere else tasks[:1]:
        task.behaviour = replace(task.behaviour, error_share=share)
        world.logs.write(task, world.clock.now(), _INTERNAL)


def flapping_alarm(world: "World", hangs_s: int = 210, well_s: int = 210) -> None:
    state: dict[str, Any] = {"task": None, "until": world.clock.now()}

    def flap(now: datetime) -> None:
        if now < state["until"]:
            return
        if state["task"] is not None:
            state["task"].hung = False
            state.update(task=None, until=now + timedelta(seconds=well_s))
        elif serving(world):
            state.update(task=_hang(world), until=now + timedelta(seconds=hangs_s))

    world.effects.append(flap)
    flap(world.clock.now())


def recovers_by_itself(world: "World") -> None:
    task = _hang(world)

    def recover(alarm: Alarm, _before: str, _now: datetime) -> None:
        if alarm.name == place.UNHEALTHY_ALARM and alarm.state.value == ALARM:
            task.hung = False
            world.targets.mark_healthy(task)
            world.alarms.on_change.remove(recover)

    world.alarms.on_change.append(recover)


def never_recovers(world: "World") -> None:
    _hang(world)
    world.service.tempers.append(lambda task: Behaviour(hangs=True) if task.deployment else None)


def users_on_task_disk(world: "World") -> None:
    always_was(world, definition_of(install_and_serve(users=USERS_ON_DISK)))
    _hang(world)


def telemetry_gap(world: "World") -> None:
    world.metrics.silent = True


def database_failing_over(world: "World", for_s: int = 120) -> None:
    world.database.fail_over(world.clock.now(), for_s)


def artifacts_broken(world: "World", how: str = "s3_unreachable") -> None:
    """`how`: s3_unreachable or bucket_missing."""
    world.bucket.state = how


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("task-hangs", "One of two tasks stops answering and stays RUNNING; a new task is fine.", task_hangs),
        Fault(
            "task-answers-errors",
            "One of two tasks answers its health check with 500 and stays RUNNING; a new task is fine.",
            task_answers_errors,
        ),
        Fault(
            "task-crashes",
            "One task ends soon after every start until a new deployment, or eight starts, have passed.",
            task_crashes,
        ),
        Fault("bad-deployment", "A new revision with a mistyped option is being rolled out.", bad_deployment),
        Fault("failed-upgrade", "A new revision whose MLflow cannot be installed is being rolled out.", failed_upgrade),
        Fault("overload", "Requests beyond what two tasks can take, for 40 minutes; four can take them.", overload),
        Fault("error-burst", "One task answers half of its API requests with 500; a new task is fine.", error_burst),
        Fault("flapping-alarm", "A task hangs and recovers every few minutes, whatever is done.", flapping_alarm),
        Fault(
            "recovers-by-itself",
            "A task hangs, and answers again by itself in the moment its alarm fires.",
            recovers_by_itself,
        ),
        Fault("never-recovers", "A task hangs, and so does every task started after it.", never_recovers),
        Fault(
            "users-on-task-disk",
            "A task hangs, and the users of basic-auth live in a file on each task's own disk.",
            users_on_task_disk,
        ),
        Fault("telemetry-gap", "Metrics stop coming; the deployment itself is well.", telemetry_gap),
        Fault(
            "database-failing-over",
            "The database fails over to its standby: two minutes without it, /health stays 200.",
            database_failing_over,
        ),
        Fault("artifacts-broken", "Artifacts cannot be listed; tasks and database are well.", artifacts_broken),
        *DATABASE_FAULTS,
        *BUCKET_FAULTS,
        *BACKUP_FAULTS,
        *RDS_FAULTS,
        *ROTATION_FAULTS,
        *SIZE_FAULTS,
        *LEFTOVER_FAULTS,
        *TASK_FAULTS,
        *ACCOUNT_FAULTS,
        *TRACKING_FAULTS,
        *UPGRADE_FAULTS,
    )
}
