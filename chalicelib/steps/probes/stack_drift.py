"""stack.drift: what is no longer as Steward left it, and what others changed on the stack lately (S13)."""

from collections.abc import Iterable

from chalicelib.models.left import LeftChange, Stands
from chalicelib.models.shape import Shape
from chalicelib.models.words import Duration, Utc
from chalicelib.steps.blindness import unseen
from chalicelib.steps.probes.cloudtrail_recent_changes import ChangesParams, RecentChange, RecentChanges
from chalicelib.steps.step import Output, Params, Probe, StepContext

_ITSELF = ("AWSServiceRoleFor", ".amazonaws.com")
"""AWS at work on the owner's behalf, like Application Auto Scaling: that is the owner's will and no drift."""
_MOST = 10


class DriftParams(Params):
    within: Duration = 24 * 3600
    """How far back changes by others are told."""


class Drifted(Shape):
    what: str
    run: str
    at: Utc
    """When Steward changed it."""
    sentence: str
    now: str
    by: str | None = None
    """Who touched the resource last since then, as far as CloudTrail says."""


class DriftOutput(Output):
    skipped: str | None = None
    unread: tuple[str, ...] = ()
    """What could not be looked at, and why."""
    checked: int = 0
    reverted: tuple[Drifted, ...] = ()
    """As it was before Steward changed it."""
    differs: tuple[Drifted, ...] = ()
    """Neither as it was nor as Steward left it."""
    outside: tuple[RecentChange, ...] = ()
    """By others than Steward, newest first."""


class Drift(Probe[DriftParams, DriftOutput]):
    """What Steward changed and somebody reverted or changed again, and what was changed past Steward.

    ```yaml
    - id: drift
      do: stack.drift
      with: {within: 12h}
    ```
    """

    name = "stack.drift"
    Params = DriftParams
    Output = DriftOutput
    permissions = RecentChanges.permissions
    """What it looks at besides, the actions that made it look at, each with its own rights to read (S21)."""

    def read(self, ctx: StepContext, params: DriftParams) -> DriftOutput:
        left = ctx.left_changes()
        told = RecentChanges().read(ctx, ChangesParams.model_validate({"within": f"{params.within}s", "limit": 50}))
        blind = [f"{each.what}: {each.detail}" for each in left if each.stands is Stands.UNKNOWN]
        blind += [f"cloudtrail.recent_changes: {told.skipped}"] if told.skipped else []
        outside = [change for change in told.changes if _is_somebody_else_s(change)]
        nothing = bool(blind) and told.skipped is not None and len(blind) == len(left) + 1
        return DriftOutput(
            skipped=unseen("; ".join(blind)) if nothing else None,
            unread=tuple(blind),
            checked=sum(each.stands is not Stands.UNKNOWN for each in left),
            reverted=_drifted(left, Stands.REVERTED, outside),
            differs=_drifted(left, Stands.DIFFERS, outside),
            outside=tuple(outside[:_MOST]),
        )


def _is_somebody_else_s(change: RecentChange) -> bool:
    refused = change.error is not None
    return not (refused or change.says_steward or any(each in change.by for each in _ITSELF))


def _drifted(left: Iterable[LeftChange], stands: Stands, outside: list[RecentChange]) -> tuple[Drifted, ...]:
    return tuple(
        Drifted(
            what=each.what,
            run=each.run_id,
            at=each.at,
            sentence=each.sentence,
            now=each.detail,
            by=next((change.by for change in outside if change.at >= each.at and _is_about(change, each)), None),
        )
        for each in left
        if each.stands is stands
    )


def _is_about(change: RecentChange, left: LeftChange) -> bool:
    return any(left.resource.endswith((f"/{name}", f":{name}")) or left.resource == name for name in change.touched)
