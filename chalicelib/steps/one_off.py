"""One-off commands: verbs in code with typed arguments, run in a task beside the service (S12). Pure.

What a container runs is put together here and nowhere else: the install that its own start command
does, what it knows of its store, and the verb. Values stay where they are: the override holds
`$NAMES`, and the container's own shell fills them in.

gc  is `mlflow gc` itself, called for one id after the other. Left alone it also takes every deleted
    logged model and every deleted experiment that is old enough when it runs (seen in 3.17.2); here
    those two searches find nothing, so that only ids of the plan are ever taken (S14).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.aws.ecs_shapes import ContainerDefinition
from chalicelib.backup.selection import WORKSPACE
from chalicelib.errors import StepRefused
from chalicelib.models.change import ChangeState
from chalicelib.steps.artifact_places import EXPERIMENT_ID, RUN_ID
from chalicelib.steps.mlflow_install import install_commands
from chalicelib.steps.step import StepContext
from chalicelib.steps.task_disk import expanded

OVERRIDES_LIMIT = 8192
"""ECS takes no longer overrides, counted as JSON."""
STORE_VARIABLE = "MLFLOW_BACKEND_STORE_URI"
NO_IDS = "-"
_STORE = re.compile(r"""--backend-store-uri(?:\s+|=)("[^"]*"|'[^']*'|[^\s;&|]+)""")
_STORE_SHAPE = re.compile(r"[A-Za-z0-9+]+://[A-Za-z0-9$_{}:@./?=&%~,+-]+")
_WRITTEN_OUT = re.compile(r"://[^/@]*:(?!\$)[^/@]*@")
"""A password that stands there itself, not as the name of a variable."""
_SHELLS = frozenset({"sh", "/bin/sh", "bash", "/bin/bash"})
_GC_PROGRAM = """
import sys
from mlflow.cli import cli
from mlflow.store.entities import PagedList
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as S
S._get_deleted_logged_models=lambda *a,**k:[]
bad=0
runs,experiments,*rest=sys.argv[1:]
def gc(what,name,*ids):
 global bad
 try:
  cli(["gc",*ids,*rest],standalone_mode=False)
 except BaseException as e:
  t=str(e)
  if "older than the required age" in t or "lifecycle stage" in t: print("steward: kept",what,name,flush=True)
  elif "not found" in t or "No Experiment" in t: print("steward: gone before",what,name,flush=True)
  else:
   bad=1
   print("steward: failed",what,name,type(e).__name__,flush=True)
kept=S.search_experiments
S.search_experiments=lambda *a,**k:PagedList([],None)
for r in runs.strip("-").split(","):
 if r: gc("run",r,"--run-ids",r)
S.search_experiments=kept
S._get_deleted_runs=lambda *a,**k:[]
for x in experiments.strip("-").split(","):
 if x: gc("experiment",x,"--experiment-ids",x)
print("steward: done",flush=True)
sys.exit(bad)
"""
PROGRAM_MARK = "mlflow.cli import cli"


@dataclass(frozen=True)
class GcWork:
    runs: tuple[str, ...]
    experiments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What a verb may know of the stack; nothing in here is secret."""

    tracking_uri: str
    artifacts: str | None
    """`s3://BUCKET/PREFIX`, where the server proxies artifacts."""
    asks_login: bool = False
    workspace: str = ""
    """Of everything that is collected; empty where MLflow has no more than the usual one."""


def gc_command(container: ContainerDefinition, around: Surroundings, work: GcWork, older_than_days: int) -> str:
    """The whole line for a shell."""
    for found, shape in ((work.runs, RUN_ID), (work.experiments, EXPERIMENT_ID)):
        strange = [name for name in found if not shape.fullmatch(name)]
        if strange:
            raise StepRefused("an id is none that MLflow makes", rule="S12")
    if not work.runs and not work.experiments:
        raise StepRefused("mlflow gc without ids would take everything that is deleted", rule="S14")
    if older_than_days < 1:
        raise StepRefused("older than less than a day would take what was deleted a moment ago", rule="S14")
    named = [",".join(work.runs) or NO_IDS, ",".join(work.experiments) or NO_IDS]
    destination = ["--artifacts-destination", _plain(around.artifacts)] if around.artifacts else []
    words = ["--backend-store-uri", store_words(container), *destination]
    words += ["--tracking-uri", _plain(around.tracking_uri), "--older-than", f"{older_than_days}d"]
    words += ["--workspace", _plain_name(around.workspace)] if around.workspace else []
    login = _LOGIN if around.asks_login else ""
    program = " ".join([f"python3 -c '{_GC_PROGRAM}'", *named, *words])
    return prepared(container, login + program)


_LOGIN = (
    'export MLFLOW_TRACKING_USERNAME="${MLFLOW_TRACKING_USERNAME:-${MLFLOW_AUTH_ADMIN_USERNAME:-admin}}"'
    ' MLFLOW_TRACKING_PASSWORD="${MLFLOW_TRACKING_PASSWORD:-$MLFLOW_AUTH_ADMIN_PASSWORD}"; '
)


def db_upgrade_command(container: ContainerDefinition) -> str:
    """`mlflow db upgrade` of the image that runs it."""
    return prepared(container, f"mlflow db upgrade {store_words(container)}")


def prepared(container: ContainerDefinition, line: str) -> str:
    """After the install that the start command does, where it does one (S12)."""
    installs = install_commands(container)
    return " && ".join([*installs, f"{{ {line}; }}"]) if installs else line


def store_words(container: ContainerDefinition) -> str:
    """How the container's own start command names its store, for its own shell to fill in."""
    match = _STORE.search(" ".join((*container.entry_point, *container.command)))
    if match is None:
        if STORE_VARIABLE in container.environment or STORE_VARIABLE in container.secrets:
            return f'"${STORE_VARIABLE}"'
        raise StepRefused("neither the start command nor a variable says where the store is", rule="S12")
    written = match[1].strip("\"'")
    if not _STORE_SHAPE.fullmatch(written) and not re.fullmatch(r"\$\{?\w+\}?", written):
        raise StepRefused("the start command names its store in a way that cannot be repeated safely", rule="S12")
    if _WRITTEN_OUT.search(written):
        raise StepRefused("the password stands in the start command itself; a variable must hold it", rule="S12")
    return f'"{written}"'


def store_address(container: ContainerDefinition) -> str:
    """As plain variables spell it out; what comes of secrets stays a `$NAME`. May hold a password: never shown."""
    match = _STORE.search(" ".join((*container.entry_point, *container.command)))
    written = match[1].strip("\"'") if match else container.environment.get(STORE_VARIABLE, "")
    return expanded(written, container)


def overrides_of(container: ContainerDefinition, line: str) -> dict[str, Any]:
    """For RunTask. ECS cannot change an entry point, so the command must fit the one there is."""
    entry = container.entry_point
    if not entry:
        command = ["/bin/sh", "-c", line]
    elif len(entry) > 1 and entry[0] in _SHELLS and entry[-1] == "-c":
        command = [line]
    else:
        raise StepRefused(f"the container's entry point is {entry[0]}, which takes no other command", rule="S12")
    made = {"containerOverrides": [{"name": container.name, "command": command}]}
    if not fits(made):
        raise StepRefused(f"the command is longer than ECS takes ({OVERRIDES_LIMIT} characters)", rule="S12")
    return made


def fits(overrides: Mapping[str, Any]) -> bool:
    return len(json.dumps(overrides)) < OVERRIDES_LIMIT


def batches(
    container: ContainerDefinition,
    around: Surroundings,
    runs: Sequence[str],
    experiments: Sequence[str],
    older_than_days: int,
) -> list[GcWork]:
    """As many ids a task as its overrides hold. Experiments come last, when their runs are gone."""
    empty = gc_command(container, around, GcWork(("0" * 32,), ("0",)), older_than_days)
    room = OVERRIDES_LIMIT - 64 - len(json.dumps(overrides_of(container, empty)))
    each = max(1, room // 33)
    found = [GcWork(tuple(runs[at : at + each])) for at in range(0, len(runs), each)]
    each = max(1, room // 20)
    return found + [GcWork((), tuple(experiments[at : at + each])) for at in range(0, len(experiments), each)]


def _plain_name(workspace: str) -> str:
    if not WORKSPACE.fullmatch(workspace):
        raise StepRefused("a workspace has a name that a shell could mistake", rule="S12")
    return workspace


def _plain(uri: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+://[A-Za-z0-9._:/=@+-]+", uri):
        raise StepRefused("an address of the stack holds characters that a shell could mistake", rule="S12")
    return uri


def has_migrated(ctx: StepContext) -> bool:
    """This very run, to the end: nothing but the MLflow that it migrated for works by now."""
    made = (
        one.state is ChangeState.DONE for change, one in ctx.made() if change.precondition.get("verb") == "db_upgrade"
    )
    return any(made)
