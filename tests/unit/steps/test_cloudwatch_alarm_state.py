"""cloudwatch.alarm_state: an alarm that is OK for want of data says so (S5)."""

import pytest

from chalicelib.aws.cloudwatch import Alarm
from chalicelib.steps.probes.cloudwatch_alarm_state import AlarmParams, AlarmState

UNMEASURED = (
    "Threshold Crossed: no datapoints were received for 2 periods"
    " and 2 missing datapoints were treated as [NonBreaching]."
)
MEASURED = "Threshold Crossed: 2 out of the last 2 datapoints [0.0, 0.0] were not greater than the threshold (0.0)."


def alarm(name="unhealthy", state="OK", reason=MEASURED, data=None):
    return Alarm(name, state, reason, data or {}, None, "notBreaching", True)


def read(world, names=None, firing=("unhealthy",)):
    return AlarmState().read(world.ctx(alarms=firing), AlarmParams(names=names))


@pytest.mark.parametrize(
    ("state", "reason", "data", "blind"),
    [
        ("OK", MEASURED, {"recentDatapoints": [0.0, 0.0]}, False),
        ("OK", UNMEASURED, {}, True),
        ("OK", "Threshold Crossed", {"recentDatapoints": []}, True),
        ("INSUFFICIENT_DATA", "Insufficient Data: 1 datapoint was unknown.", {}, True),
        ("ALARM", UNMEASURED.replace("NonBreaching", "Breaching"), {}, False),
    ],
)
def test_s5_ok_for_want_of_data_is_told_from_ok_as_measured(world, state, reason, data, blind):
    world.alarms = [alarm(state=state, reason=reason, data=data)]
    output = read(world)
    assert output.alarms[0].for_want_of_data is blind
    assert output.for_want_of_data == int(blind)


def test_by_default_it_asks_about_the_incident_s_alarms(world):
    world.alarms = [alarm("unhealthy", "ALARM"), alarm("other")]
    output = read(world)
    assert (output.asked, output.firing) == (1, 1)
    assert read(world, names=("other", "gone")).missing == ("gone",)


def test_without_alarms_aws_is_not_asked_at_all(world):
    world.denied["cloudwatch:DescribeAlarms"] = AssertionError("asked")
    assert read(world, firing=()).asked == 0
