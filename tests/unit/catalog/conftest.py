"""A small step index and a runbook that has nothing wrong with it: lint and schema tests start from these."""

import pytest
from pydantic import Field

from chalicelib.catalog.control import control_entries
from chalicelib.catalog.lint import lint_text
from chalicelib.catalog.load import load_runbook
from chalicelib.models.shape import Shape, YamlShape
from chalicelib.models.step_index import CheckEntry, StepEntry, StepIndex
from chalicelib.models.words import Duration, Risk

CHECKS = ("alarm_ok", "service_steady", "deployment_in_progress", "database_failing_over")


class Task(Shape):
    id: str
    health: str
    stopped_for: int | None = None


class Described(Shape):
    running: int
    unhealthy: int
    cluster: str
    tasks: tuple[Task, ...] = ()
    tags: dict[str, str] = {}


class Window(YamlShape):
    window: Duration = 900


class Restart(YamlShape):
    which: str = Field(default="unhealthy", pattern="^(unhealthy|oldest)$")
    max: int = Field(ge=1, le=10)
    label: str | None = None


class Nothing(YamlShape):
    pass


def entry(name, kind, params, output, risk=Risk.NONE):
    schema = params.model_json_schema(by_alias=True)
    return StepEntry(name=name, kind=kind, summary=name, params=schema, output=output.model_json_schema(), risk=risk)


@pytest.fixture(scope="session")
def index():
    steps = [
        entry("ecs.describe_service", "probe", Nothing, Described),
        entry("ecs.stopped_tasks", "probe", Window, Described),
        entry("ecs.restart_tasks", "action", Restart, Nothing, Risk.MEDIUM),
        entry("ecs.tag_service", "action", Nothing, Nothing, Risk.LOW),
        entry("ecs.roll_back", "action", Nothing, Nothing, Risk.HIGH),
    ]
    checks = {name: CheckEntry(name=name, probe="ecs.describe_service", summary=name) for name in CHECKS}
    return StepIndex(steps={step.name: step for step in steps} | control_entries(), checks=checks)


GOOD = """\
runbook: service-down
title: Bring it back
on:
  - alarm: {name: "*unhealthy*"}
  - manual: {}
inputs:
  maxTasks: {type: integer, default: 1, minimum: 1, maximum: 4}
autonomy: auto
guards:
  cooldown: 15m
  blastRadius: {tasks: "50%"}
  standAside: [deployment_in_progress, freeze]
steps:
  - id: look
    do: ecs.describe_service
  - id: restart
    do: ecs.restart_tasks
    when: "steps.look.unhealthy > `0`"
    with: {which: unhealthy, max: "${inputs.maxTasks}"}
    onFailure: escalate
verify:
  within: 10m
  hold: 2m
  that: [alarm_ok, service_steady]
"""


@pytest.fixture
def good():
    return GOOD


@pytest.fixture
def found(index):
    """Lints the good runbook with some of its text replaced; gives `(line, level, rendered)` of each finding."""

    def run(*changes, others=()):
        text = GOOD
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        runbooks = {runbook.runbook: runbook for runbook in (load_runbook(other, "-") for other in others)}
        return [(one.line, one.level, str(one)) for one in lint_text(text, "service-down.yml", index, runbooks)]

    return run
