"""The ECS gateway on moto: services, tasks, definitions and deployments as they are read."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import AwsNotFound
from tests.functional.aws.account import FakeAnswer


def run_task(session, network, definition, count=1):
    group = session.client("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"]
    configuration = {"awsvpcConfiguration": {"subnets": network[1][:1], "securityGroups": [group]}}
    answer = session.client("ecs").run_task(
        cluster="c", taskDefinition=definition, count=count, launchType="FARGATE", group="service:s",
        networkConfiguration=configuration,
    )  # fmt: skip
    return [task["taskArn"] for task in answer["tasks"]]


def test_ecs_a_service_is_read_with_its_primary_deployment(aws, service):
    found = aws.ecs.service("c", "s")
    assert (found.name, found.desired, found.task_definition) == ("s", 2, service)
    assert found.primary
    assert found.primary.task_definition == service
    assert found.minimum_healthy_percent == 100


def test_ecs_a_service_that_is_not_there_is_not_found(aws, service):
    with pytest.raises(AwsNotFound):
        aws.ecs.service("c", "gone")
    with pytest.raises(AwsNotFound):
        aws.ecs.service("gone", "s")


def test_ecs_the_desired_count_is_set(aws, service):
    assert aws.ecs.set_desired_count("c", "s", 3).desired == 3
    assert aws.ecs.service("c", "s").desired == 3


def test_ecs_tasks_are_listed_over_pages_and_described_in_batches(aws, session, network, service):
    arns = [arn for _ in range(11) for arn in run_task(session, network, service, count=10)]
    found = aws.ecs.tasks("c", "s")
    assert {task.arn for task in found} == set(arns)
    assert all(task.address for task in found)
    assert found[0].task_definition == service
    assert found[0].created_at is None or found[0].created_at.tzinfo is UTC


def test_ecs_a_stopped_task_moves_to_the_stopped_ones_and_an_unknown_one_is_left_out(aws, session, network, service):
    (arn,) = run_task(session, network, service)
    aws.ecs.stop_task("c", arn, "steward run r1: unhealthy target")
    (stopped,) = aws.ecs.stopped_tasks("c", "s")
    assert stopped.arn == arn
    assert stopped.wanted == "STOPPED"
    assert "steward run r1" in (stopped.stopped_reason or "")
    assert aws.ecs.tasks("c", "s") == ()
    assert aws.ecs.tasks_by_arn("c", []) == ()


def test_ecs_a_task_definition_is_read_with_what_outlives_a_task(aws, service):
    found = aws.ecs.task_definition(service)
    (container,) = found.containers
    assert (found.family, found.revision, found.cpu, found.active) == ("mlflow", 1, "512", True)
    assert (container.environment, container.secrets) == ({"A": "b"}, {"URI": "arn:aws:secretsmanager:x"})
    assert (container.mounts, found.shared_volumes) == ({"/mnt": "shared"}, frozenset({"shared"}))


def test_ecs_deployment_history_joins_deployments_and_revisions_newest_first(aws, session):
    """moto knows neither call; these are answers of the documented shape."""
    newest = datetime(2026, 11, 20, tzinfo=UTC)

    def deployments(**_):
        listed = [
            {"targetServiceRevisionArn": "rev/2", "finishedAt": newest, "status": "SUCCESSFUL"},
            {"targetServiceRevisionArn": "rev/1", "finishedAt": newest - timedelta(days=1), "status": "SUCCESSFUL"},
        ]
        return FakeAnswer(), {"serviceDeployments": listed}

    def revisions(**_):
        found = [{"serviceRevisionArn": f"rev/{n}", "taskDefinition": f"mlflow:{n}"} for n in (1, 2)]
        return FakeAnswer(), {"serviceRevisions": found}

    session.events.register("before-call.ecs.ListServiceDeployments", deployments)
    session.events.register("before-call.ecs.DescribeServiceRevisions", revisions)
    found = aws.ecs.completed_deployments("c", "s")
    assert [each.task_definition for each in found] == ["mlflow:2", "mlflow:1"]
    assert found[0].finished_at == newest
