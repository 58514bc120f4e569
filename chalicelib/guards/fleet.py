"""The fleet's guards (S7): how many runs at once, and the brake when trouble is not one stack's own.

A reservation is made before the stack's admission and expires by itself, so that a crash between the
two blocks nothing for longer than it lives. People are held by limits and stop, not by the brake.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.guards.results import all_pass, passes, refuses
from chalicelib.guards.stop import not_frozen, not_stopped
from chalicelib.models.decision import GuardResult
from chalicelib.models.ledger import AdmissionRequest, Fleet, FleetLimits, OpenIssue, Reservation, Trouble

RESERVED_S = 3600
LEAST_STACKS = 2
"""A share alone would let one stack of three brake the fleet, which is to say: itself."""
_REMEMBERED = timedelta(days=7)
_ISSUE_LASTS = timedelta(days=1)
"""AWS tells of an open issue again with every update; an end that was never delivered must not hold for ever."""
_EPISODE_OVER = timedelta(hours=1)


@dataclass(frozen=True)
class FleetAdmission:
    fleet: Fleet | None
    """To be written; None when a guard refused."""
    results: tuple[GuardResult, ...]

    @property
    def admitted(self) -> bool:
        return self.fleet is not None


def reserve(
    fleet: Fleet, request: AdmissionRequest, limits: FleetLimits, now: datetime, ttl_s: int = RESERVED_S
) -> FleetAdmission:
    """Idempotent by run id: asking again for the same run renews its reservation."""
    fleet = prune(fleet, now)
    held = request.automatic and request.acts
    by_person = "asked for by a person, or only looks"
    results = (
        not_stopped(fleet.stop, "all stacks", only_plans=request.only_plans),
        not_frozen(fleet.freezes, "all stacks", now, automatic=held),
        _below_max_concurrent(fleet, request, limits),
        brake(fleet, limits, now, request.region) if held else passes("fleet_brake", by_person),
        _few_failures(fleet, limits, now) if held else passes("failed_verdicts", by_person),
    )
    if not all_pass(results):
        return FleetAdmission(None, results)
    if held and not fleet.health_events:  # one in another region brakes on there, and was paged
        fleet = fleet.model_copy(update={"paged_at": None})  # not braking any more: the next episode pages again
    if request.acts:
        mine = Reservation(run_id=request.run_id, stack=request.stack, until=now + timedelta(seconds=ttl_s))
        fleet = fleet.model_copy(update={"active": (*free(fleet, request.run_id).active, mine)})
    return FleetAdmission(fleet, results)


def free(fleet: Fleet, run_id: str) -> Fleet:
    left = tuple(reservation for reservation in fleet.active if reservation.run_id != run_id)
    return fleet if left == fleet.active else fleet.model_copy(update={"active": left})


def note_firing(fleet: Fleet, stack: str, now: datetime) -> Fleet:
    """One entry a stack, its latest: a stack that flaps is still one stack."""
    others = tuple(trouble for trouble in fleet.firing if trouble.stack != stack)
    is_new_episode = all(now - trouble.at > _EPISODE_OVER for trouble in fleet.firing)
    paged_at = None if is_new_episode else fleet.paged_at
    return fleet.model_copy(update={"firing": (*others, Trouble(stack=stack, at=now)), "paged_at": paged_at})


def note_failed(fleet: Fleet, stack: str, at: datetime) -> Fleet:
    """`at` is when the run ended, the same at every repetition, so one failure counts once."""
    failure = Trouble(stack=stack, at=at)
    return fleet if failure in fleet.failed else fleet.model_copy(update={"failed": (*fleet.failed, failure)})


def issue_opened(fleet: Fleet, issue: OpenIssue) -> Fleet:
    others = tuple(one for one in fleet.health_events if one.event != issue.event)
    is_new_place = all(one.region != issue.region for one in fleet.health_events)
    paged_at = None if is_new_place else fleet.paged_at  # other stacks are held now: people hear of that too
    return fleet.model_copy(update={"health_events": (*others, issue), "paged_at": paged_at})


def issue_closed(fleet: Fleet, event: str) -> Fleet:
    left = tuple(one for one in fleet.health_events if one.event != event)
    return fleet if left == fleet.health_events else fleet.model_copy(update={"health_events": left})


def prune(fleet: Fleet, now: datetime) -> Fleet:
    return fleet.model_copy(
        update={
            "active": tuple(reservation for reservation in fleet.active if reservation.until > now),
            "firing": tuple(trouble for trouble in fleet.firing if now - trouble.at < _REMEMBERED),
            "failed": tuple(trouble for trouble in fleet.failed if now - trouble.at < _REMEMBERED),
            "freezes": tuple(freeze for freeze in fleet.freezes if freeze.until > now),
            "health_events": tuple(issue for issue in fleet.health_events if now - issue.at < _ISSUE_LASTS),
        }
    )


def brake(fleet: Fleet, limits: FleetLimits, now: datetime, region: str | None = None) -> GuardResult:
    """Trouble on many stacks at once is the region's or our own: acting on each would make it worse."""
    issues = [issue for issue in fleet.health_events if issue.is_of(region)]
    if issues:
        said = ", ".join(issue.said for issue in issues)
        return refuses("fleet_brake", f"AWS Health has an open event: {said}")
    within = timedelta(seconds=limits.brake_within_s)
    latest: dict[str, datetime] = {}
    for trouble in fleet.firing:
        latest[trouble.stack] = max(trouble.at, latest.get(trouble.stack, trouble.at))
    recent = sorted(moment for moment in latest.values() if now - moment < within)
    said = f"{len(recent)} of {limits.stacks} stacks fired within {limits.brake_within_s} s"
    if not _brakes(len(recent), limits):
        return passes("fleet_brake", said)
    # Each of the oldest leaves the window in turn; the first after which it holds no longer is when.
    leaving = next(n for n in range(1, len(recent) + 1) if not _brakes(len(recent) - n, limits))
    return refuses("fleet_brake", f"{said}: this is not one stack's own trouble", recent[leaving - 1] + within)


def _brakes(stacks: int, limits: FleetLimits) -> bool:
    # The comparison allows for 0.3 x 10 being a little more than 3 in floating point.
    is_large_share = stacks >= LEAST_STACKS and stacks >= limits.brake_share * limits.stacks - 1e-9
    return stacks > 0 and (stacks >= limits.brake_stacks or is_large_share)


def _below_max_concurrent(fleet: Fleet, request: AdmissionRequest, limits: FleetLimits) -> GuardResult:
    if not request.acts:
        return passes("fleet_limit", "it only looks")
    others = sorted(reservation.until for reservation in free(fleet, request.run_id).active)
    said = f"{len(others)} other runs are active in all; {limits.max_concurrent} may be at once"
    if len(others) < limits.max_concurrent:
        return passes("fleet_limit", said)
    if limits.max_concurrent < 1:
        return refuses("fleet_limit", said)
    return refuses("fleet_limit", said, others[len(others) - limits.max_concurrent])


def _few_failures(fleet: Fleet, limits: FleetLimits, now: datetime) -> GuardResult:
    within = timedelta(seconds=limits.failed_within_s)
    times = sorted(trouble.at for trouble in fleet.failed if now - trouble.at < within)
    said = f"{len(times)} runs failed within {limits.failed_within_s} s"
    if len(times) < limits.max_failed:
        return passes("failed_verdicts", said)
    if limits.max_failed < 1:
        return refuses("failed_verdicts", f"{said}; no limit above zero is set")
    retry_at = times[len(times) - limits.max_failed] + within
    return refuses("failed_verdicts", f"{said}: what we do does not help; a person should look", retry_at)
