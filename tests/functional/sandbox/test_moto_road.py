"""Each request happens once in moto, by its short road or by moto's own, and what is refused does not happen."""

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError

from steward.sandbox import place
from steward.sandbox.moto_objects import key_of, put_object
from steward.sandbox.moto_road import moto_answer
from steward.sandbox.world import World


@pytest.fixture
def world():
    with World.create(seed=3) as made:
        made.prepare("s3")
        yield made


def clients(world, service):
    return [made.client(service) for made in (world.session(), world.own_session(), world.unnoted_session())]


def test_what_a_client_writes_is_written_once(world):
    for number, client in enumerate(clients(world, "s3")):
        key = f"written/{number}"
        client.put_object(Bucket=place.BUCKET, Key=key, Body=b"x")
        client.copy_object(Bucket=place.BUCKET, Key=f"{key}-copy", CopySource={"Bucket": place.BUCKET, "Key": key})
        versions = client.list_object_versions(Bucket=place.BUCKET, Prefix=key)["Versions"]
        assert [one["Key"] for one in versions] == [key, f"{key}-copy"]


def test_a_copy_that_the_world_refuses_is_not_made(world):
    put_object(place.BUCKET, "from", b"x")
    world.s3_wire.troubles.denied_after = 0
    with pytest.raises(ClientError, match="AccessDenied"):
        world.session().client("s3").copy_object(
            Bucket=place.BUCKET, Key="to", CopySource={"Bucket": place.BUCKET, "Key": "from"}
        )
    assert key_of(place.BUCKET, "to") is None


@pytest.mark.parametrize(("bucket", "code"), [(place.BUCKET, "NoSuchKey"), ("nobody-s-bucket", "NoSuchBucket")])
def test_moto_s_errors_come_as_they_are(world, bucket, code):
    for client in clients(world, "s3"):
        with pytest.raises(ClientError) as raised:
            client.get_object(Bucket=bucket, Key="not there")
        assert raised.value.response["Error"]["Code"] == code


def test_other_services_are_asked_once_as_well(world):
    for client in clients(world, "sqs"):
        url = client.create_queue(QueueName="q")["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody="m")
        told = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        assert told["Attributes"]["ApproximateNumberOfMessages"] == "1"
        client.delete_queue(QueueUrl=url)


def test_without_a_world_nobody_answers():
    asked = AWSPreparedRequest("GET", f"https://{place.BUCKET}.s3.amazonaws.com/key", {}, None, False)
    assert moto_answer(asked, "before-send.s3.GetObject") is None
