"""The fault `leftovers` shows what its sentence promises, and leaves everything beside it to moto."""

import pytest

from chalicelib.aws.gateways import Aws
from steward.sandbox import place
from steward.sandbox.world import World


@pytest.fixture
def world():
    with World.create() as made:
        yield made


@pytest.fixture
def aws(world):
    return Aws(world.session(), place.REGION)


def test_leftovers_are_in_ecs_in_s3_and_in_the_logs(world, aws):
    world.break_with("leftovers")
    assert len(aws.ecs_families.active(place.FAMILY)) == 25
    assert aws.ecs_families.in_use(place.FAMILY) == {world.service.primary.definition}
    uploads = list(aws.leftovers.uploads(place.BUCKET, place.PREFIX))
    assert len(uploads) == 8
    assert aws.leftovers.parts(place.BUCKET, uploads[0].key, uploads[0].id).bytes == 96 * 1024**2
    assert aws.s3.versioning(place.BUCKET) == "Enabled"
    assert aws.vault.lifecycle(place.BUCKET) == ()
    assert aws.leftovers.noncurrent(place.BUCKET, place.PREFIX, 1).versions == 40
    (group,) = aws.log_groups.find(place.LOG_GROUP)
    assert (group.retention_days, group.stored_bytes) == (None, 90 * 1024**3)


def test_an_aborted_upload_is_gone_and_one_that_moto_keeps_is_moto_s(world, aws):
    world.break_with("leftovers")
    (upload, *_) = aws.leftovers.uploads(place.BUCKET, place.PREFIX)
    aws.leftovers.abort(place.BUCKET, upload.key, upload.id)
    assert aws.leftovers.parts(place.BUCKET, upload.key, upload.id) is None
    client = world.session().client("s3")
    made = client.create_multipart_upload(Bucket=place.BACKUP_BUCKET, Key="a")["UploadId"]
    assert made in {each.id for each in aws.leftovers.uploads(place.BACKUP_BUCKET, "")}


def test_without_the_fault_nothing_lies_about(world, aws):
    assert list(aws.leftovers.uploads(place.BUCKET, "")) == []
    assert aws.leftovers.noncurrent(place.BUCKET, place.PREFIX, 1).versions == 0
