"""Lint rules about the steps themselves: do they exist, do their parameters fit, are they ever reached."""

from chalicelib.catalog.expressions import ExpressionError, evaluate, expressions_in, references
from chalicelib.catalog.finding import Findings, Subject
from chalicelib.catalog.include import IncludeError, pin
from chalicelib.catalog.lint_references import types_of_expression
from chalicelib.catalog.shapes import misfits
from chalicelib.models.mistakes import nearest
from chalicelib.models.runbook import Step


def unknown_steps(subject: Subject) -> Findings:
    for place, step in enumerate(subject.runbook.steps):
        if step.do is not None and step.do not in subject.index.steps:
            guess = nearest(step.do, subject.index.steps)
            instead = f"`do: {guess}`" if guess else f"one of {', '.join(sorted(subject.index.steps))}"
            yield subject.error(("steps", place, "do"), f"no step named `{step.do}`", instead)


def ids(subject: Subject) -> Findings:
    seen: dict[str, int] = {}
    for place, step in enumerate(subject.runbook.steps):
        path = ("steps", place, "id")
        if step.id in seen:
            first = subject.document.place(("steps", seen[step.id], "id"))[0]
            yield subject.error(path, f"a second step `{step.id}`, the first is in line {first}", "another id")
        seen.setdefault(step.id, place)
        if "__" in step.id:
            yield subject.error(
                path, f"`{step.id}`: `__` is kept for included steps", f"`{step.id.replace('__', '_')}`"
            )


def parameters(subject: Subject) -> Findings:
    for place, step in enumerate(subject.runbook.steps):
        entry = subject.index.steps.get(step.do or "")
        if entry is None or _is_broken(step):
            continue  # said by another rule
        for misfit in misfits(entry.params, step.with_, lambda text: types_of_expression(subject, text)):
            path = ("steps", place, "with", *misfit.path)
            yield subject.error(path, f"`{entry.name}`: {_named(misfit.path)}{misfit.what}", misfit.instead)
        if entry.kind == "action":
            yield from _hearsay(subject, place, step)


def _is_broken(step: Step) -> bool:
    try:
        for expression in expressions_in(step.with_):
            references(expression)
    except ExpressionError:
        return True
    return False


def _named(path: tuple[str | int, ...]) -> str:
    names = [str(part) for part in path]
    return f"`{'.'.join(names)}` " if names else ""


def _hearsay(subject: Subject, place: int, step: Step) -> Findings:
    """S4: no value read from evidence becomes an argument of an action."""
    for expression in expressions_in(step.with_):
        if any(reference.root == "signal" for reference in references(expression)):
            what = f"`{expression}` would make the event's own words an argument of an action (S4)"
            yield subject.error(("steps", place, "with"), what, "an input or the output of a probe")


def control_checks(subject: Subject) -> Findings:
    for place, step in enumerate(subject.runbook.steps):
        checks = step.with_.get("checks") if step.do == "wait_until" else None
        for number, check in enumerate(checks if isinstance(checks, list) else ()):
            if isinstance(check, str) and check not in subject.index.checks:
                guess = nearest(check, subject.index.checks)
                instead = f"`{guess}`" if guess else f"one of {', '.join(sorted(subject.index.checks))}"
                yield subject.error(("steps", place, "with", "checks", number), f"no check named `{check}`", instead)


def includes(subject: Subject) -> Findings:
    try:
        pin(subject.runbook, {**subject.runbooks, subject.runbook.runbook: subject.runbook})
    except (IncludeError, ExpressionError) as exc:
        field = exc.field if isinstance(exc, IncludeError) else None
        places = {f"steps.{step.id}": place for place, step in enumerate(subject.runbook.steps) if step.include}
        # A mistake further down is told here too: this runbook cannot be pinned because of it.
        place = places.get(field or "", min(places.values()))
        why = exc.what if isinstance(exc, IncludeError) else str(exc)
        yield subject.error(("steps", place, "include"), f"cannot be included: {why}")
    for place, step in enumerate(subject.runbook.steps):
        if step.include and ("timeout" in step.model_fields_set or "max_attempts" in step.model_fields_set):
            what = "an include has no timeout or maxAttempts of its own"
            yield subject.error(("steps", place), what, f"them on the steps of `{step.include}`")


def routes(subject: Subject) -> Findings:
    """`onFailure: step:ID` leads forward; `onCancel: step:ID` anywhere but to itself."""
    places = {step.id: place for place, step in enumerate(subject.runbook.steps)}
    for place, step in enumerate(subject.runbook.steps):
        for field, route in (("onFailure", step.on_failure), ("onCancel", step.on_cancel)):
            if not route.startswith("step:"):
                continue
            target, path = route.removeprefix("step:"), ("steps", place, field)
            if target not in places:
                guess = nearest(target, places)
                yield subject.error(path, f"no step `{target}` to go to", f"`step:{guess}`" if guess else None)
            elif target == step.id or (field == "onFailure" and places[target] < place):
                what = f"`{target}` does not come after `{step.id}`, and a run only goes forward"
                yield subject.error(path, what, "the id of a later step, or abort, continue or escalate")


def unreachable(subject: Subject) -> Findings:
    never: set[str] = set()
    for place, step in enumerate(subject.runbook.steps):
        if step.when is not None and (answer := _constant(step.when)) is not None:
            path = ("steps", place, "when")
            if answer:
                yield subject.warning(path, f"`{step.when}` is always true", "no `when`")
            else:
                never.add(step.id)
                yield subject.error(path, f"`{step.id}` is never reached: `{step.when}` is always false")
    for target, source in subject.fallbacks().items():
        places = [place for place, step in enumerate(subject.runbook.steps) if step.id == target]
        if source in never and places and target not in never:
            what = f"`{target}` is never reached: only `{source}` leads to it, and that is never done"
            yield subject.error(("steps", places[0], "id"), what)


def _constant(when: str) -> bool | None:
    try:
        return bool(evaluate(when, {})) if not references(when) else None
    except ExpressionError:
        return None  # said by another rule


def last_failure(subject: Subject) -> Findings:
    """`continue` on the last action leaves its failure to the verification alone."""
    actions = [step for step in subject.actions() if step.place < len(subject.runbook.steps)]
    last = len(subject.runbook.steps) - 1
    if actions and actions[-1].place == last and subject.runbook.steps[last].on_failure == "continue":
        what = "nothing follows this action, so `continue` would only hide that it failed"
        yield subject.warning(("steps", last, "onFailure"), what, "`onFailure: escalate`")
