"""Stacks in another account or region are heard as well: their own bus sends what concerns them to Steward's."""

import json

import pytest

from chalicelib.models.stack import Stack
from steward.cli.folders import read_runbooks
from steward.packaging.away import away_template, away_templates
from steward.packaging.event_patterns import patterns
from steward.packaging.events import event_rules
from steward.packaging.names import Names
from steward.packaging.rights import with_roles
from steward.sandbox import place

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
        assert rule["Targets"] == [
            {"Id": "steward", "Arn": {"Fn::Sub": BUS}, "RoleArn": {"Fn::GetAtt": ["Forwarder", "Arn"]}}
        ]


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
