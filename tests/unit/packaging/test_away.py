"""Stacks in another account or region are heard as well: their own bus sends what concerns them to Steward's."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.models.stack import Stack
from steward.packaging.away import away_template, away_templates
from steward.packaging.event_patterns import patterns
from steward.packaging.events import OLDEST_EVENT_S, event_rules
from steward.packaging.names import Names
from steward.packaging.rights import with_roles
from steward.sandbox import place
from tests.shipped import read_runbooks

NAMES = Names("dev")
ACCOUNT = "210987654321"
BUS = "arn:${AWS::Partition}:events:${StewardRegion}:${StewardAccount}:event-bus/default"


def stack(**over):
    return with_roles(Stack.model_validate(place.STACK_DOCUMENT | over), "dev")


def resources(of, kind):
    found = away_template(of, NAMES, {})["Resources"]
    return {name: body["Properties"] for name, body in found.items() if body["Type"] == kind}


@pytest.mark.parametrize(
    "over", [{"account": ACCOUNT}, {"region": "eu-west-1"}, {"stack": "m" * 64, "account": ACCOUNT}]
)
def test_what_steward_listens_to_at_home_is_what_is_sent_there_from_away_s2(over):
    away = stack(**over)
    rules = resources(away, "AWS::Events::Rule")
    sent = [rule["EventPattern"] for rule in rules.values()]
    heard = [
        body["Properties"]["EventPattern"]
        for body in event_rules(NAMES, [away]).values()
        if body["Type"] == "AWS::Events::Rule"
    ]
    assert sorted(map(json.dumps, sent)) == sorted(map(json.dumps, heard))
    assert len(sent) == len(list(patterns(away))) + 1  # and AWS Health
    for rule in rules.values():
        assert len(rule["Name"]) <= 64
        (target,) = rule["Targets"]
        assert (target["Arn"], target["RoleArn"]) == ({"Fn::Sub": BUS}, {"Fn::GetAtt": ["Forwarder", "Arn"]})


@pytest.mark.parametrize("name", ["churn", "m" * 64])
def test_what_cannot_be_sent_lies_in_a_queue_there_that_takes_it_from_the_stack_s_own_rules_alone(name):
    away = stack(stack=name, account=ACCOUNT, region="eu-west-1")
    found = away_template(away, NAMES, {})["Resources"]
    ((title, queue),) = [(name, one["Properties"]) for name, one in found.items() if one["Type"] == "AWS::SQS::Queue"]
    assert queue["SqsManagedSseEnabled"] is True
    assert len(queue["QueueName"]) <= 80
    rules = resources(away, "AWS::Events::Rule").values()
    assert [rule["Targets"][0]["DeadLetterConfig"] for rule in rules] == [
        {"Arn": {"Fn::GetAtt": [title, "Arn"]}}
    ] * len(rules)
    assert all(rule["Targets"][0]["RetryPolicy"]["MaximumEventAgeInSeconds"] == OLDEST_EVENT_S for rule in rules)
    (policy,) = resources(away, "AWS::SQS::QueuePolicy").values()
    allowed, denied = policy["PolicyDocument"]["Statement"]
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    arns = {one["Fn::Sub"].rpartition("/")[2] for one in allowed["Condition"]["ArnEquals"]["aws:SourceArn"]}
    assert arns == {rule["Name"] for rule in rules}
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_queue_there_has_its_alarm_there_and_the_alarm_a_topic_there():
    """CloudWatch looks at its own region alone, and a topic must stand beside the alarm."""
    far = stack(region="eu-west-1")
    (alarm,) = resources(far, "AWS::CloudWatch::Alarm").values()
    (queue,) = resources(far, "AWS::SQS::Queue").values()
    (topic,) = resources(far, "AWS::SNS::Topic").values()
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": queue["QueueName"]}]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert topic["TopicName"] == "mlflow-steward-dev-fraud-scoring-mlflow-alarms"
    (spoken,) = resources(far, "AWS::SNS::TopicPolicy").values()
    assert spoken["PolicyDocument"]["Statement"][0]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}


def test_cfn_lint_has_nothing_to_say_of_what_is_deployed_away(tmp_path):
    made = [tmp_path / f"{name}.json" for name in ("account", "region", "long-name")]
    overs = ({"account": ACCOUNT}, {"region": "eu-west-1"}, {"stack": "m" * 64, "account": ACCOUNT})
    for file, over in zip(made, overs, strict=True):
        file.write_text(json.dumps(away_template(stack(**over), NAMES, read_runbooks())))
    words = [str(Path(sys.executable).with_name("cfn-lint")), *map(str, made)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stdout


def test_who_forwards_can_do_nothing_else_and_our_bus_takes_from_nobody_else():
    two = [stack(account=ACCOUNT), stack(stack="second", account=ACCOUNT), stack(stack="here")]
    names = set()
    for one in two[:2]:
        roles = resources(one, "AWS::IAM::Role")
        (policy,) = roles["Forwarder"]["Policies"]
        (said,) = policy["PolicyDocument"]["Statement"]
        assert (said["Action"], said["Resource"]) == ("events:PutEvents", {"Fn::Sub": BUS})
        names.add(roles["Forwarder"]["RoleName"])
    (bus,) = [
        body["Properties"]["Statement"]
        for body in event_rules(NAMES, two).values()
        if body["Type"] == "AWS::Events::EventBusPolicy"
    ]
    assert bus["Principal"] == {"AWS": {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{ACCOUNT}:root"}}
    taken = {one["Fn::Sub"].rpartition("/")[2] for one in bus["Condition"]["ArnEquals"]["aws:PrincipalArn"]}
    assert taken == names


def test_a_template_is_made_for_every_stack_that_is_away_and_roles_only_for_another_account_s23():
    stacks = [stack(), stack(stack="far", region="eu-west-1"), stack(stack="foreign", account=ACCOUNT)]
    made = away_templates(stacks, NAMES, {}, copies=False, home=place.REGION)
    assert set(made) == {"far", "foreign"}
    assert set(resources(stacks[1], "AWS::IAM::Role")) == {"Forwarder"}


def test_a_role_that_the_stack_s_file_names_is_not_made_once_more():
    foreign = stack(account=ACCOUNT, role=f"arn:aws:iam::{ACCOUNT}:role/of-its-owner")
    assert set(resources(foreign, "AWS::IAM::Role")) == {"Forwarder"}
    ours = away_template(stack(account=ACCOUNT), NAMES, read_runbooks())["Resources"]
    assert sum(body["Type"] == "AWS::IAM::Role" for body in ours.values()) == 3
