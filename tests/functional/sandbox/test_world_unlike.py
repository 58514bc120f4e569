"""Each thing that an account can have and the usual one has not is seen by the product's own gateways."""

import pytest

from chalicelib.aws.gateways import Aws
from chalicelib.errors import DocumentErrors, UnknownName
from chalicelib.models.history import MadeKind
from steward.sandbox import place
from steward.sandbox.rehearsals import load_rehearsal
from steward.sandbox.seeded import copied_daily, taken_daily
from steward.sandbox.simulation import Simulation
from steward.sandbox.unlike import UNLIKE, make_unlike
from steward.sandbox.world import World

FLASK = "MLFLOW_FLASK_SERVER_SECRET_KEY"
CASE = "rehearsal: a case with a past\nrunbook: prune-snapshots\nbyHand: {}\nexpect: {outcome: run}\n"


@pytest.fixture
def world():
    with World.create() as made:
        yield made


@pytest.fixture
def aws(world):
    return Aws(world.session(), place.REGION)


def container(aws, world):
    (found,) = aws.ecs.revision(world.service.primary.definition).content["containerDefinitions"]
    return found


def test_the_backup_bucket_is_private_without_a_block_too(world, aws):
    make_unlike(world, "backup-bucket-without-block")
    assert not aws.vault.is_public(place.BACKUP_BUCKET)
    world.own_client("s3").put_bucket_acl(Bucket=place.BACKUP_BUCKET, ACL="public-read")
    assert aws.vault.is_public(place.BACKUP_BUCKET)


def test_the_revision_in_use_has_tags(world, aws):
    make_unlike(world, "tagged-definition")
    assert aws.ecs.revision(world.service.primary.definition).tags == ({"key": "cost-centre", "value": "ml-4711"},)


def test_the_host_is_in_the_secret_and_in_no_variable_and_a_task_that_starts_reads_it(world, aws):
    make_unlike(world, "host-in-secret")
    assert aws.secrets.database(place.DATABASE_SECRET).host == place.DATABASE_HOST
    assert "DB_HOST" not in {each["name"] for each in container(aws, world)["environment"]}
    assert aws.secrets.point_at(place.DATABASE_SECRET, place.DATABASE_HOST, "elsewhere.example.com", "t" * 32)
    before = {task.id for task in world.service.live()}
    world.service.stop(world.service.live()[0], world.clock.now(), "UserInitiated", "as tested")
    world.advance(120)
    (started,) = [task for task in world.service.live() if task.id not in before]
    assert started.environment["DB_HOST"] == "elsewhere.example.com"


def test_a_secret_of_the_revision_in_use_is_a_parameter_that_exists(world, aws):
    make_unlike(world, "secret-in-parameter")
    named = {each["name"]: each["valueFrom"] for each in container(aws, world)["secrets"]}
    assert named[FLASK] == place.arn("ssm", "parameter/mlflow/flask")
    assert aws.ssm.exists("/mlflow/flask")


def test_a_rule_and_a_schedule_start_tasks_of_one_revision_each(world, aws):
    make_unlike(world, "tasks-by-the-clock")
    in_use = {arn.rpartition("/")[2] for arn in aws.ecs_families.in_use(place.FAMILY)}
    assert {f"{place.FAMILY}:4", f"{place.FAMILY}:5"} <= in_use


def test_what_nobody_knows_is_refused_with_what_there_is(world):
    with pytest.raises(UnknownName) as refused:
        make_unlike(world, "tagged")
    assert all(name in str(refused.value) for name in UNLIKE)


def test_copies_of_earlier_days_are_offsite_under_a_key_of_that_region_with_their_records(world):
    simulation = Simulation(world, {})
    taken = taken_daily(simulation, 3)
    newest, older = copied_daily(simulation, taken[:2])
    there = Aws(world.session(), place.OFFSITE_REGION).rds_snapshots
    found = there.find(newest, cluster=False)
    assert found.kms_key == place.OFFSITE_KEY
    assert found.copied_from.endswith(taken[0])
    assert found.taken_at > there.find(older, cluster=False).taken_at
    history = simulation.parts.engine.history
    records = [one for one in history.creations(place.NAME, MadeKind.SNAPSHOT) if one.region == place.OFFSITE_REGION]
    assert {one.id for one in records} == {newest, older}


def test_a_rehearsal_cannot_have_copied_what_was_never_taken():
    assert load_rehearsal(CASE + "world: {takenDaily: 3, copiedDaily: 3}\n", "case.yml").world.copied_daily == 3
    with pytest.raises(DocumentErrors, match="copiedDaily is more than takenDaily"):
        load_rehearsal(CASE + "world: {takenDaily: 3, copiedDaily: 4}\n", "case.yml")
