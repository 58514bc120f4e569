"""The sections of a run's summary, each from the record alone: what it says happened is what was stored.

Pure. A section without lines is left out by `compose`; where silence could be misread ("was anything
changed?") the section says so in words.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.models.approval import Approval
from chalicelib.models.change import Change, ChangeState
from chalicelib.models.check import CheckResult
from chalicelib.models.incident import Incident
from chalicelib.models.run import Mode, Run, RunStatus, StepRecord, StepStatus, Verdict
from chalicelib.models.summary import Line, Section
from chalicelib.notify.inert import clean
from chalicelib.notify.phrases import VERDICT_MEANING, changes_in, changes_with_progress, moment, with_run

MAX_LINES = 20
_MAX_FACTS = 8
_LONGEST = 1000


def line(text: str, detail: str | None = None, most: int = 500) -> Line:
    return Line(text=clean(text, most), detail=clean(detail, 700) if detail else None)


def section(title: str, lines: Iterable[Line]) -> Section:
    kept = list(lines)
    if len(kept) > MAX_LINES:
        more = len(kept) - MAX_LINES + 1
        kept = [*kept[: MAX_LINES - 1], line(f"… and {more} more; `steward runs show` lists them all")]
    return Section(title=title, lines=tuple(kept))


def what_happened(run: Run, incident: Incident | None) -> Section:
    lines = []
    if incident:
        since = f"open since {moment(incident.opened_at)}"
        lines.append(line(incident.title, since))
        lines += [
            line(f"firing: {source.name or source.key}", f"since {moment(source.since)}") for source in incident.firing
        ]
    lines.append(line(f"runbook {run.runbook.runbook}: {run.runbook.title}", f"started by {run.started_by}"))
    if run.reason:
        lines.append(line(f"reason given: {run.reason}"))
    return section("What happened", lines)


def what_steward_found(run: Run, steps: Sequence[StepRecord]) -> Section:
    """What the preflight and the probes answered; probes are the steps that have an output and no Changes."""
    lines = [_check_line(result) for result in run.preflight]
    for step in steps:
        if step.changes or step.status not in {StepStatus.DONE, StepStatus.SKIPPED}:
            continue
        if step.status is StepStatus.SKIPPED:
            lines.append(line(f"{step.do} was skipped", step.detail))
        elif step.diagnosis:
            lines += _diagnosed(step.diagnosis, step.output or {})
        elif step.output:
            said = {name: value for name, value in step.output.items() if name != "detail"}
            lines.append(
                line(f"{step.do}: {_facts(said)}", step.detail or str(step.output.get("detail") or "") or None)
            )
            lines += _findings(step.output)
    return section("What Steward found", lines)


def _diagnosed(said: str, output: dict[str, Any]) -> list[Line]:
    """The causes with what they rest on and what helps, best first; what must not be done now."""
    vetoes = dict.fromkeys(f"not now: {veto['step']}, {veto['why']}" for veto in output.get("vetoes", []))
    return [line(f"diagnosis: {said}"), *_findings(output), *(line(text) for text in vetoes)]


def _findings(output: dict[str, Any]) -> list[Line]:
    """Causes and remedies; a command to paste is of no use when its end is cut off."""
    lines = []
    for finding in (one for one in output.get("findings", []) if "cause" in one):
        evidence = "; ".join(finding.get("evidence", [])[:2])
        lines.append(line(f"{finding['cause']}: {finding.get('remedy') or 'no remedy known'}", evidence, _LONGEST))
    return lines


def what_was_changed(run: Run, steps: Sequence[StepRecord]) -> Section:
    lines = []
    for change, progress in changes_in(steps, ChangeState.DONE):
        lost = f"lost with it: {change.loses}" if change.loses else progress.detail
        lines.append(line(with_run(change.sentence, run.id), lost or f"{change.operation} on {change.resource}"))
    for change, progress in changes_in(steps, ChangeState.UNCHANGED):
        lines.append(line(f"already so, not touched: {with_run(change.sentence, run.id)}", progress.detail))
    for change, progress in changes_in(steps, ChangeState.STARTED):
        lines.append(line(f"begun, and its end not seen: {with_run(change.sentence, run.id)}", progress.detail))
    return section("What was changed", lines or [line("Nothing was changed.")])


def what_would_change(run: Run, steps: Sequence[StepRecord]) -> Section:
    lines = []
    for change, _ in changes_with_progress(steps):
        risk = f"cannot be brought back: {change.loses}" if change.loses else f"{change.operation} on {change.resource}"
        lines.append(line(with_run(change.sentence, run.id), risk))
    lines += [line(f"{step.do}: known later", step.known_later) for step in steps if step.known_later]
    return section("What would be changed", lines or [line("Nothing would be changed.")])


def how_it_was_verified(run: Run) -> Section:
    """The verdict in a sentence, then each check's last answer and what it rests on."""
    if run.verdict:
        lines = [line(VERDICT_MEANING[run.verdict], run.outcome)]
    else:
        lines = [line("Nothing was verified: the run has no verdict.", run.outcome)]
    watched = run.verification
    if watched:
        if watched.last:
            lines += [_check_line(result) for result in watched.last.results]
        lines.append(
            line(f"{watched.samples} samples since {moment(watched.began_at)}, {watched.good_samples} good in a row")
        )
    return section("How it was verified", lines)


def what_to_write_back(steps: Sequence[StepRecord]) -> Section:
    """Not what this very run has put back since: nothing differs there any more."""
    done = [change for change, _ in changes_in(steps, ChangeState.DONE)]
    lines = [
        line(change.write_back, f"else the next apply undoes it on {change.resource}")
        for number, change in enumerate(done)
        if change.write_back and not any(_puts_back(later, change) for later in done[number + 1 :])
    ]
    return section("What to write back into infrastructure code", lines)


def _puts_back(later: Change, change: Change) -> bool:
    undo = change.undo
    same = undo and (later.operation, later.parameters) == (undo.operation, undo.parameters)
    return bool(same) and later.action == change.action and later.resource == change.resource


def what_is_half_done(run: Run, steps: Sequence[StepRecord]) -> Section:
    """Only for runs that did not go through: each Change that was begun, went wrong, or was never reached."""
    if run.status is RunStatus.FINISHED and run.verdict not in {None, Verdict.FAILED}:
        return section("What is half-done", ())
    words = {
        ChangeState.STARTED: "begun and not finished",
        ChangeState.FAILED: "failed",
        ChangeState.STORED: "planned, never begun",
    }
    lines = [
        line(f"{words[progress.state]}: {with_run(change.sentence, run.id)}", progress.detail)
        for change, progress in changes_in(steps, *words)
    ]
    lines += [line(f"step {step.id} failed", step.detail) for step in steps if step.status is StepStatus.FAILED]
    return section("What is half-done", lines)


def what_comes_next(run: Run, approval: Approval | None) -> Section:
    if approval:
        expiry = f"Without an answer by {moment(approval.expires_at)} nothing will be done."
        return section("What comes next", [line(approval.question), line(expiry)])
    return section("What comes next", [line(_next(run))])


def how_it_is_backed_up(lines: Iterable[str]) -> Section:
    """The posture of the stack's backups, as `backup.posture` words it."""
    return section("How the data is backed up", map(line, lines))


def _next(run: Run) -> str:
    ways = (
        (run.status is RunStatus.AWAITING_APPROVAL, "The run waits for an approval of exactly this plan."),
        (run.status.is_live, "The run goes on by itself and will tell how it ended."),
        (run.mode is not Mode.LIVE, "Nothing was done: this run only planned."),
        (
            run.needs_person or run.verdict in {Verdict.FAILED, Verdict.INCONCLUSIVE},
            "Somebody has to look: Steward starts nothing more by itself for this incident.",
        ),
        (
            run.status in {RunStatus.STOPPED, RunStatus.CANCELLED},
            "The run was ended before it was through; nothing more will be done by it.",
        ),
        (run.verdict is Verdict.VERIFIED, "Nothing to do. The incident closes when its alarm has settled."),
    )
    return next((text for holds, text in ways if holds), "Nothing to do.")


def _check_line(result: CheckResult) -> Line:
    return line(f"{result.check}: {result.answer.value.replace('_', ' ')}", result.because)


def _facts(output: dict[str, Any]) -> str:
    """The plain values of a probe's output; lists are counted, nested ones are left to `runs show`."""
    facts = []
    for name, value in output.items():
        if isinstance(value, list | tuple):
            facts.append(f"{name} {len(value)}")
        elif value is not None and not isinstance(value, dict):
            facts.append(f"{name} {str(value).lower() if isinstance(value, bool) else clean(str(value), 120)}")
    shown = ", ".join(facts[:_MAX_FACTS])
    return f"{shown}, …" if len(facts) > _MAX_FACTS else shown
