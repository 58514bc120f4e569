"""Tells people: one summary an occasion, to the channels that stack and severity name.

At least once: a crash between sending and recording may say it twice, never not at all. A channel
that fails is recorded and holds nothing.
"""

from datetime import datetime

from chalicelib.engine.journal import Journal, Note
from chalicelib.engine.planning import index_of
from chalicelib.flows import measure
from chalicelib.flows.parts import Parts
from chalicelib.flows.protection import in_words
from chalicelib.models.decision import SignalDecision
from chalicelib.models.incident import Incident
from chalicelib.models.run import Mode, Run, RunStatus
from chalicelib.models.stack import Stack
from chalicelib.models.summary import Delivery, Summary
from chalicelib.notify.compose import summarize_decision, summarize_incident_escalation, summarize_page, summarize_run
from chalicelib.notify.deliver import channels_for, deliver
from chalicelib.notify.inert import one_line


def tell_what_is_due(parts: Parts, run: Run, now: datetime) -> Run:
    """Start and approval are told as soon as the run's state says so, and recorded on the run."""
    due = []
    if run.status is not RunStatus.ADMITTED and run.status.is_live and "start" in run.runbook.tell.on:
        due.append(("start", "start"))
    if run.status is RunStatus.AWAITING_APPROVAL and "approval" in run.runbook.tell.on:
        due.append((f"approval-{run.approvals}", "approval"))
    fresh = [(mark, occasion) for mark, occasion in due if mark not in run.told]
    if not fresh:
        return run
    notes = [note for _, occasion in fresh for note in tell_of_run(parts, run, occasion, now)]
    told = (*run.told, *(mark for mark, _ in fresh))
    return Journal(parts.engine.runs).save(run, now, notes, told=told)


def tell_the_end(parts: Parts, run: Run, now: datetime) -> Run:
    notes = tell_of_run(parts, run, "end", now)
    return Journal(parts.engine.runs).save(run, now, notes) if notes else run


def summary_of(parts: Parts, run: Run, occasion: str, now: datetime) -> Summary:
    records = sorted(parts.engine.runs.steps(run.id), key=lambda record: index_of(run.runbook, record.id))
    incident = parts.engine.incidents.get(run.incident_id) if run.incident_id else None
    approval = parts.engine.approvals.current(run.id) if run.approvals else None
    backed_up = in_words(parts, run.stack, now)
    return summarize_run(run, records, incident, parts.engine.stacks[run.stack], occasion, now, approval, backed_up)


def tell_of_run(parts: Parts, run: Run, occasion: str, now: datetime) -> list[Note]:
    """Sends, and returns what became of it as lines for the run's timeline."""
    if run.mode in {Mode.SHADOW, Mode.PLAN}:  # recorded, told to nobody: whoever asked reads the answer
        return []
    escalates = occasion == "end" and run.needs_person
    if occasion not in run.runbook.tell.on and not escalates:
        return []
    stack = parts.engine.stacks[run.stack]
    deliveries = _send(parts, summary_of(parts, run, occasion, now), stack, run.runbook.tell.channels)
    return [
        ("told", f"{occasion}: {d.channel}", {"attempts": d.attempts})
        if d.ok
        else ("not_told", f"{occasion}: {d.channel} did not take it: {d.error}", {"attempts": d.attempts})
        for d in deliveries
    ]


def tell_again(parts: Parts, run: Run, what: str, mark: str, now: datetime) -> None:
    """The question of an approval once more: before it expires, or because it was handed on."""
    if run.mode in {Mode.SHADOW, Mode.PLAN} or run.stack not in parts.engine.stacks:
        return
    asked = summary_of(parts, run, "approval", now)
    title = one_line(f"{what}: {asked.title}", 200)
    summary = asked.model_copy(update={"id": f"{asked.id}:{mark}", "title": title})
    _send(parts, summary, parts.engine.stacks[run.stack], run.runbook.tell.channels)


def tell_of_decision(parts: Parts, part: SignalDecision, stack: Stack, now: datetime) -> None:
    _send(parts, summarize_decision(part, stack, now), stack, "default")


def tell_of_incident(parts: Parts, incident: Incident, stack: Stack, now: datetime) -> None:
    _send(parts, summarize_incident_escalation(incident, stack, now), stack, "default")


def tell_of_brake(parts: Parts, reason: str, stack: Stack, now: datetime) -> None:
    _send(parts, summarize_page(reason, now, stacks=(stack.stack,)), stack, "critical")


def _send(parts: Parts, summary: Summary, stack: Stack, tell: str) -> tuple[Delivery, ...]:
    names = channels_for(stack, summary.severity, tell)
    deliveries = deliver(summary, parts.channels, names, wait=parts.pause, jitter=parts.engine.jitter)
    for delivery in deliveries:
        measure.delivered(parts.telemetry, summary.occasion, delivery)
    return deliveries
