"""The gateways that everyday operations read and tidy with, on moto; what moto lacks is answered in its shape."""

from datetime import UTC, datetime

import pytest
from moto import mock_aws

from chalicelib.aws.gateways import Aws
from chalicelib.aws.s3_leftovers import Noncurrent, Parts
from chalicelib.errors import AwsNotFound, PlanModeViolation
from tests.aws_sessions import aws_session

REGION = "eu-west-2"
BUCKET = "a-bucket-of-artifacts"


@pytest.fixture
def session():
    with mock_aws():
        yield aws_session(region_name=REGION, aws_access_key_id="AK", aws_secret_access_key="SK")


@pytest.fixture
def aws(session):
    return Aws(session, REGION)


@pytest.fixture
def ecs(session):
    client = session.client("ecs")
    for family in ("mlflow", "mlflow", "mlflow", "mlflow-other"):
        client.register_task_definition(
            family=family, containerDefinitions=[{"name": "a", "image": "i", "memory": 128}]
        )
    return client


def short(arns):
    return sorted(arn.rsplit("/", 1)[-1] for arn in arns)


def test_a_family_s_active_revisions_come_newest_first_and_without_its_neighbours(aws, ecs):
    arns = aws.ecs_families.active("mlflow")
    assert [arn.rsplit("/", 1)[-1] for arn in arns] == ["mlflow:3", "mlflow:2", "mlflow:1"]
    aws.ecs_families.deregister(arns[1])
    assert short(aws.ecs_families.active("mlflow")) == ["mlflow:1", "mlflow:3"]


def test_more_than_nine_are_ordered_by_number_and_not_by_letters(aws, ecs):
    for _ in range(8):
        ecs.register_task_definition(family="mlflow", containerDefinitions=[{"name": "a", "image": "i", "memory": 128}])
    assert aws.ecs_families.active("mlflow")[0].endswith("mlflow:11")


def test_in_use_is_what_any_service_of_any_cluster_runs(aws, ecs):
    for cluster, revision in (("one", "mlflow:1"), ("two", "mlflow:3")):
        ecs.create_cluster(clusterName=cluster)
        for number in range(11):
            ecs.create_service(
                cluster=cluster, serviceName=f"s{number}", taskDefinition=revision, desiredCount=0, launchType="FARGATE"
            )
    assert short(aws.ecs_families.in_use("mlflow")) == ["mlflow:1", "mlflow:3"]


def test_in_use_is_also_what_a_rule_of_any_bus_or_a_schedule_of_any_group_would_start(aws, ecs, session):
    cluster = ecs.create_cluster(clusterName="one")["cluster"]["clusterArn"]
    arn = next(iter(aws.ecs_families.active("mlflow"))).rpartition(":")[0]
    role = "arn:aws:iam::123456789012:role/starts-tasks"

    def target(revision):
        return {"Arn": cluster, "RoleArn": role, "EcsParameters": {"TaskDefinitionArn": f"{arn}:{revision}"}}

    events, scheduler = session.client("events"), session.client("scheduler")
    events.create_event_bus(Name="own")
    for bus, revision in (("default", 1), ("own", 2)):
        events.put_rule(Name="nightly", EventBusName=bus, EventPattern='{"source": ["x"]}', State="DISABLED")
        events.put_targets(Rule="nightly", EventBusName=bus, Targets=[{"Id": "t", **target(revision)}])
    scheduler.create_schedule_group(Name="reports")
    scheduler.create_schedule(
        Name="weekly", GroupName="reports", ScheduleExpression="rate(7 days)",
        FlexibleTimeWindow={"Mode": "OFF"}, Target=target(3),
    )  # fmt: skip
    assert short(aws.ecs_families.in_use("mlflow")) == ["mlflow:1", "mlflow:2", "mlflow:3"]


def test_in_plan_mode_nothing_is_deregistered_and_nothing_aborted(session, ecs):
    reads_only = Aws(session, REGION, read_only=True)
    with pytest.raises(PlanModeViolation):
        reads_only.ecs_families.deregister("mlflow:1")
    with pytest.raises(PlanModeViolation):
        reads_only.leftovers.abort(BUCKET, "k", "u")


@pytest.fixture
def bucket(session):
    client = session.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


def test_an_upload_is_listed_measured_and_aborted_and_gone_is_no_error(aws, bucket):
    upload = bucket.create_multipart_upload(Bucket=BUCKET, Key="m/a")["UploadId"]
    bucket.create_multipart_upload(Bucket=BUCKET, Key="other/a")
    bucket.upload_part(Bucket=BUCKET, Key="m/a", UploadId=upload, PartNumber=1, Body=b"x" * 10)
    bucket.upload_part(Bucket=BUCKET, Key="m/a", UploadId=upload, PartNumber=2, Body=b"x" * 5)
    (found,) = aws.leftovers.uploads(BUCKET, "m/")
    assert (found.key, found.id) == ("m/a", upload)
    parts = aws.leftovers.parts(BUCKET, "m/a", upload)
    assert (parts.bytes, parts.newest_at.tzinfo) == (15, UTC)
    for _ in range(2):
        aws.leftovers.abort(BUCKET, "m/a", upload)
    assert aws.leftovers.parts(BUCKET, "m/a", upload) is None
    assert list(aws.leftovers.uploads(BUCKET, "m/")) == []


def test_an_upload_without_parts_holds_nothing(aws, bucket):
    upload = bucket.create_multipart_upload(Bucket=BUCKET, Key="m/a")["UploadId"]
    assert aws.leftovers.parts(BUCKET, "m/a", upload) == Parts(0, None)


def test_noncurrent_versions_are_counted_and_what_was_cut_is_said(aws, bucket, session):
    bucket.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"xxx", b"xx", b"x"):
        bucket.put_object(Bucket=BUCKET, Key="m/a", Body=body)
    bucket.put_object(Bucket=BUCKET, Key="other", Body=b"xxxx")
    bucket.delete_object(Bucket=BUCKET, Key="m/a")
    assert aws.leftovers.noncurrent(BUCKET, "m/", 5) == Noncurrent(3, 6, complete=True)
    assert aws.leftovers.noncurrent(BUCKET, "m/", 0) == Noncurrent(0, 0, complete=False)


def test_a_log_group_says_for_how_long_it_keeps_what_it_gets(aws, session):
    client = session.client("logs")
    for name in ("/ecs/a", "/ecs/b"):
        client.create_log_group(logGroupName=name)
    client.put_retention_policy(logGroupName="/ecs/b", retentionInDays=30)
    assert [(each.name, each.retention_days) for each in aws.log_groups.find("/ecs/")] == [
        ("/ecs/a", None),
        ("/ecs/b", 30),
    ]


def test_a_secret_s_versions_are_known_by_stage_and_read_by_id(aws, session):
    client = session.client("secretsmanager")
    for text in ('{"username": "u", "password": "one"}', '{"username": "u", "password": "two"}'):
        try:
            client.create_secret(Name="db", SecretString=text)
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId="db", SecretString=text)
    versions = aws.secrets.versions("db")
    assert set(versions) == {"AWSCURRENT", "AWSPREVIOUS"}
    assert aws.secrets.database("db", versions["AWSPREVIOUS"]).login.password == "one"
    assert aws.secrets.database("db").login.password == "two"
    with pytest.raises(AwsNotFound):
        aws.secrets.database("db", "00000000-0000-4000-8000-000000000009")


def test_times_of_uploads_are_aware(aws, bucket):
    bucket.create_multipart_upload(Bucket=BUCKET, Key="m/a")
    (found,) = aws.leftovers.uploads(BUCKET, "m/")
    assert found.began_at < datetime(2100, 1, 1, tzinfo=UTC)
