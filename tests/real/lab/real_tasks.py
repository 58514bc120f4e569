"""One-off ECS tasks of the sandbox that run their command as a process of this machine, with a real MLflow.

The sandbox's own workers for such commands are put aside. Which MLflow a task has is told by its image, as in a
cluster: `…/mlflow:3.17.2` runs with the programs of the venv that holds 3.17.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from steward.sandbox.task import Status, Task
from steward.sandbox.world import World
from tests.real.lab.child import Child, LabFailure
from tests.real.lab.images import environment_of

ENDS_WITHIN_S = 150


@dataclass(frozen=True)
class Ended:
    command: tuple[str, ...]
    exit_code: int
    lines: tuple[str, ...]


@dataclass
class RealTasks:
    secrets: Mapping[str, str] = field(repr=False)
    """What ECS would put into the task's environment, by the names in its definition."""
    role: Mapping[str, str] = field(repr=False)
    """What the task's role would give it: keys for S3, and where S3 is."""
    world: World
    home: Path
    ended: dict[str, Ended] = field(default_factory=dict)

    def take_over(self) -> "RealTasks":
        self.world.gc_tasks = self.world.upgrade_tasks = self
        return self

    def tick(self, now: datetime) -> None:
        for task in list(self.world.service.tasks.values()):
            is_new = task.deployment is None and task.id not in self.ended
            if is_new and task.status is Status.RUNNING:
                self.ended[task.id] = ended = self._run(task)
                self.world.logs.write(task, now, ended.lines)
                task.behaviour = replace(task.behaviour, exit_code=ended.exit_code)

    def _run(self, task: Task) -> Ended:
        definition = self.world.definitions.find(task.definition)
        if definition is None:
            raise LabFailure(f"task {task.id} has no definition")
        (container,) = definition["containerDefinitions"]
        (override,) = task.overrides["containerOverrides"]
        command = [*container.get("entryPoint", ()), *override["command"]]
        env = environment_of(container, self.secrets, self.role, self.home)
        child = Child(command, env=env, cwd=self.home)
        try:
            code = child.wait_for_end(ENDS_WITHIN_S)
        finally:
            child.stop()
        return Ended(tuple(command), code, tuple(child.lines()))
