"""cloudwatch.alarm_state: how the incident's alarms stand, and whether OK only means no data."""

from pydantic import Field

from chalicelib.aws.cloudwatch import Alarm
from chalicelib.models.shape import Shape
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Utc
from chalicelib.steps.step import Output, Params, Probe, StepContext

_TEXT = 300


class AlarmParams(Params):
    names: tuple[str, ...] | None = Field(default=None, max_length=20)
    """Without it: the alarms that fire in this incident."""


class AlarmView(Shape):
    name: str
    state: str
    reason: str
    changed_at: Utc | None
    for_want_of_data: bool
    """It is not in ALARM, but nothing was measured that says so (S5)."""


class AlarmOutput(Output):
    asked: int
    firing: int
    for_want_of_data: int
    missing: tuple[str, ...]
    """Asked about and not there."""
    alarms: tuple[AlarmView, ...]


class AlarmState(Probe[AlarmParams, AlarmOutput]):
    """The state of the alarms, as CloudWatch says it now.

    ```yaml
    - id: alarm
      do: cloudwatch.alarm_state
      with: {names: [mlflow-unhealthy-hosts]}
    ```
    """

    name = "cloudwatch.alarm_state"
    Params = AlarmParams
    Output = AlarmOutput
    permissions = (
        Permission(
            action="cloudwatch:DescribeAlarms",
            resource="arn:{partition}:cloudwatch:{region}:{account}:alarm:*",
            why="whether the alarm still holds; names are known only when it fires",
        ),
    )

    def read(self, ctx: StepContext, params: AlarmParams) -> AlarmOutput:
        names = tuple(dict.fromkeys(params.names if params.names is not None else ctx.alarms))
        found = ctx.aws.cloudwatch.alarms(names) if names else ()
        views = tuple(_view(alarm) for alarm in found)
        return AlarmOutput(
            asked=len(names),
            firing=sum(view.state == "ALARM" for view in views),
            for_want_of_data=sum(view.for_want_of_data for view in views),
            missing=tuple(sorted(set(names) - {view.name for view in views})),
            alarms=views,
        )


def _view(alarm: Alarm) -> AlarmView:
    return AlarmView(
        name=alarm.name,
        state=alarm.state,
        reason=alarm.reason[:_TEXT],
        changed_at=alarm.changed_at,
        for_want_of_data=is_for_want_of_data(alarm),
    )


def is_for_want_of_data(alarm: Alarm) -> bool:
    if alarm.state == "INSUFFICIENT_DATA":
        return True
    if alarm.state != "OK":
        return False
    # How CloudWatch words a transition that missing data alone decided (TreatMissingData: notBreaching).
    return "no datapoints were received" in alarm.reason or alarm.reason_data.get("recentDatapoints") == []
