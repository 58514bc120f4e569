"""Shows a story in a terminal as it happens: coloured and paced where a person watches, plain otherwise.

Rich is loaded here and in scoreboard.py, nowhere else. Everything is drawn as Text, never as markup (S30).
"""

import os
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.models.summary import Summary
from chalicelib.notify.inert import for_plain
from chalicelib.redact import strip_hidden
from steward.cli.story import Beat, next_commands
from steward.sandbox.scenarios import Scenario

if TYPE_CHECKING:
    from rich.status import Status

Json = dict[str, Any]
PACE_S = 0.22
PATIENCE_S = 30.0
PLAIN_WIDTH = 120
"""Where nobody says how wide it is: a file, a pipe."""
LONG = {
    "broken": 4.0,
    "decision": 3.0,
    "change_started": 4.0,
    "verdict": 4.0,
    "asked": 4.0,
    "planned": 3.0,
    "world": 3.0,
}
"""Where a reader wants to stop for a moment, in paces."""

STYLES = {
    "world": ("world", "green"),
    "broken": ("BROKEN", "bold red"),
    "signal": ("signal", "yellow"),
    "incident": ("incident", "yellow"),
    "decision": ("decision", "bold cyan"),
    "guard": ("guards", "dim"),
    "preflight": ("check first", "blue"),
    "looks_again": ("wait", "dim"),
    "step_done": ("step", "blue"),
    "step_planned": ("step", "blue"),
    "step_unchanged": ("step", "blue"),
    "step_skipped": ("step", "dim"),
    "step_failed": ("step failed", "bold red"),
    "planned": ("plan", "bold magenta"),
    "would_change": ("change", "magenta"),
    "plan_differs": ("plan", "magenta"),
    "asked": ("ASKS PEOPLE", "bold yellow"),
    "approved": ("approved", "green"),
    "change_started": ("ACTS", "bold magenta"),
    "change_done": ("done", "magenta"),
    "change_unchanged": ("unchanged", "magenta"),
    "verifying": ("verify", "bold blue"),
    "sample": ("sample", "blue"),
    "verdict": ("VERDICT", "bold"),
    "ended": ("ENDED", "bold"),
    "told": ("told", "dim"),
    "not_told": ("not told", "red"),
}
QUIET = {"step_applying", "step_waiting", "sleeping"}
"""Shown once for the same words, not every 15 virtual seconds."""
GOOD, BAD = "bold green", "bold red"


class Stage:
    def __init__(self, speed: float) -> None:
        from rich.console import Console

        self.console = Console(highlight=False)
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            self.console.width = PLAIN_WIDTH
        self._pace = PACE_S / speed if speed > 0 and self.console.is_terminal else 0.0
        self._patience_s = PATIENCE_S / speed if speed > 0 else 0.0
        self._status: Status | None = None
        self._last_quiet = ""
        self._passed: list[Beat] = []

    def open(self, scenario: Scenario) -> None:
        self._rule(f"MLflow Steward: {scenario.name}")
        self._line("", f"Promise: Steward {scenario.promise}.", "italic")
        self._line("", "An AWS of its own in this process, with its own clock; nothing leaves this machine.", "dim")
        if self.console.is_terminal:
            self._status = self.console.status("", spinner="dots")
            self._status.start()

    def close(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def tick(self, now: datetime) -> None:
        if self._status is not None:
            self._status.update(f"{now:%H:%M:%S} virtual time")
            self._pause(1 / 40)

    def tell(self, beat: Beat) -> None:
        if beat.what == "sleeping" or (beat.what in QUIET and beat.text == self._last_quiet):
            return
        self._last_quiet = beat.text
        if beat.what == "guard" and beat.facts["passed"]:
            self._passed.append(beat)
            return
        self._guards_that_pass()
        self._show(beat)

    def _guards_that_pass(self) -> None:
        """A dozen of them at once say little one by one; those that hold are shown each."""
        if self._passed:
            names = ", ".join(dict.fromkeys(beat.facts["guard"] for beat in self._passed))
            first = self._passed[0]
            self._passed = []
            self._show(Beat(first.at, "guard", f"pass: {names}"))

    def _show(self, beat: Beat) -> None:
        label, style = STYLES.get(beat.what, ("waits" if beat.what in QUIET else "run", "dim"))
        if beat.what == "guard" and "passed" in beat.facts:
            label, style = "GUARD HOLDS", "bold yellow"
        if beat.what == "verdict":
            style = GOOD if beat.text.startswith(("verified", "recovered")) else BAD
        self._line(f"{beat.at:%H:%M:%S}  {label:<12}", beat.text, style)
        for extra in _details(beat):
            self._line(" " * 24, extra, "dim")
        self._pause(LONG.get(beat.what, 1.0))

    def _pause(self, weight: float) -> None:
        """Shorter and shorter in a long story: all pauses together stay below the patience of a reader."""
        pause = min(self._pace * weight, self._patience_s / 25)
        if pause > 0:
            self._patience_s -= pause
            time.sleep(pause)

    def end(self, told: Json, summary: Summary | None) -> None:
        from rich.panel import Panel
        from rich.text import Text

        from chalicelib.notify.render import plain

        self._guards_that_pass()
        self.close()
        self.console.print()
        if summary is not None:
            text = Text(plain(summary).rstrip())
            self.console.print(Panel(text, title="What the team is told", title_align="left", border_style="green"))
        counted = ", ".join(f"{count} {name}" for name, count in told["counts"].items())
        changed = ", ".join(f"{each['count']} {each['operation']}" for each in told["changes"]) or "nothing"
        self._line("", f"Signals and decisions: {counted}.", "")
        self._line("", f"Changed in the account: {changed}. Runs: {len(told['runs'])}.", "")
        self._rule("Where to look next")
        for command, what in next_commands(told):
            self._line("", f"# {what}", "dim")
            self._line("", command, "")

    def _rule(self, title: str) -> None:
        from rich.text import Text

        self.console.rule(Text(title, style="bold"), align="left")

    def _line(self, head: str, text: str, style: str) -> None:
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        shown = Text(strip_hidden(text), style=style)
        if not head:
            self.console.print(shown, soft_wrap=True)  # a command that is wrapped cannot be copied
            return
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(Text(head, style="dim" if not head.strip() else style), shown)
        self.console.print(Padding(grid, (0, 0, 0, 1)))


def _details(beat: Beat) -> list[str]:
    facts = beat.facts
    if beat.what == "planned" and facts.get("changes"):
        return [f"hash {facts['hash']}: an approval would be bound to it"]
    if beat.what == "would_change":
        lines = [f"{facts['operation']} on {facts['resource']}"]
        return [*lines, f"LOSES {for_plain(facts['loses'])}"] if facts["loses"] else lines
    if beat.what == "sample":
        return [
            f"{check}: {because}"
            for check, because in facts.items()
            if check != "run" and f"{check} true" not in beat.text
        ]
    return []
