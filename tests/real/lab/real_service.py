"""The tasks of the sandbox's service as real MLflow servers, behind a load balancer that asks real health.

ECS is the sandbox's: it starts, registers, counts failures and stops. Whether a task comes up, answers or ends is
what its process does: the start line of its definition, with the MLflow of its image. The world's time stands
still while a server starts.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from steward.sandbox.targets import INTERVAL_S
from steward.sandbox.task import Behaviour, Status, Task
from steward.sandbox.world import World
from tests.real.lab.balancer import Balancer
from tests.real.lab.child import Child, LabFailure, free_port, wait_until
from tests.real.lab.images import environment_of
from tests.real.lab.mlflow_server import MlflowAt

STARTS_WITHIN_S = 120
_LEAVES_IT_TO_US = Behaviour(ready_after_s=0, hangs=True)
"""To the sandbox it neither opens a store nor ends by itself."""


@dataclass
class RealService:
    world: World
    secrets: Mapping[str, str] = field(repr=False)
    role: Mapping[str, str] = field(repr=False)
    home: Path
    ended: list[tuple[str, int, list[str]]] = field(default_factory=list)
    """Of every process that ended by itself: its task's image, its exit code and what it said."""
    _processes: dict[str, tuple[Child, MlflowAt]] = field(default_factory=dict)

    def take_over(self) -> "RealService":
        """From the sandbox's own idea of how its tasks behave. One task is wanted: each is a server of its own."""
        service = self.world.service
        service.desired = 1
        for task in service.live()[1:]:
            self.world.targets.deregister(task, self.world.clock.now())
            del service.tasks[task.id]
        for task in service.live():
            task.definition = service.primary.definition
            service.equip(task)
            task.behaviour = _LEAVES_IT_TO_US
        service.tempers.append(lambda task: _LEAVES_IT_TO_US if task.deployment else None)
        self.balancer = Balancer(self._ports)
        self.world.effects.append(self.tick)
        self.tick(self.world.clock.now())
        return self

    def close(self) -> None:
        self.balancer.close()
        for child, _ in self._processes.values():
            child.stop()

    def tick(self, now: datetime) -> None:
        for task in list(self.world.service.tasks.values()):
            if task.id in self._processes:
                self._follow(task, now)
            elif task.deployment and task.status is Status.RUNNING:
                self._start(task, now)

    def pids(self) -> list[int]:
        """Of the servers that run, oldest first."""
        return [child.pid for child, _ in self._processes.values() if child.exit_code is None]

    def _ports(self) -> list[int]:
        routed = [target.task.id for target in self.world.targets.routed()]
        return [self._processes[task][1].port for task in routed if task in self._processes]

    def _start(self, task: Task, now: datetime) -> None:
        definition = self.world.definitions.find(task.definition)
        if definition is None:
            raise LabFailure(f"task {task.id} has no definition")
        (container,) = definition["containerDefinitions"]
        at = MlflowAt(free_port())
        home = Path(tempfile.mkdtemp(prefix="task-", dir=self.home))
        settings = environment_of(container, self.secrets, self.role, home)
        settings |= {"MLFLOW_PORT": str(at.port), "MLFLOW_WORKERS": "1"}
        del settings["MLFLOW_AUTH_CONFIG_PATH"]  # the sandbox's line writes that file, and the estate's asks no login
        child = Child([*container.get("entryPoint", ()), *container["command"]], env=settings, cwd=home)
        self._processes[task.id] = child, at
        task.hung, task.is_held = False, True
        wait_until(lambda: _health(at) == 200 or child.exit_code is not None, STARTS_WITHIN_S, "a server", child)
        task.is_held = child.exit_code is not None
        self._follow(task, now)

    def _follow(self, task: Task, now: datetime) -> None:
        child, at = self._processes[task.id]
        if not task.is_live:
            if task.status is not Status.DEACTIVATING:  # then it drains
                child.stop()
        elif child.exit_code is not None:
            code = child.wait_for_end(5)
            self.ended.append((task.image, code, child.lines()))
            self.world.logs.write(task, now, child.lines())
            self.world.service.crash(task, now, code)
        elif now.second % INTERVAL_S == 0:
            task.health_code = _health(at) or 502


def _health(at: MlflowAt) -> int | None:
    """None: nobody answers."""
    try:
        return at.ask("GET", "/health", within_s=5).status
    except OSError:
        return None
