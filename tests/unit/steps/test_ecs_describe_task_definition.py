"""ecs.describe_task_definition: names and shapes, no values (S29)."""

from chalicelib.steps.probes.ecs_describe_task_definition import DescribeTaskDefinition, TaskDefinitionParams


def test_it_describes_what_the_service_runs_without_any_value(world):
    world.define(7, environment={"AWS_DEFAULT_REGION": "eu-west-2", "TOKEN": "canary-5521"})
    output = DescribeTaskDefinition().read(world.ctx(), TaskDefinitionParams())
    assert (output.name, output.cpu, output.memory) == ("churn:7", "512", "1024")
    assert output.environment == ("AWS_DEFAULT_REGION", "TOKEN")
    assert output.secrets == ("URI",)
    assert output.installs_at_start
    assert output.own_disk == ()
    assert "canary" not in output.model_dump_json()


def test_another_revision_can_be_asked_for(world):
    definition = world.define(
        6, command="mlflow server --backend-store-uri sqlite:///m.db --artifacts-destination s3://b"
    )
    output = DescribeTaskDefinition().read(world.ctx(), TaskDefinitionParams(revision=definition.arn))
    assert output.revision == 6
    assert output.own_disk == ("experiments in sqlite:///m.db",)
    assert not output.installs_at_start
