"""The gateways on moto: the right calls, the answers read, absence told as such."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.aws.cloudwatch import MetricQuery
from chalicelib.aws.gateways import Aws
from chalicelib.aws.sfn import execution_arn
from chalicelib.errors import AwsInvalid, AwsNotFound
from tests.functional.aws.account import ACCOUNT, REGION, FakeAnswer


def test_elb_target_group_health_and_the_load_balancer_s_name(aws, session, network):
    vpc, subnets = network
    elb = session.client("elbv2")
    group = elb.create_target_group(
        Name="tg", Protocol="HTTP", Port=5000, VpcId=vpc, TargetType="ip", HealthCheckPath="/health"
    )["TargetGroups"][0]["TargetGroupArn"]
    balancer = elb.create_load_balancer(Name="alb", Subnets=subnets)["LoadBalancers"][0]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Port=80, Protocol="HTTP", DefaultActions=forward)
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.9", "Port": 5000}])
    found = aws.elb.target_group("tg")
    assert (found.arn, found.target_type, found.health_path) == (group, "ip", "/health")
    assert aws.elb.target_group(group) == found
    assert [(target.id, target.state) for target in aws.elb.target_health(group)] == [("10.0.1.9", "healthy")]
    assert aws.elb.dns_names(found.load_balancers) == (balancer["DNSName"],)
    assert aws.elb.dns_names(()) == ()
    with pytest.raises(AwsNotFound):
        aws.elb.target_group("gone")


def test_cloudwatch_alarms_by_name_and_what_state_data_they_have(aws, session):
    cloudwatch = session.client("cloudwatch")
    for name in ("one", "two"):
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="N", MetricName="M", Period=60, EvaluationPeriods=1, Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold", Statistic="Sum", TreatMissingData="notBreaching",
        )  # fmt: skip
    data = json.dumps({"recentDatapoints": []})
    cloudwatch.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="r", StateReasonData=data)
    (found,) = aws.cloudwatch.alarms(["one", "gone"])
    assert (found.name, found.state, found.reason, found.treat_missing) == ("one", "ALARM", "r", "notBreaching")
    assert found.reason_data == {"recentDatapoints": []}
    assert aws.cloudwatch.alarms([]) == ()


def test_cloudwatch_metric_data_comes_oldest_first_and_empty_where_there_is_none(aws, session):
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    for minute, value in ((3, 3.0), (2, 2.0)):
        session.client("cloudwatch").put_metric_data(
            Namespace="AWS/ECS",
            MetricData=[{"MetricName": "M", "Timestamp": now - timedelta(minutes=minute), "Value": value}],
        )
    queries = [MetricQuery("m", "AWS/ECS", "M", "Average", ()), MetricQuery("none", "AWS/ECS", "X", "Average", ())]
    found, none = aws.cloudwatch.metric_data(queries, now - timedelta(minutes=10), now)
    assert [value for _, value in found.points] == [3.0, 2.0]
    assert none.points == ()
    assert none.complete


def test_rds_an_instance_is_read_without_the_values_that_are_pending(aws, session):
    session.client("rds").create_db_instance(
        DBInstanceIdentifier="db", Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=20,
        MasterUsername="u", MasterUserPassword="canary-pw-4411",
    )  # fmt: skip
    found = aws.rds.instance("db")
    assert (found.id, found.status, found.engine, found.allocated_gib) == ("db", "available", "postgres", 20)
    assert "canary" not in repr(found)
    with pytest.raises(AwsNotFound):
        aws.rds.instance("gone")
    with pytest.raises(AwsNotFound):
        aws.rds.cluster("gone")


def test_sns_a_message_is_published_with_a_subject_that_sns_takes(aws, session):
    topic = session.client("sns").create_topic(Name="t")["TopicArn"]
    assert aws.sns.publish(topic, "text", subject="Ünïcode\nand " + "long " * 40, attributes={"stack": "s"})
    with pytest.raises(AwsNotFound):
        aws.sns.publish(f"{topic}-gone", "text")


def test_s3_put_get_and_once(aws, session):
    where = {"LocationConstraint": REGION}
    session.client("s3").create_bucket(Bucket="bucket-of-tests", CreateBucketConfiguration=where)
    aws.s3.put("bucket-of-tests", "k", b"one")
    assert aws.s3.get("bucket-of-tests", "k") == b"one"
    assert aws.s3.get("bucket-of-tests", "gone") is None
    assert aws.s3.put_once("bucket-of-tests", "new", b"first") is True
    assert aws.s3.put_once("bucket-of-tests", "new", b"second") is False
    assert aws.s3.get("bucket-of-tests", "new") == b"first"
    with pytest.raises(AwsInvalid, match="longer than 2 bytes"):
        aws.s3.get("bucket-of-tests", "k", max_bytes=2)


def test_sfn_an_execution_starts_once_and_can_be_seen(aws, session):
    role = f"arn:aws:iam::{ACCOUNT}:role/machine"
    definition = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}})
    machine = session.client("stepfunctions").create_state_machine(name="m", definition=definition, roleArn=role)
    arn = machine["stateMachineArn"]
    assert aws.sfn.start_execution(arn, "run-1", {"run_id": "run"}) is True
    assert aws.sfn.start_execution(arn, "run-1", {"run_id": "other"}) is False
    found = aws.sfn.describe_execution(execution_arn(arn, "run-1"))
    assert found
    assert found.status == "RUNNING"
    assert aws.sfn.describe_execution(execution_arn(arn, "gone")) is None


def test_sfn_a_ring_that_nobody_hears_is_lost_without_an_error(aws, session):
    def nobody(**_):
        response = FakeAnswer()
        response.status_code = 400
        return response, {"Error": {"Code": "TaskTimedOut", "Message": ""}, "ResponseMetadata": {}}

    session.events.register("before-call.sfn.SendTaskSuccess", nobody)
    assert aws.sfn.send_task_success("token") is False


def test_autoscaling_bounds_are_read_where_there_are_some(aws, session, service):
    assert aws.autoscaling.service_bounds("c", "s") is None
    session.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs", ResourceId="service/c/s", ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1, MaxCapacity=5,
    )  # fmt: skip
    found = aws.autoscaling.service_bounds("c", "s")
    assert found
    assert (found.minimum, found.maximum, found.suspended) == (1, 5, False)


def test_secrets_a_login_is_read_and_shows_in_no_repr(aws, session):
    secrets = session.client("secretsmanager")
    arn = secrets.create_secret(Name="mlflow/admin", SecretString='{"username": "admin", "password": "canary-2290"}')[
        "ARN"
    ]
    secrets.create_secret(Name="text", SecretString="canary-2290")
    login = aws.secrets.login("mlflow/admin")
    assert (login.username, login.password) == ("admin", "canary-2290")
    assert "canary" not in repr(login)
    with pytest.raises(AwsInvalid) as caught:
        aws.secrets.login("text")
    assert "canary" not in f"{caught.value} {caught.value.__cause__} {caught.value.__suppress_context__}"
    assert aws.secrets.exists(arn)
    secrets.delete_secret(SecretId="mlflow/admin")
    assert not aws.secrets.exists(arn)
    assert not aws.secrets.exists("gone")


def test_ssm_parameters_under_a_path(aws, session):
    for n in range(12):
        session.client("ssm").put_parameter(Name=f"/steward/stacks/s{n}", Value="{}", Type="String")
    assert len(aws.ssm.parameters_under("/steward/stacks")) == 12
    assert aws.ssm.exists("/steward/stacks/s1")
    assert not aws.ssm.exists("/steward/stacks/gone")


def test_s21_whether_a_parameter_exists_is_asked_without_its_value_and_however_its_arn_writes_the_name(aws, session):
    ssm, called = session.client("ssm"), []
    session.events.register("before-call.ssm", lambda model, **_: called.append(model.name))
    ssm.put_parameter(Name="plain", Value="canary", Type="SecureString")
    assert aws.ssm.exists("plain")
    assert aws.ssm.exists("/plain")
    assert not aws.ssm.exists("/plai")
    assert not aws.ssm.exists("/plain/deeper")
    assert "GetParameter" not in called


def test_ecr_only_private_images_can_be_looked_for(aws, session):
    session.client("ecr").create_repository(repositoryName="mlflow")
    registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    assert aws.ecr.has_image("python:3.11-slim") is None
    assert aws.ecr.has_image(f"{registry}/mlflow:gone") is False
    assert aws.ecr.has_image(f"{registry}/mlflow@sha256:{'0' * 64}") is False
    assert aws.ecr.has_image(f"{registry}/gone:latest") is False


def test_one_client_a_service_is_made_and_only_when_used():
    made = []

    class Counting:
        def client(self, name, **_):
            made.append(name)
            return object()

    counting = Aws(Counting(), REGION)
    assert made == []
    assert counting.ecs is counting.ecs
    assert made == ["ecs"]
