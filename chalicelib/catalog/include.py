"""`include`: the other runbook's steps put in place when a run is pinned, so plan and hash cover them (S26).

One run, one lock, and of autonomy and guards always the stricter. There are no child runs.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.catalog.inputs import misfit
from chalicelib.catalog.rewrite import Rewriting
from chalicelib.errors import DocumentError
from chalicelib.models.mistakes import Json, nearest
from chalicelib.models.runbook import BlastRadius, Guards, Runbook, Step

MAX_DEPTH = 3
MAX_ID = 80
Runbooks = Mapping[str, Runbook]


class IncludeError(DocumentError):
    """Why an include cannot be put in place; `step` is the id of the step that includes."""

    def __init__(self, runbook: str, step: str, what: str) -> None:
        self.step = step
        super().__init__(f"runbook {runbook}", what, field=f"steps.{step}")


def child_id(parent: str, child: str) -> str:
    return f"{parent}__{child}"


def pin(runbook: Runbook, runbooks: Runbooks) -> Runbook:
    """The runbook without includes: what is stored with a run and carried out (S33)."""
    return _pin(runbook, runbooks, (runbook.runbook,))


def _pin(runbook: Runbook, runbooks: Runbooks, trail: tuple[str, ...]) -> Runbook:
    steps: list[Step] = []
    pinned = runbook
    for step in runbook.steps:
        if step.include is None:
            steps.append(step)
            continue
        included = _included(runbook, step, step.include, runbooks, trail)
        steps += _children(runbook, step, included)
        pinned = _under(pinned, step, included)
    return pinned.model_copy(update={"steps": tuple(steps)}) if pinned is not runbook else runbook


def _included(runbook: Runbook, step: Step, name: str, runbooks: Runbooks, trail: tuple[str, ...]) -> Runbook:
    if name in trail:
        raise IncludeError(runbook.runbook, step.id, f"includes itself: {' → '.join((*trail, name))}")
    if len(trail) > MAX_DEPTH:
        what = f"includes are at most {MAX_DEPTH} deep: {' → '.join((*trail, name))}"
        raise IncludeError(runbook.runbook, step.id, what)
    if name not in runbooks:
        guess = nearest(name, runbooks)
        hint = f"; did you mean `{guess}`?" if guess else ""
        raise IncludeError(runbook.runbook, step.id, f"no runbook named {name!r}{hint}")
    return _pin(runbooks[name], runbooks, (*trail, name))


def _children(runbook: Runbook, step: Step, included: Runbook) -> list[Step]:
    jumps = {f"step:{step.id}"} & {route for other in runbook.steps for route in (other.on_failure, other.on_cancel)}
    if jumps:
        raise IncludeError(runbook.runbook, step.id, "an include cannot be jumped to, only a single step can")
    renamed = {child.id: child_id(step.id, child.id) for child in included.steps}
    if too_long := [new for new in renamed.values() if len(new) > MAX_ID]:
        raise IncludeError(runbook.runbook, step.id, f"the id {too_long[0]} is longer than {MAX_ID} characters")
    rewriting = Rewriting(renamed, _values(runbook, step, included))
    return [_child(step, child, rewriting) for child in included.steps]


def _child(parent: Step, child: Step, rewriting: Rewriting) -> Step:
    when = rewriting.expression(child.when) if child.when else None
    both = f"({parent.when}) && ({when})" if parent.when and when else parent.when or when
    return child.model_copy(
        update={
            "id": rewriting.steps[child.id],
            "when": both,
            "with_": rewriting.value(child.with_),
            "on_failure": _route(parent, child, "on_failure", rewriting),
            "on_cancel": _route(parent, child, "on_cancel", rewriting),
        }
    )


def _route(parent: Step, child: Step, field: str, rewriting: Rewriting) -> str:
    """The child's own route wins; where it says nothing, what the include says holds for all of it."""
    if field not in child.model_fields_set and field in parent.model_fields_set:
        return str(getattr(parent, field))
    route = str(getattr(child, field))
    target = route.removeprefix("step:")
    return f"step:{rewriting.steps.get(target, target)}" if route.startswith("step:") else route


def _values(runbook: Runbook, step: Step, included: Runbook) -> dict[str, Json]:
    """What the included runbook's inputs are, as written in the includer: literals or `${…}`."""
    for name in step.with_:
        if name not in included.inputs:
            guess = nearest(name, included.inputs)
            hint = f"; did you mean `{guess}`?" if guess else ""
            raise IncludeError(runbook.runbook, step.id, f"`{included.runbook}` has no input {name!r}{hint}")
    values: dict[str, Any] = {}
    for name, declared in included.inputs.items():
        value = step.with_.get(name)
        is_reference = isinstance(value, str) and "${" in value
        if value is not None and not is_reference and (problem := misfit(declared, value)):
            raise IncludeError(runbook.runbook, step.id, f"input {name!r} of `{included.runbook}` {problem}")
        values[name] = declared.default if value is None else value
        if values[name] is None and declared.required:
            what = f"`{included.runbook}` needs its input {name!r}; write it under `with:`"
            raise IncludeError(runbook.runbook, step.id, what)
    return values


def _under(runbook: Runbook, step: Step, included: Runbook) -> Runbook:
    """The includer, with the stricter of both (S26). It verifies and tells as it says itself, if it says."""
    return runbook.model_copy(
        update={
            "autonomy": runbook.autonomy.capped_by(included.autonomy),
            "guards": _stricter(runbook, step, included),
            "verify": runbook.verify or included.verify,
        }
    )


def _stricter(runbook: Runbook, step: Step, included: Runbook) -> Guards:
    mine, other = runbook.guards, included.guards
    max_runs = {
        "count": min(mine.max_runs.count, other.max_runs.count),
        "per": max(mine.max_runs.per, other.max_runs.per),
    }
    return mine.model_copy(
        update={
            "cooldown": max(mine.cooldown, other.cooldown),
            "max_runs": mine.max_runs.model_copy(update=max_runs),
            "blast_radius": _smaller(runbook, step, mine.blast_radius, other.blast_radius),
            "stand_aside": tuple(dict.fromkeys((*mine.stand_aside, *other.stand_aside))),
            "approvers": "other" if "other" in (mine.approvers, other.approvers) else "any",
        }
    )


def _smaller(runbook: Runbook, step: Step, mine: BlastRadius | None, other: BlastRadius | None) -> BlastRadius | None:
    if mine is None or other is None:
        return mine or other
    if isinstance(mine.tasks, int) != isinstance(other.tasks, int):
        what = "blastRadius is a share in one runbook and a number in the other; write both the same way"
        raise IncludeError(runbook.runbook, step.id, what)  # which is smaller depends on what is running
    return min(mine, other, key=lambda radius: int(str(radius.tasks).rstrip("%")))
