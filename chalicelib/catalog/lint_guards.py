"""Lint rules about what keeps a runbook safe: verification, guards, triggers, inputs."""

import re
from itertools import pairwise

from chalicelib.catalog.finding import Findings, Subject
from chalicelib.catalog.inputs import misfit
from chalicelib.catalog.load import is_timezone
from chalicelib.catalog.schedules import schedule_problem
from chalicelib.models.mistakes import nearest
from chalicelib.models.runbook import Input
from chalicelib.models.words import Autonomy, Risk, format_duration

ALARM_SETTLES_S = 300
"""No alarm is believed to have settled sooner (Signal.settles_after_s)."""
FREEZE = "freeze"
"""The one word in `standAside` that is no check."""


def verifies(subject: Subject) -> Findings:
    actions = subject.actions()
    is_verified = subject.runbook.verify or any(other.verify for other in subject.included())
    if actions and not is_verified:
        what = "this runbook acts and does not verify: nobody would know whether it helped"
        yield subject.error(("steps", actions[0].place, "id"), what, "a `verify:` section")
    if not actions and subject.runbook.verify is not None:
        what = "this runbook changes nothing, so there is nothing to verify"
        yield subject.warning(("verify",), what, "no `verify:` section")


def verification(subject: Subject) -> Findings:
    verify = subject.runbook.verify
    if verify is None:
        return
    for place, check in enumerate(verify.that):
        if check not in subject.index.checks:
            yield subject.error(
                ("verify", "that", place), f"no check named `{check}`", _one_of(check, subject.index.checks)
            )
        elif check in verify.that[:place]:
            yield subject.warning(("verify", "that", place), f"`{check}` is already said", "it once")
    by_alarm = any(trigger.alarm for trigger in subject.runbook.on)
    if by_alarm and verify.within < ALARM_SETTLES_S:
        what = f"`within: {format_duration(verify.within)}` is over before the alarm has settled"
        yield subject.error(("verify", "within"), what, f"`within: {format_duration(ALARM_SETTLES_S)}` or longer")
    if verify.hold > verify.within:
        what = f"`hold: {format_duration(verify.hold)}` is longer than `within: {format_duration(verify.within)}`"
        yield subject.error(("verify", "hold"), what, "a hold that fits into `within`")
    if verify.every > verify.hold:
        every, hold = format_duration(verify.every), format_duration(verify.hold)
        what = f"`every: {every}` leaves no second sample in `hold: {hold}`"
        field = "every" if "every" in verify.model_fields_set else "hold"  # the one that somebody wrote
        yield subject.error(("verify", field), what, f"`every: {format_duration(max(1, verify.hold // 4))}`")


def guards(subject: Subject) -> Findings:
    checks = {*subject.index.checks, FREEZE}
    for place, check in enumerate(subject.runbook.guards.stand_aside):
        if check not in checks and "stand_aside" in subject.runbook.guards.model_fields_set:
            path = ("guards", "standAside", place)
            yield subject.error(path, f"no check named `{check}` to stand aside for", _one_of(check, checks))
    verify, cooldown = subject.runbook.verify, subject.runbook.guards.cooldown
    if verify is not None and subject.actions() and cooldown < verify.within:
        what = f"`cooldown: {format_duration(cooldown)}` is shorter than `within: {format_duration(verify.within)}`"
        instead = f"`cooldown: {format_duration(verify.within)}` or longer, or one incident starts several runs"
        yield subject.error(("guards", "cooldown"), what, instead)


def risks(subject: Subject) -> Findings:
    asks = [step.place for step in subject.placed() if step.entry is not None and step.entry.name == "ask_approval"]
    needs_radius = subject.runbook.guards.blast_radius is None and not any(
        other.guards.blast_radius for other in subject.included()
    )
    for step in subject.actions():
        risk, path = (step.entry.risk if step.entry else Risk.NONE), ("steps", step.place, "id")
        if needs_radius and risk in {Risk.MEDIUM, Risk.HIGH}:
            what = f"`{step.id}` is of {risk.value} risk and nothing limits how much it may touch"
            yield subject.error(path, what, '`blastRadius: {tasks: "50%"}` under `guards:`')
            needs_radius = False  # once is enough
        is_asked = any(place <= step.place for place in asks)
        if risk is Risk.HIGH and subject.runbook.autonomy is Autonomy.AUTO and not is_asked:
            what = f"`{step.id}` is of high risk and would be done without asking"
            yield subject.error(path, what, "`autonomy: approve`, or an `ask_approval` step before it")


def triggers(subject: Subject) -> Findings:
    for place, trigger in enumerate(subject.runbook.on):
        path = ("on", place)
        if trigger in subject.runbook.on[:place]:
            yield subject.warning(path, "this trigger stands here a second time", "it once")
        if trigger.ecs_task is not None and not trigger.ecs_task.model_dump(exclude_none=True):
            what = "every task that stops would start this runbook, also each one that a deployment replaces"
            yield subject.error(path, what, "`stopCode:`, `stoppedReason:` or `exitCode:`")
        if trigger.schedule is not None:
            if problem := schedule_problem(trigger.schedule.expression):
                yield subject.error((*path, "schedule", "expression"), *problem)
            if not is_timezone(trigger.schedule.timezone):
                what = f"no time zone named `{trigger.schedule.timezone}`"
                yield subject.error((*path, "schedule", "timezone"), what, "one like `Europe/London` or `UTC`")


def inputs(subject: Subject) -> Findings:
    started_by_itself = any(trigger.manual is None for trigger in subject.runbook.on)
    for name, declared in subject.runbook.inputs.items():
        path = ("inputs", name)
        if declared.pattern is not None and not _compiles(declared.pattern):
            yield subject.error((*path, "pattern"), f"`{declared.pattern}` is no regular expression")
            continue
        bounds = [bound for bound in (declared.minimum, declared.maximum) if bound is not None]
        if any(low > high for low, high in pairwise(bounds)):
            yield subject.error(
                (*path, "minimum"), f"the minimum of `{name}` is above its maximum", "them the other way"
            )
        elif declared.default is not None and (problem := misfit(declared, declared.default)):
            yield subject.error((*path, "default"), f"the default of `{name}` {problem}")
        yield from _wrong_kind(subject, name, declared)
        if declared.required and declared.default is None and started_by_itself:
            what = f"nobody can give `{name}` when an event starts this runbook"
            yield subject.error((*path, "required"), what, "a `default:`")


def _wrong_kind(subject: Subject, name: str, declared: Input) -> Findings:
    is_number = declared.type in {"integer", "number"}
    if not is_number and (declared.minimum is not None or declared.maximum is not None):
        field = "minimum" if declared.minimum is not None else "maximum"
        yield subject.error(
            ("inputs", name, field), f"`{name}` is no number and has no {field}", "a `pattern:` or an `enum:`"
        )
    if declared.type != "string" and declared.pattern is not None:
        yield subject.error(
            ("inputs", name, "pattern"), f"`{name}` is no text and has no pattern", "`minimum:` and `maximum:`"
        )


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _one_of(word: str, known: object) -> str:
    names = sorted(known) if isinstance(known, dict | set) else []
    guess = nearest(word, names)
    return f"`{guess}`" if guess else f"one of {', '.join(names)}"
