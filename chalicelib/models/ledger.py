"""Ledger: one stack's guard state. Fleet: the same for the whole account (S7).

Admission is one conditional write on the Ledger, after a reservation in the Fleet that expires by
itself: a crash between the two blocks nothing for longer than the reservation lives.
"""

from typing import Any

from pydantic import Field

from chalicelib.models.shape import Shape
from chalicelib.models.words import Autonomy, Utc


class Stop(Shape):
    by: str
    reason: str
    at: Utc | None = None


class Freeze(Shape):
    by: str
    reason: str
    until: Utc


class Slot(Shape):
    """The one active run of a stack; owner is the run id and only its owner releases it."""

    run_id: str
    runbook: str
    since: Utc
    planned: bool = False
    """Planned work: an expected-outage window is open for as long as it has the slot."""


class Start(Shape):
    run_id: str
    runbook: str
    at: Utc
    automatic: bool = True
    """People's starts are kept too, so that the same request is not admitted twice, but not counted."""


class Outgoing(Shape):
    """A run that was admitted and still has to be made and started; idempotent by run id."""

    run_id: str
    runbook: str
    event_id: str
    admitted_at: Utc
    request: dict[str, Any] = Field(default_factory=dict)


class Ledger(Shape):
    stack: str
    active: tuple[Slot, ...] = ()
    starts: tuple[Start, ...] = ()
    """Recent starts, newest last; older than the longest `maxRuns.per` they are dropped."""
    cooldowns: dict[str, Utc] = Field(default_factory=dict)
    """Runbook to the time before which it may not start again."""
    freezes: tuple[Freeze, ...] = ()
    outbox: tuple[Outgoing, ...] = ()
    stop: Stop | None = None
    version: int = 0


class Reservation(Shape):
    run_id: str
    stack: str
    until: Utc


class Trouble(Shape):
    stack: str
    at: Utc


class OpenIssue(Shape):
    event: str
    """The ARN of the event, the same when it is told again or closed."""
    said: str
    at: Utc
    """When it was last heard of."""
    region: str | None = None
    """None: of a global service, or noted before regions were: it is everybody's."""

    def is_of(self, region: str | None) -> bool:
        """Who names no region is held by all."""
        return region is None or self.region is None or self.region == region


class Fleet(Shape):
    active: tuple[Reservation, ...] = ()
    firing: tuple[Trouble, ...] = ()
    """Which stacks fired lately: the fleet brake counts them."""
    failed: tuple[Trouble, ...] = ()
    """Verdicts `failed` lately."""
    health_events: tuple[OpenIssue, ...] = ()
    """Of AWS Health, in the stacks' regions."""
    freezes: tuple[Freeze, ...] = ()
    stop: Stop | None = None
    paged_at: Utc | None = None
    version: int = 0


class FleetLimits(Shape):
    max_concurrent: int = 3
    brake_stacks: int = 3
    brake_share: float = 0.3
    brake_within_s: int = 600
    max_failed: int = 3
    failed_within_s: int = 6 * 3600
    stacks: int = 1
    """How many stacks there are; the share is counted against it."""


class AdmissionRequest(Shape):
    run_id: str
    stack: str
    region: str | None = None
    """The stack's: trouble that AWS has in another holds it not (S7)."""
    runbook: str
    event_id: str
    automatic: bool
    """People are not held by cooldown and runs-per-time; they are by stop, one-run and limits."""
    autonomy: Autonomy
    acts: bool
    """False for plans, suggestions and probe-only runs: they take no slot."""
    only_plans: bool = False
    """A plan that a person asked for: it cannot change anything, so a stop does not hold it (S8)."""
    planned: bool = False
    cooldown_s: int
    max_runs: int
    max_runs_per_s: int
    run: dict[str, Any] = Field(default_factory=dict)
    """What the Run is made of, kept in the outbox until it exists."""
