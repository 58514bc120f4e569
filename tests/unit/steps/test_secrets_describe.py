"""secrets.describe: what exists and what is newer than the tasks; never a value."""

from datetime import timedelta

from chalicelib.aws.secrets import SecretFacts
from chalicelib.errors import AwsDenied
from chalicelib.steps.probes.secrets_describe import DescribeSecrets
from chalicelib.steps.step import NoParams

OF_TASKS = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:churn/db-AbCdEf"


def read(world):
    return DescribeSecrets().read(world.ctx(), NoParams())


def knows(world, name, *, changed_h=100, deleted=False):
    changed = world.now - timedelta(hours=changed_h)
    world.secret_facts[name] = SecretFacts(name, deleted, False, changed, None, None)


def test_a_secret_changed_after_the_oldest_task_started_is_told(world):
    knows(world, OF_TASKS, changed_h=1.5)
    output = read(world)
    assert output.changed_after_start == (OF_TASKS,)
    assert output.secrets[0].used_for == ("task",)
    knows(world, OF_TASKS, changed_h=3)
    assert read(world).changed_after_start == ()


def test_missing_and_to_be_deleted_are_both_missing(world):
    world.stack["mlflow"] = {"auth": "basic", "adminSecret": "churn/admin"}
    knows(world, OF_TASKS, deleted=True)
    output = read(world)
    assert set(output.missing) == {OF_TASKS, "churn/admin"}


def test_s3_a_denial_skips_and_makes_nothing_missing(world):
    world.denied["secretsmanager:DescribeSecret"] = AwsDenied("secretsmanager:DescribeSecret", "AccessDenied", "no")
    output = read(world)
    assert (output.missing, output.secrets) == ((), ())
    assert "secretsmanager:DescribeSecret" in (output.skipped or "")


def test_s3_a_service_that_cannot_be_described_skips(world):
    world.denied["ecs:DescribeServices"] = AwsDenied("ecs:DescribeServices", "AccessDenied", "no")
    assert "ecs:DescribeServices" in (read(world).skipped or "")
