"""Slack calls: a button names a request and a person; only a person whom the configuration knows can answer it.

Signed by Slack over the raw body, within five minutes, and each signature is good once (S27, S28). Somebody
who is not mapped to a principal is told how to answer as himself.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import HttpFailure, SignalRejected, StewardError, StoreError
from chalicelib.flows import approve as approving
from chalicelib.flows.api.calls import Answered
from chalicelib.flows.ingest import conclude
from chalicelib.flows.parts import Parts
from chalicelib.flows.slack_words import answer_yourself, asked_by_button, link_to, response_address, standing, told
from chalicelib.flows.webhook import MOST_BODY, Knock
from chalicelib.flows.webhook_refusal import Refusal, record
from chalicelib.guards import webhook as guard
from chalicelib.guards.roles import Role
from chalicelib.models.audit import AuditEntry
from chalicelib.models.decision import Decision, Outcome, SignalDecision
from chalicelib.models.problem import Rejected
from chalicelib.models.run import Run
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.models.webhook import Source, WebhookCredential
from chalicelib.net.http import HttpRequest
from chalicelib.notify.slack_blocks import REJECT
from chalicelib.redact import redact
from chalicelib.signals.origin import Arrival
from chalicelib.signals.slack import read_slack

SLACK_HOSTS = ("hooks.slack.com",)


@dataclass(frozen=True)
class _Heard:
    parts: Parts
    knock: Knock
    name: str
    credential: WebhookCredential
    signal: Signal
    event_id: str

    @property
    def principal(self) -> str | None:
        """The person's own identity, which the configuration ties to the Slack account (S27)."""
        team, user = self.signal.facts.get("team"), self.signal.facts.get("principal")
        return self.credential.people.get(f"{team}/{user}")


def take_slack(parts: Parts, knock: Knock) -> Answered:
    """Raises Rejected with the status that says what is wrong."""
    name = _signer(parts, knock)
    event_id = f"slack-{hashlib.sha256(_signature(knock).encode()).hexdigest()[:40]}"
    try:
        (signal,) = read_slack(knock.body.decode(), Arrival(parts.clock.now(), "api", event_id))
    except (SignalRejected, UnicodeDecodeError) as error:
        raise _refused(parts, knock, name, str(error), 400) from error
    claim = parts.decisions.receive(event_id, parts.clock.now())
    if not claim.is_ours:
        raise _refused(parts, knock, name, "it was heard before: a signature is good once", 409)
    heard = _Heard(parts, knock, name, parts.webhooks[name], signal, event_id)
    text, outcome = _command(heard) if signal.kind is SignalKind.SLACK_COMMAND else _button(heard)
    _concluded(heard, claim.decision, text, outcome)
    if signal.kind is SignalKind.SLACK_COMMAND:
        return Answered(told(text))
    _tell(heard, text)
    return Answered({})


def _signature(knock: Knock) -> str:
    return f"{knock.headers.get(guard.SLACK_TIMESTAMP)}:{knock.headers.get(guard.SLACK_SIGNATURE)}"


def _signer(parts: Parts, knock: Knock) -> str:
    if len(knock.body) > MOST_BODY:
        raise _refused(parts, knock, None, f"the body has more than {MOST_BODY} bytes", 413)
    mine = {name: one for name, one in parts.webhooks.items() if one.source is Source.SLACK}
    signed = bool(knock.headers.get(guard.SLACK_SIGNATURE))
    pairs = {name: parts.secret_pair(one.secret) for name, one in mine.items()} if signed else {}
    name, why = guard.slack_signer(knock.body, knock.headers, pairs, parts.clock.now())
    if name is None:
        raise _refused(parts, knock, None, why, 401)
    return name


def _button(heard: _Heard) -> tuple[str, Outcome]:
    asked = asked_by_button(heard.signal)
    run = heard.parts.engine.runs.get(asked.run_id) if asked else None
    if asked is None or run is None:
        return "That button asks for nothing that Steward knows.", Outcome.INVALID
    if run.stack not in heard.credential.stacks:
        return f"This workspace may not speak for the stack of run {run.id}.", Outcome.INVALID
    principal = heard.principal
    role = heard.parts.roles.role_of(principal) if principal else None
    if principal is None or role is None or not role.covers(Role.APPROVER):
        who = "You are nobody that Steward knows here" if principal is None else f"You are {role or 'nobody'} here"
        return f"{who}; answer as yourself. {answer_yourself(run, asked)}", Outcome.REFUSE
    approve = asked.action != REJECT
    return _answer(heard, run, principal, role, approve, asked.plan_hash)


def _answer(heard: _Heard, run: Run, principal: str, role: Role, approve: bool, plan_hash: str) -> tuple[str, Outcome]:
    """In the audit trail before it is carried out, like every call that changes something."""
    parts = heard.parts
    what = f"slack button {'approve' if approve else 'reject'}"
    entry = parts.audit.begin(
        AuditEntry(
            request_id=heard.event_id,
            at=parts.clock.now(),
            principal=principal,
            role=role.value,
            what=what,
            target=run.id,
        )
    )
    try:
        approval = approving.answer(
            parts, run.id, approve=approve, by=principal, reason=f"by {what} of {heard.name}", plan_hash=plan_hash
        )
    except StoreError:
        raise
    except StewardError as error:
        said = str(redact(str(error)))
        parts.audit.end(entry, 409, said)
        return f"Not done: {said}", Outcome.REFUSE
    done = f"{approval.state.value} plan {approval.plan_hash[:12]} of run {run.id}"
    parts.audit.end(entry, 200, done)
    return f"{done}, as {principal}", Outcome.IGNORE


def _command(heard: _Heard) -> tuple[str, Outcome]:
    """Commands only tell, and only to people whom the configuration knows."""
    if heard.principal is None or heard.parts.roles.role_of(heard.principal) is None:
        return "You are nobody that Steward knows here.", Outcome.REFUSE
    return standing(heard.parts, heard.credential.stacks), Outcome.IGNORE


def _concluded(heard: _Heard, decision: Decision, text: str, outcome: Outcome) -> None:
    part = SignalDecision(signal=heard.signal, outcome=outcome, reasons=(text,))
    by = heard.principal or f"slack:{heard.signal.facts.get('team')}/{heard.signal.facts.get('principal')}"
    conclude(heard.parts, decision.model_copy(update={"principal": by}), (part,), heard.parts.clock.now())


def _tell(heard: _Heard, text: str) -> None:
    """To the person alone, over the address that Slack gave. What cannot be told stands in the record."""
    address = response_address(heard.knock.body)
    if address is None:
        return
    body = json.dumps(told(text, link_to(asked_by_button(heard.signal), heard.knock.address))).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    request = HttpRequest("POST", address, headers, body, timeout_s=2.0, max_bytes=4096, allow_hosts=SLACK_HOSTS)
    try:
        heard.parts.engine.http.ask(request)
    except HttpFailure as failure:
        heard.parts.telemetry.note("Slack was not told", event=heard.event_id, error=failure.kind)


def _refused(parts: Parts, knock: Knock, name: str | None, why: str, status: int) -> Rejected:
    content: Any = [why, _signature(knock)]
    refusal = Refusal(knock.source.value, why, status, credential=name, content=content)
    record(parts, refusal)
    return refusal.as_rejected()
