"""What the world answers fits the API's own shapes, errors are AWS's, and moto stands behind it."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from chalicelib.catalog.load import load_stack
from chalicelib.errors import PlanModeViolation
from steward.sandbox import place
from steward.sandbox.world import World

_SHOWN = [
    "task-crashes",
    "bad-deployment",
    "database-failing-over",
    "database-disk-full",
    "password-rotated",
    "image-rate-limited",
    "out-of-memory",
    "bucket-wrong-region",
]
C, S, TG = place.CLUSTER, place.SERVICE, place.TARGET_GROUP_ARN


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def mismatches(shape, value, where=""):
    """Where an answer has fields the API does not, or values of another type."""
    if shape.type_name == "structure":
        unknown = [f"{where}.{key}" for key in value if key not in shape.members]
        return unknown + [
            bad
            for key, each in value.items()
            if key in shape.members
            for bad in mismatches(shape.members[key], each, f"{where}.{key}")
        ]
    if shape.type_name == "list":
        return [bad for n, each in enumerate(value) for bad in mismatches(shape.member, each, f"{where}[{n}]")]
    kinds = {
        "string": str,
        "integer": int,
        "long": int,
        "boolean": bool,
        "timestamp": datetime,
        "double": (int, float),
        "float": (int, float),
        "map": dict,
    }
    return [] if isinstance(value, kinds[shape.type_name]) else [f"{where}: {type(value).__name__}"]


def metric_query(world):
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "UnHealthyHostCount"}
    metric["Dimensions"] = [{"Name": key, "Value": value} for key, value in place.ALB_DIMENSIONS.items()]
    return {
        "MetricDataQueries": [{"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}],
        "StartTime": world.clock.now() - timedelta(minutes=5),
        "EndTime": world.clock.now(),
    }


def read_everything(world):
    task = next(iter(world.service.tasks.values())).arn
    history = world.session().client("ecs").list_service_deployments(cluster=C, service=S)["serviceDeployments"]
    return [
        ("ecs", "describe_clusters", {"clusters": [C, "other"]}),
        ("ecs", "list_clusters", {}),
        ("ecs", "list_services", {"cluster": C}),
        ("ecs", "describe_services", {"cluster": C, "services": [S, "other"]}),
        ("ecs", "list_tasks", {"cluster": C}),
        ("ecs", "describe_tasks", {"cluster": C, "tasks": [*(t.arn for t in world.service.tasks.values()), "gone"]}),
        ("ecs", "describe_task_definition", {"taskDefinition": place.FAMILY, "include": ["TAGS"]}),
        ("ecs", "list_task_definitions", {"familyPrefix": place.FAMILY}),
        ("ecs", "list_task_definition_families", {}),
        ("ecs", "list_tags_for_resource", {"resourceArn": place.SERVICE_ARN}),
        ("ecs", "get_task_protection", {"cluster": C, "tasks": [task]}),
        ("ecs", "list_service_deployments", {"cluster": C, "service": S}),
        ("ecs", "describe_service_deployments", {"serviceDeploymentArns": [history[0]["serviceDeploymentArn"]]}),
        ("ecs", "describe_service_revisions", {"serviceRevisionArns": [history[0]["targetServiceRevisionArn"]]}),
        ("elbv2", "describe_target_health", {"TargetGroupArn": TG}),
        ("elbv2", "describe_target_groups", {"Names": [place.TARGET_GROUP]}),
        ("elbv2", "describe_load_balancers", {"LoadBalancerArns": [place.LOAD_BALANCER_ARN]}),
        ("elbv2", "describe_listeners", {"LoadBalancerArn": place.LOAD_BALANCER_ARN}),
        ("elbv2", "describe_target_group_attributes", {"TargetGroupArn": TG}),
        ("elbv2", "describe_tags", {"ResourceArns": [TG]}),
        ("cloudwatch", "describe_alarms", {}),
        ("cloudwatch", "describe_alarm_history", {}),
        ("cloudwatch", "list_metrics", {"Namespace": "AWS/ECS"}),
        ("cloudwatch", "get_metric_data", metric_query(world)),
        ("rds", "describe_db_instances", {"DBInstanceIdentifier": place.DATABASE}),
        ("rds", "describe_events", {"SourceIdentifier": place.DATABASE, "SourceType": "db-instance"}),
        ("application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "ecs"}),
        ("logs", "filter_log_events", {"logGroupName": place.LOG_GROUP}),
        ("cloudtrail", "lookup_events", {}),
        ("secretsmanager", "describe_secret", {"SecretId": place.DATABASE_SECRET}),
        ("secretsmanager", "get_secret_value", {"SecretId": place.DATABASE_SECRET}),
        ("s3", "get_bucket_encryption", {"Bucket": place.BUCKET}),
        ("s3", "get_bucket_location", {"Bucket": place.BUCKET}),
        ("s3", "head_bucket", {"Bucket": place.BUCKET}),
    ]


@pytest.mark.parametrize("fault", _SHOWN)
def test_every_answer_fits_the_shape_of_its_api(world, fault):
    world.break_with(fault)
    world.advance(400)
    for service, operation, params in read_everything(world):
        client = world.session().client(service)
        answer = getattr(client, operation)(**params)
        shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).output_shape
        answer.pop("ResponseMetadata")
        assert mismatches(shape, answer, f"{service}.{operation}") == []


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("ecs", "describe_services", {"cluster": "other", "services": [S]}, "ClusterNotFoundException"),
        ("ecs", "update_service", {"cluster": C, "service": "other"}, "ServiceNotFoundException"),
        ("ecs", "stop_task", {"cluster": C, "task": "gone"}, "InvalidParameterException"),
        ("ecs", "describe_task_definition", {"taskDefinition": "other:9"}, "ClientException"),
        ("elbv2", "describe_target_groups", {"Names": ["other"]}, "TargetGroupNotFound"),
        ("rds", "describe_db_instances", {"DBInstanceIdentifier": "other"}, "DBInstanceNotFound"),
    ],
)
def test_what_does_not_exist_is_an_error_of_aws(world, service, operation, params, code):
    with pytest.raises(ClientError) as error:
        getattr(world.session().client(service), operation)(**params)
    assert error.value.response["Error"]["Code"] == code


def test_metric_maths_is_declined_and_not_answered_with_nothing(world):
    query = metric_query(world) | {"MetricDataQueries": [{"Id": "e", "Expression": "1+1"}]}
    with pytest.raises(ClientError, match="does not evaluate metric expressions"):
        world.session().client("cloudwatch").get_metric_data(**query)


def test_every_call_is_noted_and_mutations_are_told_apart(world):
    client = world.session().client("ecs")
    client.describe_services(cluster=C, services=[S])
    client.update_service(cluster=C, service=S, desiredCount=3)
    world.session().client("s3").list_objects_v2(Bucket=place.BUCKET)
    assert [(call.service, call.operation) for call in world.calls] == [
        ("ecs", "DescribeServices"),
        ("ecs", "UpdateService"),
        ("s3", "ListObjectsV2"),
    ]
    (changed,) = world.mutations()
    assert changed.params == {"cluster": C, "service": S, "desiredCount": 3}


def test_plan_mode_refuses_before_the_world_is_asked(world):
    from chalicelib.aws.gateways import Aws

    aws = Aws(world.session(), place.REGION, read_only=True)
    with pytest.raises(PlanModeViolation):
        aws.ecs.set_desired_count(C, S, 3)
    assert world.service.desired == 2
    assert world.mutations() == []


def test_a_caller_cannot_change_the_world_through_an_answer(world):
    client = world.session().client("ecs")
    client.describe_task_definition(taskDefinition=place.FAMILY)["taskDefinition"]["containerDefinitions"].clear()
    assert client.describe_task_definition(taskDefinition=place.FAMILY)["taskDefinition"]["containerDefinitions"]


def test_logs_carry_virtual_time_however_far_it_is_from_the_wall_clock():
    with World.create(start=datetime.fromisoformat("2019-03-01T08:00:00+00:00")) as world:
        logs = world.session().client("logs")
        found = logs.filter_log_events(logGroupName=place.LOG_GROUP, filterPattern='"Application startup complete"')
        assert len(found["events"]) == 2
        at = found["events"][0]["timestamp"] / 1000
        assert 0 < world.clock.now().timestamp() - at < 300


def test_a_notification_to_the_topic_can_be_inspected(world):
    world.session().client("sns").publish(TopicArn=place.TOPIC_ARN, Subject="hello", Message="all well")
    assert [each["Message"] for each in world.deliveries()] == ["all well"]
    assert world.deliveries() == []


def test_the_secrets_that_the_task_definition_names_exist(world):
    definition = world.session().client("ecs").describe_task_definition(taskDefinition=place.FAMILY)["taskDefinition"]
    secrets = world.session().client("secretsmanager")
    for each in definition["containerDefinitions"][0]["secrets"]:
        arn = ":".join(each["valueFrom"].split(":")[:7])
        assert secrets.describe_secret(SecretId=arn)["ARN"] == arn


def test_an_alarm_made_through_the_api_is_evaluated_too(world):
    cloudwatch = world.session().client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="cpu",
        Namespace="AWS/ECS",
        MetricName="CPUUtilization",
        Statistic="Average",
        Period=60,
        Dimensions=[{"Name": key, "Value": value} for key, value in place.ECS_DIMENSIONS.items()],
        EvaluationPeriods=1,
        Threshold=80,
        ComparisonOperator="GreaterThanThreshold",
    )
    world.break_with("overload")
    world.advance(180)
    assert cloudwatch.describe_alarms(AlarmNames=["cpu"])["MetricAlarms"][0]["StateValue"] == "ALARM"


def test_a_scalable_target_keeps_the_bounds_somebody_set(world):
    scaling = world.session().client("application-autoscaling")
    asked = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{C}/{S}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(**asked, MinCapacity=2, MaxCapacity=3)
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 3)


def test_the_worlds_stack_is_the_one_in_the_stack_file(world):
    path = Path(__file__).parents[3] / "stacks" / f"{place.NAME}.yml"
    assert load_stack(path.read_text(encoding="utf-8"), path.name) == world.stack()
