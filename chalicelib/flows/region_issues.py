"""S7: while AWS Health has an open issue in a region of ours, automatic runs hold. This is who tells the fleet's brake.

Only what EventBridge itself delivers, of the account and region of one of the stacks (S2), and only what is the
region's: one instance's own retirement is no reason to hold everything.
"""

from datetime import datetime

from chalicelib.flows.parts import Parts
from chalicelib.guards.fleet import issue_closed, issue_opened
from chalicelib.models.ledger import OpenIssue
from chalicelib.models.signal import Signal, SignalKind, SignalState

_OF_A_SERVICE = "_OPERATIONAL_ISSUE"
"""How AWS ends the codes of what befalls a service in a region, whoever uses it."""


def note_issue(parts: Parts, signal: Signal, now: datetime) -> None:
    """The same event again changes nothing."""
    event = signal.facts.get("event_arn")
    if signal.kind is not SignalKind.HEALTH or not isinstance(event, str) or not _is_regions_own(signal):
        return
    if not _is_of_ours(parts, signal):
        return
    if signal.state is SignalState.RESOLVED:
        parts.engine.ledgers.update_fleet(lambda fleet: (issue_closed(fleet, event), None))
    elif signal.state is SignalState.FIRING:
        issue = OpenIssue(event=event, said=f"{signal.name or 'an issue'} in {signal.region}", at=now)
        parts.engine.ledgers.update_fleet(lambda fleet: (issue_opened(fleet, issue), None))


def _is_regions_own(signal: Signal) -> bool:
    return signal.facts.get("scope") == "PUBLIC" or (signal.name or "").endswith(_OF_A_SERVICE)


def _is_of_ours(parts: Parts, signal: Signal) -> bool:
    if signal.source != "eventbridge" or signal.account is None:
        return False
    places = {(stack.account or parts.own_account, stack.region) for stack in parts.engine.stacks.values()}
    return (signal.account, signal.region) in places
