"""Composes Summaries: what people are told, from the record, for any channel to draw.

Pure: the caller hands in the time. Nothing here knows how Slack or SNS look, and nothing is told that
is not in the record.
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.models.approval import Approval
from chalicelib.models.change import ChangeState
from chalicelib.models.decision import Outcome, SignalDecision
from chalicelib.models.incident import Incident
from chalicelib.models.run import Mode, Run, RunStatus, StepRecord, Verdict
from chalicelib.models.stack import Stack
from chalicelib.models.summary import Line, Question, Section, Severity, Summary
from chalicelib.notify import sections
from chalicelib.notify.inert import one_line
from chalicelib.notify.phrases import changes_in, done_in_words, duration, moment, took
from chalicelib.notify.sections import line, section

FLEET = "fleet"

_BY_VERDICT = {
    Verdict.VERIFIED: Severity.GOOD,
    Verdict.RECOVERED_BEFORE_ACTION: Severity.INFO,
    Verdict.INCONCLUSIVE: Severity.WARNING,
    Verdict.FAILED: Severity.CRITICAL,
}
_BY_OUTCOME = {
    Outcome.SUGGEST: ("suggestion", Severity.WARNING, "suggests"),
    Outcome.ASK: ("approval", Severity.WARNING, "asks before"),
    Outcome.HOLD: ("hold", Severity.INFO, "holds"),
    Outcome.REFUSE: ("refusal", Severity.WARNING, "refused"),
    Outcome.RUN: ("start", Severity.INFO, "starts"),
    Outcome.IGNORE: ("ignored", Severity.INFO, "ignored"),
    Outcome.INVALID: ("invalid", Severity.WARNING, "rejected"),
}


def summarize_run(
    run: Run,
    steps: Sequence[StepRecord],
    incident: Incident | None,
    stack: Stack,
    occasion: str,
    now: datetime,
    approval: Approval | None = None,
    protection: Sequence[str] = (),
) -> Summary:
    """`steps` in the order of the run; `occasion` is start, approval or end. A run that only suggests ends
    as a suggestion, and an approval is told only on its own occasion."""
    if run.mode is Mode.SUGGEST and occasion == "end":
        occasion = "suggestion"
    if occasion != "approval":
        approval = None
    number = f":{approval.number}" if approval else ""
    return Summary(
        id=f"{run.id}:{occasion}{number}",
        occasion=occasion,
        severity=_severity(run, occasion),
        title=_title(run, steps, incident, stack, occasion, now),
        stack=stack.stack,
        run_id=run.id,
        incident_id=run.incident_id,
        at=now,
        sections=_filled(
            [*_run_sections(run, steps, incident, occasion, approval), sections.how_it_is_backed_up(protection)]
        ),
        commands=_run_commands(run, steps, stack, occasion, approval),
        question=Question(run_id=run.id, plan_hash=approval.plan_hash) if approval else None,
    )


def summarize_decision(part: SignalDecision, stack: Stack, now: datetime) -> Summary:
    """For what did not become an acting run: `suggest`, `ask`, `hold`, `refuse`."""
    occasion, severity, verb = _BY_OUTCOME[part.outcome]
    signal = part.signal
    name = signal.name or signal.kind.value
    found = [
        line(f"{guard.guard}: {'passed' if guard.passed else 'did not pass'}", guard.because) for guard in part.guards
    ]
    again = f"Steward looks at it again at {moment(part.reconsider_at)}." if part.reconsider_at else None
    final = (
        "Final for this incident: Steward does nothing about it by itself." if part.outcome is Outcome.REFUSE else None
    )
    shown = _filled(
        [
            section("What happened", [line(f"{signal.kind.value} {name}: {signal.state.value}", signal.reason)]),
            section(f"Why Steward {verb}" + (f" {part.runbook}" if part.runbook else ""), map(line, part.reasons)),
            section("What Steward found", found),
            section("What was changed", [line("Nothing was changed.")]),
            section("What comes next", [line(text) for text in (again, final) if text]),
        ]
    )
    return Summary(
        id=f"{signal.id}:{stack.stack}:{part.outcome.value}",
        occasion=occasion,
        severity=severity,
        title=one_line(f"{stack.stack}: Steward {verb} {part.runbook or 'it'} after {name}"),
        stack=stack.stack,
        run_id=part.run_id,
        incident_id=part.incident_id,
        at=now,
        sections=shown,
        commands=_decision_commands(part, stack),
    )


def summarize_incident_escalation(incident: Incident, stack: Stack, now: datetime) -> Summary:
    open_for = duration((now - incident.opened_at).total_seconds())
    facts = [
        line(f"firing: {source.name or source.key}", f"since {moment(source.since)}") for source in incident.firing
    ]
    return Summary(
        id=f"{incident.id}:escalation",
        occasion="escalation",
        severity=Severity.CRITICAL,
        title=one_line(f"{stack.stack}: {incident.title} needs a person, open for {open_for}"),
        stack=stack.stack,
        run_id=incident.run_id,
        incident_id=incident.id,
        at=now,
        sections=_filled(
            [
                section("What happened", [line(incident.title, f"open since {moment(incident.opened_at)}"), *facts]),
                section("Why somebody is called", [line(incident.reason)] if incident.reason else ()),
                section(
                    "What was tried",
                    [line(f"run {run_id}") for run_id in incident.runs] or [line("No run was started.")],
                ),
                section("What comes next", [line("Steward starts nothing more by itself for this incident.")]),
            ]
        ),
        commands=(
            *(_command(f"steward runs show {run_id}", "what this run did and why") for run_id in incident.runs[-3:]),
            _command(f"steward decisions list --stack {stack.stack}", "every decision, with its reasons"),
        ),
    )


def summarize_page(reason: str, now: datetime, *, stacks: Sequence[str] = ()) -> Summary:
    """The one page of the fleet brake (S7): about all stacks, not one."""
    return Summary(
        id=f"{FLEET}:page:{now:%Y%m%dT%H%M}",
        occasion="page",
        severity=Severity.CRITICAL,
        title=one_line(f"Steward holds all automatic runs: {reason}"),
        stack=FLEET,
        at=now,
        sections=_filled(
            [
                section("What happened", [line(reason)]),
                section("Stacks that fire", map(line, stacks)),
                section("What was changed", [line("Nothing was changed.")]),
                section("What comes next", [line("Runs that were held are looked at again when the brake lets go.")]),
            ]
        ),
        commands=(
            _command("steward now", "what runs now and what was changed in the last day"),
            _command('steward stop --reason "…"', "stop everything, whatever the brake says"),
        ),
    )


def _severity(run: Run, occasion: str) -> Severity:
    if occasion in {"approval", "suggestion"}:
        return Severity.WARNING
    if occasion == "start":
        return Severity.INFO
    if run.needs_person:
        return Severity.CRITICAL
    if run.verdict:
        return _BY_VERDICT[run.verdict]
    return Severity.INFO if run.status is RunStatus.FINISHED else Severity.WARNING


def _title(
    run: Run, steps: Sequence[StepRecord], incident: Incident | None, stack: Stack, occasion: str, now: datetime
) -> str:
    trouble = (incident.title if incident else run.runbook.title).removeprefix(f"{stack.stack}: ")
    if occasion != "end":
        words = {
            "start": "runbook {} started",
            "approval": "runbook {} needs an approval",
            "suggestion": "Steward suggests {}",
        }
        return one_line(f"{stack.stack}: {trouble}, {words[occasion].format(run.runbook.runbook)}")
    if run.mode is not Mode.LIVE:
        return one_line(f"{stack.stack}: {trouble}, planned {run.runbook.runbook}, nothing changed")
    done = done_in_words([change for change, _ in changes_in(steps, ChangeState.DONE, ChangeState.STARTED)])
    ended = (run.verdict or run.status).value.replace("_", " ")
    began = incident.opened_at if incident else run.created_at
    joint = "in" if run.verdict is Verdict.VERIFIED else "after"
    return one_line(f"{stack.stack}: {trouble}, {done}, {ended} {joint} {took(run, began, now)}")


def _run_sections(
    run: Run, steps: Sequence[StepRecord], incident: Incident | None, occasion: str, approval: Approval | None
) -> list[Section]:
    begin = [sections.what_happened(run, incident), sections.what_steward_found(run, steps)]
    if occasion == "start":
        return [*begin, sections.what_comes_next(run, None)]
    if occasion in {"approval", "suggestion"} or run.mode is not Mode.LIVE:
        return [*begin, sections.what_would_change(run, steps), sections.what_comes_next(run, approval)]
    return [
        *begin,
        sections.what_was_changed(run, steps),
        sections.how_it_was_verified(run),
        sections.what_to_write_back(steps),
        sections.what_is_half_done(run, steps),
        sections.what_comes_next(run, None),
    ]


def _run_commands(
    run: Run, steps: Sequence[StepRecord], stack: Stack, occasion: str, approval: Approval | None
) -> tuple[Line, ...]:
    commands = [_command(f"steward runs show {run.id}", "every move, probe and Change of this run")]
    if approval:
        commands.append(
            _command(
                f'steward runs approve {run.id} --hash {approval.plan_hash[:12]} --reason "…"',
                "approve exactly this plan",
            )
        )
        commands.append(_command(f'steward runs reject {run.id} --reason "…"', "end the run, nothing is changed"))
    if occasion == "suggestion":
        commands.append(
            _command(f"steward run {run.runbook.runbook} --stack {stack.stack} --plan", "plan it again, now")
        )
        commands.append(_command(f"steward run {run.runbook.runbook} --stack {stack.stack}", "do it"))
    if any(change.undo for change, _ in changes_in(steps, ChangeState.DONE)):
        commands.append(_command(f"steward runs undo {run.id} --plan", "what putting it back would change"))
    if run.status.is_live and not approval and occasion != "suggestion":
        commands.append(
            _command(f'steward runs cancel {run.id} --reason "…"', "end this run after the Change in flight")
        )
    if run.mode is Mode.LIVE:
        commands.append(_command(f'steward stop --stack {stack.stack} --reason "…"', "no more runs on this stack"))
    return tuple(commands)


def _decision_commands(part: SignalDecision, stack: Stack) -> tuple[Line, ...]:
    commands = [_command(f"steward decisions list --stack {stack.stack}", "every decision, with its reasons")]
    if part.run_id:
        commands.append(_command(f"steward runs show {part.run_id}", "the run and its plan"))
    if part.runbook and part.outcome in {Outcome.SUGGEST, Outcome.HOLD, Outcome.REFUSE}:
        commands.append(
            _command(f"steward run {part.runbook} --stack {stack.stack} --plan", "what it would change, now")
        )
    return tuple(commands)


def _command(text: str, what: str) -> Line:
    return Line(text=one_line(text, 300), detail=what)


def _filled(all_sections: Sequence[Section]) -> tuple[Section, ...]:
    return tuple(part for part in all_sections if part.lines)
