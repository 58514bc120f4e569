"""Lint rules about expressions: valid JMESPath, and every reference points at something that will be there.

JMESPath says null for what does not exist; a misspelt field would silently be a no.
"""

import re
from collections.abc import Iterator

from chalicelib.catalog.expressions import ROOTS, ExpressionError, Reference, expressions_in, references
from chalicelib.catalog.finding import Findings, LintFinding, PlacedStep, Subject
from chalicelib.catalog.shapes import Schema, follow, types_of
from chalicelib.models.mistakes import Path, nearest

_SIMPLE = re.compile(r"(inputs|steps)(\.\w+)+", re.ASCII)
_NUMBERS = frozenset({"integer", "number"})
STACK_FIELDS = ("name", "region")
"""What a runbook may know of its stack; the rest is the steps' business."""


def expressions(subject: Subject) -> Findings:
    placed = {step.id: step for step in subject.placed()}
    for place, path, text in _all(subject):
        try:
            found = sorted(references(text))
        except ExpressionError as exc:
            yield subject.error(path, f"`{text}`: {exc.why}")
            continue
        for reference in found:
            yield from _reference(subject, placed, place, path, reference)


def unclosed(subject: Subject) -> Findings:
    for place, step in enumerate(subject.runbook.steps):
        for name, value in step.with_.items():
            try:
                list(expressions_in(value))
            except ExpressionError as exc:
                yield subject.error(("steps", place, "with", name), exc.why)


def conditions(subject: Subject) -> Findings:
    """JMESPath takes 0 for true, so a number is no condition; and `!a.b` reads as `(!a).b`."""
    for place, step in enumerate(subject.runbook.steps):
        if step.when is None:
            continue
        path = ("steps", place, "when")
        if types_of_expression(subject, step.when) & _NUMBERS:
            what = f"`{step.when}` is a number, and JMESPath takes 0 for true"
            yield subject.error(path, what, f"`{step.when} > \\`0\\``".replace("\\", ""))
        if match := re.search(r"!\s*((?:steps|inputs)\.[\w.]+)", step.when):
            yield subject.error(path, f"`!{match[1]}` negates only its first word", f"`!({match[1]})`")


def unused_inputs(subject: Subject) -> Findings:
    used: set[str] = set()
    for _, _, text in _all(subject):
        try:
            used |= {
                part for r in references(text) if r.root == "inputs" for part in r.path[:1] or subject.runbook.inputs
            }
        except ExpressionError:
            return  # said by another rule; what it reads is not known
    for name in subject.runbook.inputs:
        if name not in used:
            yield subject.warning(
                ("inputs", name), f"no step reads the input `{name}`", f"`${{inputs.{name}}}` where it counts"
            )


def types_of_expression(subject: Subject, text: str) -> frozenset[str]:
    """Types of a plain reference; empty for anything that computes."""
    if not _SIMPLE.fullmatch(text):
        return frozenset()
    reference = next(iter(references(text)))
    if reference.root == "inputs":
        declared = subject.runbook.inputs.get(reference.path[0])
        return frozenset({declared.type}) if declared and len(reference.path) == 1 else frozenset()
    entry = {step.id: step.entry for step in subject.placed()}.get(reference.step or "")
    if entry is None or not reference.path:
        return frozenset()
    node = follow(entry.output, reference.path)
    return frozenset() if isinstance(node, tuple) else types_of(entry.output, node)


def _all(subject: Subject) -> Iterator[tuple[int, Path, str]]:
    for place, step in enumerate(subject.runbook.steps):
        if step.when is not None:
            yield place, ("steps", place, "when"), step.when
        for name, value in step.with_.items():
            try:
                yield from ((place, ("steps", place, "with", name), text) for text in list(expressions_in(value)))
            except ExpressionError:
                continue  # `unclosed` says it


def _reference(
    subject: Subject, placed: dict[str, PlacedStep], place: int, path: Path, reference: Reference
) -> Findings:
    if reference.root == "steps":
        yield from _step_reference(subject, placed, place, path, reference)
    elif reference.root == "inputs":
        yield from _named(subject, path, "input", reference, subject.runbook.inputs)
    elif reference.root == "stack":
        yield from _named(subject, path, "field of the stack", reference, STACK_FIELDS)
    elif reference.root not in ROOTS:
        guess = nearest(reference.root, ROOTS)
        instead = f"`{guess}.…`" if guess else "a reference like `steps.ID.field` or `inputs.NAME`"
        yield subject.error(path, f"nothing is called `{reference}`", instead)


def _named(subject: Subject, path: Path, kind: str, reference: Reference, known: object) -> Findings:
    names = sorted(known) if isinstance(known, dict | tuple) else []
    if not reference.path:
        yield subject.error(path, f"`{reference}` names no {kind}", f"`{reference.root}.NAME`")
    elif reference.path[0] not in names:
        guess = nearest(reference.path[0], names)
        instead = f"`{reference.root}.{guess}`" if guess else f"one of {', '.join(names)}" if names else None
        yield subject.error(path, f"no {kind} `{reference.path[0]}`", instead)


def _step_reference(
    subject: Subject, placed: dict[str, PlacedStep], place: int, path: Path, reference: Reference
) -> Findings:
    if reference.step is None:
        yield subject.error(path, "`steps` names no step", "`steps.ID.field`")
        return
    target = placed.get(reference.step)
    if target is None:
        yield _no_step(subject, placed, path, reference.step)
    elif target.place >= place:
        here = subject.runbook.steps[place].id
        what = f"`{reference}` looks at a step that is not done before `{here}`"
        yield subject.error(path, what, f"`{reference.step}` before `{here}`")
    else:
        source = subject.fallbacks().get(reference.step)
        if source is not None and source != subject.runbook.steps[place].id:
            what = f"`{reference.step}` is done only when `{source}` fails, so `{reference}` may never be known"
            yield subject.warning(path, what, "a reference to a step that is always done")
        if target.entry is not None:
            yield from _field(subject, path, reference, target.entry.output)


def _no_step(subject: Subject, placed: dict[str, PlacedStep], path: Path, step: str) -> LintFinding:
    inner = [name for name in placed if name.startswith(f"{step}__")]
    if inner:
        return subject.error(path, f"`{step}` is an include and has no output of its own", f"`steps.{inner[0]}.…`")
    guess = nearest(step, placed)
    return subject.error(path, f"no step `{step}`", f"`steps.{guess}`" if guess else None)


def _field(subject: Subject, path: Path, reference: Reference, output: Schema) -> Findings:
    end = follow(output, reference.path)
    if isinstance(end, tuple):
        came, known = end
        wrong = reference.path[len(came)]
        guess = nearest(wrong, known)
        start = Reference("steps", reference.step, came)
        there = f"`{start}.{guess}`" if guess else f"one of {', '.join(sorted(known))}" if known else None
        yield subject.error(path, f"`{start}` has no field `{wrong}`", there)
