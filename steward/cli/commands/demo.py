"""steward demo: breaks an embedded AWS and shows how an alarm becomes a verified remediation."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from steward.cli.answers import answer, json_option
from steward.cli.desk import fresh_simulation, runbooks_option

if TYPE_CHECKING:
    from chalicelib.models.runbook import Runbook

Json = dict[str, Any]


@click.command()
@click.option(
    "--scenario", "name", default="service-down", show_default=True, metavar="NAME", help="Which story, or `all`."
)
@click.option(
    "--speed", default=1.0, show_default=True, type=click.FloatRange(0, 100), help="Of the telling; 0: no pauses."
)
@runbooks_option
@json_option
def demo(name: str, speed: float, runbooks_dir: str | None, as_json: bool) -> None:
    """Break an embedded AWS and watch Steward mend it."""
    from steward.cli.folders import read_runbooks
    from steward.sandbox.scenarios import SCENARIOS, scenario

    known = read_runbooks(runbooks_dir)
    if name == "all":
        _all(list(SCENARIOS), known, as_json)
        return
    scenario(name)
    if as_json:
        answer(_in_silence(name, known), True, lambda _: ())
    else:
        _on_stage(name, known, speed)


def _all(names: list[str], known: "Mapping[str, Runbook]", as_json: bool) -> None:
    """Each in a world of its own; what is shown at the end comes from the records of their runs."""
    from steward.cli.scoreboard import row_of, show, stage_console

    if as_json:
        told = [_in_silence(each, known) for each in names]
        answer({"scenarios": told, "table": [row_of(each) for each in told]}, True, lambda _: ())
        return
    console = stage_console()
    told = []
    with console.status("") as status:
        for number, each in enumerate(names, start=1):
            status.update(f"{number} of {len(names)}: {each}")
            told.append(_in_silence(each, known))
    show(told)


def _in_silence(name: str, known: "Mapping[str, Runbook]") -> Json:
    from steward.cli.story import Story
    from steward.sandbox.scenarios import scenario

    began = time.monotonic()
    with fresh_simulation(runbooks=known, fault=scenario(name).fault) as sim:
        story = Story(scenario(name), sim, lambda _beat: None, lambda _now: None)
        story.play()
        return {**story.as_json(), "seconds": round(time.monotonic() - began, 2)}


def _on_stage(name: str, known: "Mapping[str, Runbook]", speed: float) -> None:
    from steward.cli.stage import Stage
    from steward.cli.story import Story
    from steward.sandbox.scenarios import scenario

    stage = Stage(speed)
    with fresh_simulation(runbooks=known, fault=scenario(name).fault) as sim:
        story = Story(scenario(name), sim, stage.tell, stage.tick)
        stage.open(story.scenario)
        try:
            story.play()
        finally:
            stage.close()
        stage.end(story.as_json(), story.summary(story.main_run()))
