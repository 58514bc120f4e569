"""Everything the flows work with, built once by wiring (or by the sandbox with twins)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what the rooms below are made of is loaded by wiring, when it is first needed
    from collections.abc import Callable, Mapping

    from chalicelib.catalog.match import Matcher
    from chalicelib.clock import Clock
    from chalicelib.engine.drivers import Driver
    from chalicelib.engine.ports import Ports
    from chalicelib.guards.roles import Roles
    from chalicelib.models.ledger import FleetLimits
    from chalicelib.models.runbook import Runbook
    from chalicelib.models.webhook import SecretPair, WebhookCredential
    from chalicelib.notify.channels import Channel
    from chalicelib.observability import Telemetry
    from chalicelib.signals.tie import StackKeys
    from chalicelib.store.audit import Audit
    from chalicelib.store.blobs import Blobs
    from chalicelib.store.decisions import Decisions


def _no_secret(name: str) -> SecretPair:
    from chalicelib.errors import AwsNotFound

    raise AwsNotFound("secretsmanager:GetSecretValue", "ResourceNotFoundException", f"nothing here holds {name}")


@dataclass(frozen=True)
class Parts:
    engine: Ports
    decisions: Decisions
    archive: Blobs
    runbooks: Mapping[str, Runbook]
    """As written; `matcher` holds them with their includes in place."""
    matcher: Matcher
    stack_keys: StackKeys
    channels: Mapping[str, Channel]
    driver: Driver
    telemetry: Telemetry
    limits: FleetLimits
    audit: Audit
    roles: Roles
    """Who may do what by the API."""
    own_account: str | None
    """Where stacks live that name no account."""
    clock: Clock
    new_id: Callable[[], str]
    """For events that Steward makes itself."""
    pause: Callable[[float], None] = field(default=lambda _seconds: None)
    """Between attempts to deliver a message."""
    webhooks: Mapping[str, WebhookCredential] = field(default_factory=dict)
    """Credentials by name. None: every webhook is refused."""
    secret_pair: Callable[[str], SecretPair] = field(default=_no_secret)
    """A webhook's secret by its name, current and previous; raises AwsError."""
