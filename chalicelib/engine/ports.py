"""What the executor needs from the rooms below it. Built once by wiring; twins in tests and sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.models.words import Risk

if TYPE_CHECKING:  # what the rooms below are made of is loaded by wiring, when it is first needed
    from collections.abc import Callable, Mapping

    from chalicelib.aws.sessions import Sessions
    from chalicelib.models.stack import Stack
    from chalicelib.net.http import HttpPort
    from chalicelib.steps.judging import Check
    from chalicelib.steps.senses import Senses
    from chalicelib.steps.step import Action, Probe
    from chalicelib.store.approvals import Approvals
    from chalicelib.store.history import History
    from chalicelib.store.incidents import Incidents
    from chalicelib.store.ledgers import Ledgers
    from chalicelib.store.runs import Runs


def _blind() -> Senses:
    from chalicelib.steps.senses import Senses

    return Senses()


@dataclass(frozen=True)
class Ports:
    runs: Runs
    approvals: Approvals
    ledgers: Ledgers
    incidents: Incidents
    history: History
    stacks: Mapping[str, Stack]
    probes: Mapping[str, Probe[Any, Any]]
    actions: Mapping[str, Action[Any]]
    checks: Mapping[str, Check]
    sessions: Sessions
    http: HttpPort
    jitter: Callable[[], float]
    """0 to 1; spreads retries. Random in Lambda, seeded in the sandbox."""
    senses: Senses = field(default_factory=_blind)
    """What probes need beyond AWS and HTTP: logins, knowledge."""
    lease_s: int = 360
    """Longer than one Advance can live: function time-out (300 s) and a minute (S31)."""

    @property
    def risks(self) -> dict[str, Risk]:
        return {name: action.risk for name, action in self.actions.items()}

    @property
    def high_risk(self) -> frozenset[str]:
        return frozenset(name for name, risk in self.risks.items() if risk is Risk.HIGH)
