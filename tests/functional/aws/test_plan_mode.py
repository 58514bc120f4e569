"""Plan mode refuses, below the clients, whatever is not known to be read-only."""

import pytest
from moto import mock_aws

from chalicelib.aws.gateways import Aws
from chalicelib.aws.plan_mode import is_read_only, refuse_changes
from chalicelib.errors import PlanModeViolation
from tests.aws_sessions import aws_session

REGION = "eu-west-2"


@pytest.fixture
def session():
    with mock_aws():
        yield aws_session(region_name=REGION, aws_access_key_id="AK", aws_secret_access_key="SK")


def test_reads_pass_and_changes_are_refused_before_anything_is_sent(session):
    session.client("ecs").create_cluster(clusterName="c")
    aws = Aws(session, REGION, read_only=True)
    with pytest.raises(PlanModeViolation, match="ecs:StopTask"):
        aws.ecs.stop_task("c", "task", "why")
    with pytest.raises(PlanModeViolation, match="ecs:UpdateService"):
        aws.ecs.set_desired_count("c", "s", 3)
    with pytest.raises(PlanModeViolation, match="s3:PutObject"):
        aws.s3.put("bucket", "key", b"x")
    assert aws.ecs.stopped_tasks("c", "s") == ()
    assert len(aws.sts.account()) == 12


def test_a_shared_session_stays_free_for_those_who_act(session):
    Aws(session, REGION, read_only=True).cloudwatch.alarms(["a"])
    where = {"LocationConstraint": REGION}
    session.client("s3").create_bucket(Bucket="bucket-of-tests", CreateBucketConfiguration=where)
    Aws(session, REGION).s3.put("bucket-of-tests", "k", b"x")


def test_it_can_be_put_on_a_whole_session(session):
    refuse_changes(session.events)
    with pytest.raises(PlanModeViolation):
        session.client("sns").create_topic(Name="t")


def test_a_presigned_url_is_a_call_like_any_other(session):
    aws = Aws(session, REGION, read_only=True)
    with pytest.raises(PlanModeViolation):
        aws.s3._client.generate_presigned_url("put_object", Params={"Bucket": "bucket-of-tests", "Key": "k"})
    assert aws.s3._client.generate_presigned_url("get_object", Params={"Bucket": "bucket-of-tests", "Key": "k"})


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ecs", "StopTask"),
        ("ecs", "DiscoverPollEndpoint"),
        ("sqs", "ReceiveMessage"),
        ("sfn", "GetActivityTask"),
        ("sts", "GetSessionToken"),
        ("ecr", "GetAuthorizationToken"),
        ("cognito-identity-provider", "GetUserAttributeVerificationCode"),
        ("a-service-of-tomorrow", "DescribeAnything"),
        ("ecs", "describe_services"),
    ],
)
def test_what_is_not_known_to_be_read_only_is_refused(service, operation):
    assert not is_read_only(service, operation)


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ecs", "DescribeServices"),
        ("elastic-load-balancing-v2", "DescribeTargetHealth"),
        ("secrets-manager", "GetSecretValue"),
        ("secrets-manager", "GetRandomPassword"),
        ("sts", "AssumeRole"),
        ("cloudwatch-logs", "FilterLogEvents"),
        ("s3", "HeadObject"),
    ],
)
def test_known_reads_pass(service, operation):
    assert is_read_only(service, operation)


MUTATING = ("Create", "Delete", "Put", "Update", "Start", "Stop", "Modify", "Send", "Set", "Run", "Tag", "Register")


@pytest.mark.parametrize(
    "name",
    ["ecs", "elbv2", "cloudwatch", "logs", "rds", "s3", "sns", "sqs", "stepfunctions", "sts", "secretsmanager", "ssm",
     "application-autoscaling", "ecr", "events", "scheduler", "backup", "health"],
)  # fmt: skip
def test_over_every_operation_there_is_nothing_that_changes_is_taken_for_a_read(session, name):
    model = session.client(name, region_name="us-east-1").meta.service_model
    service = model.service_id.hyphenize()
    reads = [operation for operation in model.operation_names if is_read_only(service, operation)]
    assert reads, service  # the service is known by the name that its events carry
    assert not [operation for operation in reads if operation.startswith(MUTATING)]
