"""CloudWatch alarms on their three roads."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chalicelib.models.signal import SignalKind, SignalState
from chalicelib.signals.read import read_signals

EVENTS = Path(__file__).parents[2] / "fixtures" / "events"
NOW = datetime(2026, 3, 4, 5, 6, 10, tzinfo=UTC)


def event(name: str) -> dict:
    return json.loads((EVENTS / name).read_text())


def only(payload: object):
    (signal,) = read_signals(payload, received_at=NOW)
    return signal


def firing_with(**state: object) -> dict:
    payload = event("alarm_eventbridge/unhealthy_hosts.json")
    payload["detail"]["state"] |= state
    return payload


def about(dimensions: dict):
    payload = event("alarm_eventbridge/unhealthy_hosts.json")
    payload["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"] = dimensions
    return only(payload).resource


def test_the_facts_say_what_triggers_and_guards_ask_for():
    signal = only(event("alarm_eventbridge/unhealthy_hosts.json"))

    assert signal.facts == {
        "state_value": "ALARM",
        "previous_state": "OK",
        "namespace": "AWS/ApplicationELB",
        "metric": "UnHealthyHostCount",
        "dimensions": {
            "TargetGroup": "targetgroup/churn-tg/0a1b2c3d4e5f6071",
            "LoadBalancer": "app/shared-alb/1122334455667788",
        },
        "period_s": 60,
        "evaluation_periods": 3,
        "threshold": 0,
        "alarm_arn": "arn:aws:cloudwatch:eu-central-1:210987654321:alarm:churn-unhealthy-hosts",
        "muted": False,
        "description": "Somebody cannot reach the tracking server",
    }


def test_numbers_written_as_text_are_numbers():
    facts = only(event("alarm_sns/storage_low_record.json")).facts

    assert (facts["period_s"], facts["evaluation_periods"], facts["threshold"]) == (300, 3, 1000000)


def test_the_longest_period_counts_for_how_long_the_alarm_needs_to_settle():
    payload = event("alarm_eventbridge/metric_math_no_data.json")
    payload["detail"]["configuration"]["metrics"][1]["metricStat"]["period"] = "600"

    assert only(payload).settles_after_s == 600 * 3


@pytest.mark.parametrize("value", ["NO_DATA", "alarm", "ALARM ", "INSUFFICIENT_DATA", 1, None, ["ALARM"], {}])
def test_a_state_outside_of_alarm_and_ok_neither_fires_nor_resolves(value):
    signal = only(firing_with(value=value))

    if value != "ALARM ":
        assert (signal.kind, signal.state, signal.actionable) == (SignalKind.ALARM, SignalState.INFO, False)


@pytest.mark.parametrize("by", ["WaitPeriod", "ExtensionPeriod", "Alarm", "AlarmSuppressor", "SomethingNew", 7])
def test_s6_a_suppressed_alarm_fires_and_is_not_actionable(by):
    signal = only(firing_with(actionsSuppressedBy=by))

    assert (signal.state, signal.actionable) == (SignalState.FIRING, False)
    assert "suppressed" in signal.reason


@pytest.mark.parametrize(
    "mute", [{"mutedByArn": "arn:aws:cloudwatch:x:1:alarm-mute-rule:n"}, {}, {"new": 1}, "yes", True]
)
def test_s6_a_muted_alarm_fires_and_is_not_actionable(mute):
    payload = event("alarm_eventbridge/unhealthy_hosts.json")
    payload["detail"]["muteDetail"] = mute
    signal = only(payload)

    assert (signal.state, signal.actionable, signal.facts["muted"]) == (SignalState.FIRING, False, True)


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_suppression_or_mute_is_none(nothing):
    payload = firing_with(actionsSuppressedBy=nothing)
    payload["detail"]["muteDetail"] = nothing

    assert only(payload).actionable


def test_an_alarm_whose_actions_are_off_is_not_actionable():
    payload = event("alarm_eventbridge/unhealthy_hosts.json")
    payload["detail"]["configuration"]["actionsEnabled"] = False

    assert not only(payload).actionable


def test_an_alarm_without_a_name_takes_it_from_its_arn_and_without_either_is_invalid():
    payload = event("alarm_eventbridge/unhealthy_hosts.json")
    del payload["detail"]["alarmName"]
    assert only(payload).name == "churn-unhealthy-hosts"

    payload["resources"] = []
    assert only(payload).kind is SignalKind.INVALID


def test_a_contributor_says_which_one_it_is():
    facts = only(event("alarm_eventbridge/contributor.json")).facts

    assert facts["contributor_id"] == "77aa88bb99cc00dd"
    assert facts["contributor"] == {"DBInstanceIdentifier": "churn-db"}


def test_a_contributor_notification_may_lack_nearly_everything():
    signal = only(
        {
            "AlarmName": "a",
            "NewStateValue": "ALARM",
            "AlarmContributorId": "c",
            "AlarmContributorAttributes": {"team": "t"},
        }
    )

    assert (signal.kind, signal.state, signal.resource) == (SignalKind.ALARM, SignalState.FIRING, None)


def test_a_composite_alarm_names_the_alarms_that_made_it_change():
    signal = only(event("alarm_eventbridge/composite_suppressed.json"))

    assert signal.facts["triggering_alarms"] == ["churn-cpu"]
    assert "alarm:churn-cpu" in signal.keys


@pytest.mark.parametrize(
    ("dimensions", "resource"),
    [
        ({"ClusterName": "c", "ServiceName": "s"}, "c/s"),
        ({"ClusterName": "c"}, "c"),
        ({"TargetGroup": "targetgroup/tg/1", "LoadBalancer": "app/lb/2"}, "tg"),
        ({"LoadBalancer": "net/lb/2", "AvailabilityZone": "eu-central-1a"}, "lb"),
        ({"LoadBalancerName": "classic"}, "classic"),
        ({"DBClusterIdentifier": "aurora", "Role": "WRITER"}, "aurora"),
        ({"StorageType": "AllStorageTypes", "BucketName": "b"}, "b"),
        ({"ImageId": "ami-1", "InstanceType": "t3", "InstanceId": "i-1", "AutoScalingGroupName": "g"}, "i-1"),
        ({"TopicName": "t"}, "t"),
        ({"FunctionName": "f", "Resource": "f:1"}, "f"),
        ({"team": "blue"}, None),
        ({}, None),
    ],
)
def test_the_resource_is_what_a_person_would_call_it(dimensions, resource):
    assert about(dimensions) == resource


def test_s30_control_bidi_and_terminal_sequences_are_gone_and_long_text_is_cut():
    payload = event("alarm_eventbridge/unhealthy_hosts.json")
    payload["detail"]["alarmName"] = "ok\x1b[31mred\x1b[0m\u202egnp.exe\u200b\x00\ud800 \x1b]0;title\x07" + "x" * 400
    payload["detail"]["state"]["reason"] = "line\r\nbreak\x9b2J" + "y" * 5000
    signal = only(payload)

    assert signal.name.startswith("okredgnp.exe x")
    assert len(signal.name) == 256
    assert signal.reason.startswith("line breaky")
    assert len(signal.reason) == 1024
    assert signal.name.isprintable()


def test_s30_a_name_with_invisible_characters_ties_to_nothing():
    payload = event("alarm_lambda_action/no_reason_data.json")
    payload["alarmData"]["alarmName"] = "churn-\u200blatency"
    del payload["alarmArn"]
    signal = only(payload)

    assert signal.name == "churn-latency"
    assert signal.keys == ()


def test_an_sns_alarm_has_the_region_of_its_topic_when_its_own_is_a_long_name():
    payload = event("alarm_sns/storage_low_record.json")
    message = json.loads(payload["Records"][0]["Sns"]["Message"])
    del message["AlarmArn"]
    payload["Records"][0]["Sns"]["Message"] = json.dumps(message)

    assert only(payload).region == "eu-central-1"
