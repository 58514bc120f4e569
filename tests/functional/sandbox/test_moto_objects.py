"""What the world furnishes itself with looks as if a client had put it, and what it furnishes with is kept."""

from datetime import UTC, datetime

import pytest

from chalicelib.aws.gateways import Aws
from chalicelib.errors import PlanModeViolation
from steward.sandbox import place
from steward.sandbox.moto_objects import key_of, put_object
from steward.sandbox.world import World

TOLD = ("Body", "ContentLength", "ContentType", "ETag", "Metadata")


@pytest.fixture
def world():
    with World.create(seed=3) as made:
        made.prepare("s3")
        yield made


def test_an_object_put_straight_into_moto_is_the_one_that_a_client_would_have_put(world):
    client, body, said = world.own_client("s3"), b"a model", {"made-by": "mlflow"}
    put_object(place.BUCKET, "straight", body, said)
    client.put_object(Bucket=place.BUCKET, Key="called", Body=body, Metadata=said)
    straight, called = (client.get_object(Bucket=place.BUCKET, Key=key) for key in ("straight", "called"))
    assert straight["Body"].read() == called["Body"].read() == body
    assert {name: straight[name] for name in TOLD[1:]} == {name: called[name] for name in TOLD[1:]}
    assert straight["VersionId"] != called["VersionId"]


def test_written_again_it_is_a_new_version_and_the_old_one_stays(world):
    first = put_object(place.BUCKET, "twice", b"first").version_id
    put_object(place.BUCKET, "twice", b"second")
    assert key_of(place.BUCKET, "twice").value == b"second"
    assert key_of(place.BUCKET, "twice", first).value == b"first"


def test_nothing_of_it_is_noted(world):
    put_object(place.BUCKET, "a", b"b")
    world.artifacts.put("c", b"d", datetime(2026, 1, 1, tzinfo=UTC))
    assert world.calls == []


def test_worlds_share_what_they_are_furnished_with_and_nothing_else():
    with World.create(seed=1) as first:
        own, product = first.own_client("s3"), first.kept_session(read_only=False).client("s3")
        first.prepare("s3")
        put_object(place.BUCKET, "of the first", b"x")
    with World.create(seed=2) as second:
        second.prepare("s3")
        assert second.own_client("s3") is own
        assert second.kept_session(read_only=False).client("s3") is not product
        assert key_of(place.BUCKET, "of the first") is None
        second.kept_session(read_only=False).client("s3").list_buckets()
        assert [call.operation for call in second.calls] == ["ListBuckets"]


def test_kept_clients_of_plans_refuse_changes_and_those_that_act_do_not(world):
    def aws(read_only):
        return Aws(world.kept_session(read_only=read_only), place.REGION, read_only=read_only)

    assert aws(True).s3._client is aws(True).s3._client
    for _ in range(2):
        with pytest.raises(PlanModeViolation):
            aws(True).vault.put(place.BUCKET, "key", b"")
        aws(False).vault.put(place.BUCKET, "key", b"")


def test_the_key_of_the_manifests_is_one_for_macs(world):
    client = world.own_client("kms")
    world.prepare("kms")
    described = client.describe_key(KeyId=place.MAC_KEY)["KeyMetadata"]
    assert (described["KeySpec"], described["KeyUsage"]) == ("HMAC_256", "GENERATE_VERIFY_MAC")
    mac = client.generate_mac(KeyId=place.MAC_KEY, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert client.verify_mac(KeyId=place.MAC_KEY, Message=b"m", MacAlgorithm="HMAC_SHA_256", Mac=mac)["MacValid"]
