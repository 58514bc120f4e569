"""s3.bucket_access: how the bucket stands; a denial is Steward's own and hides nothing else."""

from types import SimpleNamespace

import pytest

from chalicelib.aws.s3 import Encryption
from chalicelib.errors import AwsDenied, AwsNotFound, AwsUnavailable
from chalicelib.net.http import HttpAnswer, HttpFailure
from chalicelib.steps.probes.s3_bucket_access import BucketAccess
from chalicelib.steps.step import NoParams


def raises(error):
    def call(*_):
        raise error

    return call


def denied(operation):
    return raises(AwsDenied(operation, "AccessDenied", "no"))


@pytest.fixture
def bucket(world):
    world.stack["artifacts"] = {"bucket": "churn-artifacts", "prefix": "mlflow"}
    world.others["s3"] = SimpleNamespace(
        region_of=lambda _: "eu-west-2",
        versioning=lambda _: "Enabled",
        encryption=lambda _: Encryption("aws:kms", "key-1"),
        first_key=lambda _, prefix: f"{prefix}/1/model",
        can_read=lambda *_: None,
    )
    return world.others["s3"]


def read(world, **over):
    return BucketAccess().read(world.ctx(**over), NoParams())


def test_a_bucket_that_is_all_right(world, bucket):
    output = read(world)
    assert (output.exists, output.region_matches, output.versioning) == (True, True, "Enabled")
    assert (output.encryption, output.kms_key, output.can_list, output.can_read) == ("aws:kms", "key-1", True, True)
    assert (output.empty, output.denied, output.skipped) == (False, (), None)


def test_a_bucket_in_another_region_is_told(world, bucket):
    bucket.region_of = lambda _: "us-east-1"
    assert read(world).region_matches is False


def test_a_missing_bucket_is_a_fact(world, bucket):
    bucket.region_of = raises(AwsNotFound("s3:ListBucket", "404", "no"))
    assert (read(world).exists, read(world).skipped) == (False, None)


def test_s3_each_denial_is_told_by_itself_and_the_rest_is_still_known(world, bucket):
    bucket.versioning = denied("s3:GetBucketVersioning")
    bucket.can_read = denied("s3:GetObject")
    output = read(world)
    assert output.denied == ("s3:GetBucketVersioning: AccessDenied", "s3:GetObject: AccessDenied")
    assert (output.versioning, output.can_read, output.can_list) == (None, False, True)


def test_s5_everything_denied_does_not_mean_that_there_is_no_bucket(world, bucket):
    for name in ("region_of", "versioning", "encryption", "first_key"):
        setattr(bucket, name, denied(name))
    output = read(world)
    assert (output.exists, output.can_list, output.can_read) == (None, False, None)


def test_an_empty_prefix_leaves_reading_unknown(world, bucket):
    bucket.first_key = lambda *_: None
    assert (read(world).empty, read(world).can_read) == (True, None)


class TestAnEndpointOfTheStacksOwn:
    @pytest.fixture
    def asked(self, world, bucket):
        world.stack["artifacts"] |= {"endpoint": "https://minio.example.com:9000", "secret": "churn/minio"}
        world.answers = lambda request: HttpAnswer(403, {}, b"", 0.1)
        asked = []
        world.others["s3_at"] = lambda endpoint, keys: asked.append((endpoint, keys)) or bucket
        return asked

    def test_is_asked_with_its_own_keys_and_has_no_region(self, world, asked):
        output = read(world)
        assert [(endpoint, keys.username) for endpoint, keys in asked] == [("https://minio.example.com:9000", "admin")]
        assert (output.endpoint_reachable, output.exists, output.region_matches) == (True, True, None)
        assert world.requests[0].allow_hosts == ("minio.example.com",)

    def test_s25_gets_no_keys_over_plain_http_unless_the_stack_says_so(self, world, asked):
        world.stack["artifacts"]["endpoint"] = "http://minio.example.com:9000"
        read(world)
        world.stack["allowPlainHttp"] = True
        read(world)
        assert [keys is not None for _, keys in asked] == [False, True]

    def test_s3_unreachable_from_outside_the_network_is_skipped_and_from_inside_a_fact(self, world, asked):
        world.answers = raises(HttpFailure("refused", "no"))
        assert (read(world).skipped or "").startswith("not reachable from here")
        assert read(world).endpoint_reachable is None
        inside = read(world, in_network=True)
        assert (inside.skipped, inside.endpoint_reachable) == (None, False)

    def test_s3_there_in_the_network_and_not_asked_from_here_says_nothing_of_the_bucket(self, world, asked, bucket):
        for name in ("region_of", "versioning", "encryption", "first_key"):
            setattr(bucket, name, raises(AwsUnavailable("s3:ListBucket", "EndpointConnectionError", "no")))
        output = read(world, in_network=True)
        assert output.skipped == "not reachable from here: s3:ListBucket answers EndpointConnectionError"
        assert (output.endpoint_reachable, output.exists, output.can_list, output.denied) == (True, None, None, ())

    def test_s25_an_address_that_may_not_be_asked_is_never_a_fact(self, world, asked):
        world.answers = raises(HttpFailure("forbidden_address", "no"))
        assert read(world, in_network=True).skipped
        assert asked == []


def test_s3_no_answer_at_all_says_nothing_of_the_bucket(world, bucket):
    for name in ("region_of", "versioning", "encryption", "first_key"):
        setattr(bucket, name, raises(AwsUnavailable(name, "EndpointConnectionError", "x")))
    assert read(world).exists is None


def test_a_stack_without_a_bucket_says_so(world):
    assert read(world).applicable is False
