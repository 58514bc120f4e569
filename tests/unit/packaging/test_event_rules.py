"""Which events a stack's rules let through: those of its own resources, in patterns that EventBridge takes."""

import json

import pytest

from chalicelib.models.stack import Stack
from steward.packaging.event_patterns import named, patterns, wildcard
from steward.packaging.template import generated_resources
from tests.unit.packaging.one_stack import NAMES, of_type, stack


def test_rules_name_the_stack_s_own_resources_so_that_a_foreign_task_wakes_nobody():
    found = dict(patterns(stack()))
    assert found["tasks"]["detail"] == {
        "clusterArn": ["arn:aws:ecs:eu-west-2:123456789012:cluster/c"],
        "group": ["service:s"],
    }
    assert found["service"]["resources"] == ["arn:aws:ecs:eu-west-2:123456789012:service/c/s"]
    assert found["database"]["resources"] == ["arn:aws:rds:eu-west-2:123456789012:db:db-one"]
    assert found["alarms"]["detail"]["alarmName"] == [{"prefix": "one-"}]
    assert found["alarms-servicename"]["detail"]["configuration"]["metrics"]["metricStat"]["metric"]["dimensions"] == {
        "ServiceName": ["s"],
        "ClusterName": ["c"],  # a service of the same name in another cluster is another
    }
    for pattern in found.values():
        assert (pattern["account"], pattern["region"]) == (["123456789012"], ["eu-west-2"])


def test_a_database_that_is_not_on_rds_makes_no_rule_that_names_nothing():
    elsewhere = Stack.model_validate({**json.loads(stack().model_dump_json(exclude_unset=True)), "database": {}})
    found = dict(patterns(elsewhere))
    assert not {"database", "snapshots"} & set(found)
    assert "None" not in json.dumps(found)


def test_a_restore_of_aws_backup_is_heard_of_by_what_it_made():
    about = dict(patterns(stack()))["backup"]["detail"]["$or"]
    arns = ["arn:aws:rds:eu-west-2:123456789012:db:db-one", "arn:aws:s3:::artifacts-one"]
    assert about == [{field: arns} for field in ("resourceArn", "createdResourceArn", "sourceResourceArn")]


def test_what_aws_health_says_of_a_region_is_heard_once_however_many_stacks_are_there_s7():
    two = [stack(), stack(stack="two"), stack(stack="three", region="eu-west-1")]
    rules = of_type(generated_resources(NAMES, two, {}, copies=True)["Resources"], "AWS::Events::Rule")
    found = [each["EventPattern"] for each in rules if each["EventPattern"]["source"] == ["aws.health"]]
    assert sorted(each["region"][0] for each in found) == ["eu-west-1", "eu-west-2"]
    assert {"ECS", "RDS", "S3", "ELASTICLOADBALANCING", "SECRETSMANAGER"} <= set(found[0]["detail"]["service"])
    assert "accountNotification" not in found[0]["detail"]["eventTypeCategory"]


@pytest.mark.parametrize(("glob", "said"), [("a-*", "a-*"), ("a-?b", "a-*b"), ("a-[xy]*", "a-*")])
def test_a_glob_that_eventbridge_does_not_know_becomes_a_wider_one_never_a_narrower(glob, said):
    assert wildcard(glob) == said


@pytest.mark.parametrize(
    ("glob", "said"),
    [("a-*", {"prefix": "a-"}), ("a-b", "a-b"), ("*-a", {"wildcard": "*-a"}), ("a-?*", {"wildcard": "a-*"}),
     ("*", {"wildcard": "*"}), (r"a\*", {"wildcard": r"a\\*"})],
)  # fmt: skip
def test_what_an_alarm_is_called_is_said_without_a_wildcard_where_it_can_be(glob, said):
    """A bus takes 30 rules with wildcards, and AWS raises that for nobody."""
    assert named(glob) == said


def test_no_pattern_is_longer_than_eventbridge_takes(resources):
    for rule in of_type(resources, "AWS::Events::Rule"):
        assert len(json.dumps(rule["EventPattern"])) < 2048
        assert len(rule["Name"]) <= 64
