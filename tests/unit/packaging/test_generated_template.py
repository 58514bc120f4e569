"""What is generated beside Chalice's functions: made from the stacks and runbooks, nothing is written by hand."""

import json
import re
from pathlib import Path

from chalicelib.aws.lambda_invoke import reach_function
from chalicelib.catalog.load import load_runbook
from chalicelib.flows.protection import EVERY_HOURS
from chalicelib.models.stack import NetworkPart
from chalicelib.observability import NAMESPACE
from chalicelib.store.dynamodb import table_definition
from steward.packaging.deployed_stack import as_deployed
from steward.packaging.door import STATUSES, gateway_responses
from steward.packaging.names import Names
from steward.packaging.reach_functions import cast
from steward.packaging.schedules import planned
from steward.packaging.template import generated_resources
from steward.sandbox import place
from tests.unit.packaging.one_stack import NAMES, RUNBOOK, of_type, runbooks, stack


def test_the_table_has_the_keys_and_indexes_that_the_store_uses_and_can_be_restored(resources):
    (table,) = of_type(resources, "AWS::DynamoDB::Table")
    assert {name: table[name] for name in table_definition(NAMES.table)} == table_definition(NAMES.table)
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert table["SSESpecification"]["SSEEnabled"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_every_bucket_is_encrypted_private_reached_by_tls_only_and_emptied_in_time(resources):
    policies = {each["Bucket"]["Ref"]: each["PolicyDocument"] for each in of_type(resources, "AWS::S3::BucketPolicy")}
    buckets = {name: body["Properties"] for name, body in resources.items() if body.get("Type") == "AWS::S3::Bucket"}
    assert set(policies) == set(buckets) == {"ArchiveBucket", "EvidenceBucket"}
    for name, bucket in buckets.items():
        assert bucket["BucketEncryption"]
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert bucket["LifecycleConfiguration"]["Rules"][0]["Status"] == "Enabled"
        denied = policies[name]["Statement"][0]
        assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_schedule_keeps_time_zone_and_window_and_loses_nothing(resources):
    (nightly,) = [each for each in of_type(resources, "AWS::Scheduler::Schedule") if each["Name"] == "nightly-one"]
    assert (nightly["ScheduleExpression"], nightly["ScheduleExpressionTimezone"]) == (
        "cron(0 2 * * ? *)",
        "Europe/London",
    )
    assert nightly["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    target = nightly["Target"]
    assert target["DeadLetterConfig"]
    assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
    given = {"steward": "schedule", "runbook": "nightly", "stack": "one"}
    assert json.loads(target["Input"]) == {**given, "scheduled_at": "<aws.scheduler.scheduled-time>"}


def test_a_runbook_is_scheduled_only_where_the_stack_has_what_it_works_on():
    text = RUNBOOK.replace("ecs.describe_service", "rds.create_snapshot")
    snapshots = {"nightly": load_runbook(text, "nightly.yml")}
    assert [each.stack for _, each, _ in planned([stack()], snapshots)] == ["one"]
    assert not list(planned([stack(database=None)], snapshots))


def test_silence_is_an_alarm_where_it_means_death(resources):
    """S31: the heartbeat. And a backup of which nobody knows the age is a late one."""
    own = [each for each in of_type(resources, "AWS::CloudWatch::Alarm") if each["Namespace"] == NAMESPACE]
    assert {each["MetricName"] for each in own} == {"Heartbeat", "BackupAge", "LastDrillAge"}
    assert {each["TreatMissingData"] for each in own} == {"breaching"}


def test_a_late_backup_of_one_stack_is_not_hidden_by_the_longer_objective_of_another():
    """BackupAge is in percent of each stack's own objective, so the alarm's threshold is nobody's seconds."""
    daily, rare = stack(), stack(stack="two", backup=stack().backup.model_copy(update={"objective": 30 * 86_400}))
    made = generated_resources(NAMES, [daily, rare], {}, copies=True)["Resources"]
    for title, what in (("DatabaseBackupAgeAlarm", "database"), ("ArtifactsBackupAgeAlarm", "artifacts")):
        alarm = made[title]["Properties"]
        assert (alarm["MetricName"], alarm["Threshold"], alarm["TreatMissingData"]) == ("BackupAge", 100, "breaching")
        assert {"Name": "backup", "Value": what} in alarm["Dimensions"]


def test_an_alarm_on_ages_waits_longer_than_it_takes_until_they_are_told_again(resources):
    """Else missing data, which is breaching, would cry every few hours; and CloudWatch takes a week at most."""
    ages = [
        each
        for each in of_type(resources, "AWS::CloudWatch::Alarm")
        if each["MetricName"] in {"BackupAge", "LastDrillAge"}
    ]
    assert len(ages) == 3
    for alarm in ages:
        assert EVERY_HOURS * 3600 < alarm["Period"] * alarm["EvaluationPeriods"] <= (EVERY_HOURS + 1) * 3600
        assert alarm["Period"] % 60 == 0


def test_a_sweep_that_fails_or_comes_too_late_is_heard_of_by_its_queue(resources):
    """It has no alarm on its errors beside that: Lambda puts there what failed and what expired."""
    done = resources["Sweep"]["Properties"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
    assert done["Destination"] == {"Fn::GetAtt": ["LostSweeps", "Arn"]}
    assert resources["LostSweepsAlarm"]["Properties"]["Threshold"] == 0


def test_the_dashboard_is_made_for_those_who_say_so(resources):
    whole = generated_resources(NAMES, [stack()], runbooks(), copies=True)
    assert whole["Resources"]["Dashboard"]["Condition"] in whole["Conditions"]
    assert whole["Parameters"]["MakeDashboard"]["Default"] == "no"
    assert "MakeDashboard=$(DASHBOARD)" in (Path(__file__).parents[3] / "Makefile").read_text()


def test_every_queue_has_an_alarm_and_takes_no_plain_text_connection(resources):
    queues = {each["QueueName"] for each in of_type(resources, "AWS::SQS::Queue")}
    watched = {
        each["Dimensions"][0]["Value"]
        for each in of_type(resources, "AWS::CloudWatch::Alarm")
        if each["Namespace"] == "AWS/SQS"
    }
    assert queues == watched
    assert len(of_type(resources, "AWS::SQS::QueuePolicy")) == len(queues)


def test_every_log_group_forgets(resources):
    groups = of_type(resources, "AWS::Logs::LogGroup")
    assert len(groups) >= 7
    assert all(each["RetentionInDays"] for each in groups)


def test_a_message_is_believed_only_from_topics_that_a_stack_lists(resources):
    (subscription,) = of_type(resources, "AWS::SNS::Subscription")
    (permission,) = [
        each for each in of_type(resources, "AWS::Lambda::Permission") if each["Principal"] == "sns.amazonaws.com"
    ]
    assert subscription["TopicArn"] == permission["SourceArn"] == stack().topics[0]


def test_a_message_that_a_topic_cannot_deliver_may_be_put_into_the_dead_letter_queue(resources):
    """SNS writes there itself, in its own name and for the topic: the permission of EventBridge is none for it."""
    by_queue = {
        each["Queues"][0]["Ref"]: {one["Sid"]: one for one in each["PolicyDocument"]["Statement"]}
        for each in of_type(resources, "AWS::SQS::QueuePolicy")
    }
    listed = by_queue["LostEvents"]["TopicsThatStacksList"]
    assert listed["Principal"] == {"Service": "sns.amazonaws.com"}
    assert listed["Condition"] == {"ArnEquals": {"aws:SourceArn": list(stack().topics)}}
    assert "TopicsThatStacksList" not in {*by_queue["LostSchedules"], *by_queue["LostSweeps"]}
    unheard = generated_resources(NAMES, [stack(topics=())], runbooks(), copies=True)["Resources"]
    assert "TopicsThatStacksList" not in json.dumps(unheard["LostEventsPolicy"])


def test_dev_and_prod_can_stand_in_one_account_and_region():
    """Everything that has a name has the stage in it, the alias of the key for manifests too."""
    here = place.stack()
    named = {}
    for stage in ("dev", "prod"):
        made = generated_resources(Names(stage), [as_deployed(here, stage)], runbooks(), copies=True)["Resources"]
        for title, body in made.items():
            for field, value in body.get("Properties", {}).items():
                if re.fullmatch(r"(?!Metric)\w*Name|Name", field) and isinstance(value, str):
                    named.setdefault(stage, set()).add((body.get("Type", title), value))
    assert ("AWS::KMS::Alias", "alias/mlflow-steward-dev-manifests") in named["dev"]
    shared = {(kind, name) for kind, name in named["dev"] & named["prod"] if kind != "AWS::Scheduler::Schedule"}
    assert shared == set()  # schedules are named within their group


def test_what_is_kept_is_not_kept_after_a_creation_that_failed(resources):
    """Else the first failed deployment is in the way of the second, by the names of what it left behind."""
    kept = {name: body for name, body in resources.items() if "DeletionPolicy" in body}
    assert {"Table", "ArchiveBucket", "EvidenceBucket"} <= set(kept)
    assert {(one["DeletionPolicy"], one["UpdateReplacePolicy"]) for one in kept.values()} == {
        ("RetainExceptOnCreate", "Retain")
    }
    (table,) = of_type(resources, "AWS::DynamoDB::Table")
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["ProtectsTable", True, False]}


def test_what_api_gateway_says_by_itself_is_a_problem_whose_status_is_its_own():
    for kind, said in gateway_responses().items():
        body = said["responseTemplates"]["application/json"]
        filled = body.replace("$context.error.messageString", '"a sentence"').replace("$context.requestId", "id-1")
        problem = json.loads(filled)
        assert str(problem["status"]) == said["statusCode"], kind
        assert set(problem) == {"type", "title", "status", "detail", "instance", "errors"}
        assert said["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    assert STATUSES["MISSING_AUTHENTICATION_TOKEN"] == 401


def test_reach_is_made_once_for_each_network_and_never_without_one():
    network = NetworkPart(subnets=("subnet-0123456789abcdef0",), security_groups=("sg-0123456789abcdef0",))
    mould = {"Reach": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "app.reach"}}}
    assert cast(mould, NAMES, [stack()]) == {}
    inside, beside = stack(network=network), stack(stack="two", network=network)
    other = stack(stack="three", network=network.model_copy(update={"subnets": ("subnet-0123456789abcdef1",)}))
    made = cast(mould, NAMES, [inside, beside, other])
    functions = {name: body for name, body in made.items() if body["Type"] == "AWS::Serverless::Function"}
    assert {each["Properties"]["FunctionName"] for each in functions.values()} == {
        reach_function("dev", inside),
        reach_function("dev", other),
    }
    title, body = next(iter(functions.items()))
    assert body["Properties"]["VpcConfig"]["SubnetIds"] == ["subnet-0123456789abcdef0"]
    actions = {
        action
        for statement in made[f"{title}Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
    }
    assert all(re.match(r"(logs|ec2):", action) for action in actions)
