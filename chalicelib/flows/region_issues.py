"""S7: while AWS Health has an open issue in a region of ours, automatic runs hold. This is who tells the fleet's brake.

Only what EventBridge itself delivers, of the account and region of one of the stacks (S2), and only what is the
region's: one instance's own retirement is no reason to hold everything.
"""

import re
from datetime import datetime

from chalicelib.flows.parts import Parts
from chalicelib.guards.fleet import issue_closed, issue_opened
from chalicelib.models.ledger import OpenIssue
from chalicelib.models.signal import Signal, SignalKind, SignalState

_OF_A_SERVICE = "_OPERATIONAL_ISSUE"
"""How AWS ends the codes of what befalls a service in a region, whoever uses it."""
_REGION = re.compile(r"arn:[a-z-]+:health:(?P<region>[a-z]+(-[a-z]+)+-[0-9]+):", re.ASCII)


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
        region = _region_of(event)
        said = f"{signal.name or 'an issue'} in {region or 'all regions'}"
        issue = OpenIssue(event=event, said=said, at=now, region=region)
        parts.engine.ledgers.update_fleet(lambda fleet: (issue_opened(fleet, issue), None))


def _region_of(event: str) -> str | None:
    """By the issue's own ARN: EventBridge delivers what befalls one region, or a global service, in others too.
    None, where that names no region, is everybody's."""
    found = _REGION.match(event)
    return found["region"] if found else None


def _is_regions_own(signal: Signal) -> bool:
    return signal.facts.get("scope") == "PUBLIC" or (signal.name or "").endswith(_OF_A_SERVICE)


def _is_of_ours(parts: Parts, signal: Signal) -> bool:
    if signal.source != "eventbridge" or signal.account is None:
        return False
    places = {(stack.account or parts.own_account, stack.region) for stack in parts.engine.stacks.values()}
    return (signal.account, signal.region) in places
