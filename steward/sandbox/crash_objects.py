"""What the crash harness asks of Changes that are not one AWS call each: runs at MLflow, objects in the bucket."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.models.change import ChangeState
from chalicelib.net.http import HttpAnswer, HttpPort, HttpRequest
from chalicelib.steps.quarantine import ROOT
from steward.sandbox.simulation import Simulation

if TYPE_CHECKING:
    from steward.sandbox.world import World

_CHANGES = ("/runs/delete", "/runs/restore")


class FragileHttp:
    """Dies before and after each request that changes something at MLflow, and around the reads."""

    def __init__(self, http: HttpPort, at: Callable[[str], None]) -> None:
        self._http, self._at = http, at

    def ask(self, request: HttpRequest) -> HttpAnswer:
        ends = next((end for end in _CHANGES if request.url.endswith(end)), None)
        label = f"mlflow {ends}" if ends else "a read"
        self._at(f"before {label}")
        answer = self._http.ask(request)
        self._at(f"after {label}")
        return answer


def is_many(operation: str, parameters: Mapping[str, Any]) -> bool:
    """Changes that stand for many calls, or for calls to MLflow: judged here, by what came of them."""
    return operation.startswith("mlflow:") or "quarantine" in parameters


def tracking_problems(simulation: Simulation) -> list[str]:
    """Every run that a Change named is deleted, and no other was."""
    tables, named = simulation.world.tracking, set[str]()
    for run in simulation.runs():
        for record in simulation.parts.engine.runs.steps(run.id):
            for change, progress in zip(record.changes, record.progress, strict=True):
                if change.operation == "mlflow:DeleteRun" and progress.state is not ChangeState.STORED:
                    named |= set(change.parameters["run_ids"])
    touched = {run for verb, run in tables.changes if verb == "delete"}
    problems = [f"deleted, and not in the plan: run {run}" for run in sorted(touched - named)]
    alive = [run for run in named if run in tables.runs and tables.runs[run].deleted_at is None]
    return problems + [f"in the plan, and not deleted: run {run}" for run in sorted(alive)]


def bodies(world: "World") -> dict[str, bytes]:
    return {key: world.artifacts.body(key) or b"" for key in world.artifacts.keys()}  # noqa: SIM118 - not a dict


def lost_objects(world: "World", before: Mapping[str, bytes]) -> list[str]:
    """Byte for byte: each object lies where it lay, or in a quarantine under its whole former key; and what
    lies in neither belonged to a run that gc was to take."""
    now = bodies(world)
    aside = {key.partition("/objects/")[2]: body for key, body in now.items() if key.startswith(ROOT)}
    known = {run.id for run in world.tracking.runs.values()}
    problems = []
    for key, body in before.items():
        if key in now or key in aside:
            if now.get(key, aside.get(key)) != body:
                problems.append(f"changed: {key}")
            if key in now and key in aside:
                problems.append(f"both here and in quarantine: {key}")
        elif any(part in known for part in key.split("/")):
            problems.append(f"lost, and its run is still known: {key}")
    return problems
