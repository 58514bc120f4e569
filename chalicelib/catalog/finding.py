"""What the linter says, and what each of its rules is given."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from chalicelib.catalog.include import MAX_DEPTH, child_id
from chalicelib.documents import Document
from chalicelib.models.mistakes import Path
from chalicelib.models.runbook import Runbook, Step
from chalicelib.models.step_index import StepEntry, StepIndex

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class LintFinding:
    file: str
    line: int
    what: str
    instead: str | None = None
    level: Level = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}{f'; write {self.instead}' if self.instead else ''}"


Findings = Iterator[LintFinding]


@dataclass(frozen=True)
class PlacedStep:
    """A step as it will be when the run is pinned; `place` is where it comes from in this runbook."""

    id: str
    place: int
    entry: StepEntry | None


@dataclass(frozen=True)
class Subject:
    runbook: Runbook
    document: Document
    index: StepIndex
    runbooks: Mapping[str, Runbook]

    def error(self, path: Path, what: str, instead: str | None = None) -> LintFinding:
        return LintFinding(self.document.file, self.document.place(path)[0], what, instead)

    def warning(self, path: Path, what: str, instead: str | None = None) -> LintFinding:
        return LintFinding(self.document.file, self.document.place(path)[0], what, instead, "warning")

    def placed(self) -> list[PlacedStep]:
        """All steps with includes in place. What cannot be included is another rule's finding."""
        return [
            PlacedStep(step_id, place, self.index.steps.get(step.do or ""))
            for place, outer in enumerate(self.runbook.steps)
            for step_id, step in _expanded(outer, self.runbooks, 0)
        ]

    def actions(self) -> list[PlacedStep]:
        return [step for step in self.placed() if step.entry is not None and step.entry.kind == "action"]

    def included(self) -> list[Runbook]:
        return [
            self.runbooks[step.include] for step in self.runbook.steps if step.include and step.include in self.runbooks
        ]

    def fallbacks(self) -> dict[str, str]:
        """Steps that are done only when jumped to, and from where."""
        routes = [(step.id, route) for step in self.runbook.steps for route in (step.on_failure, step.on_cancel)]
        return {route.removeprefix("step:"): source for source, route in routes if route.startswith("step:")}


def _expanded(step: Step, runbooks: Mapping[str, Runbook], depth: int) -> Iterator[tuple[str, Step]]:
    if step.include is None:
        yield step.id, step
    elif depth < MAX_DEPTH and step.include in runbooks:
        for child in runbooks[step.include].steps:
            for inner_id, inner in _expanded(child, runbooks, depth + 1):
                yield child_id(step.id, inner_id), inner
