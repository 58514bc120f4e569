"""S3Blobs keeps the contract of MemoryBlobs, over the real gateway on moto."""

import boto3
import pytest
from moto import mock_aws

from chalicelib.aws.blobs import S3Blobs
from chalicelib.aws.s3 import S3
from chalicelib.errors import UnknownName
from chalicelib.store.blobs import Blobs, MemoryBlobs, evidence_key


@pytest.fixture(params=["memory", "s3"])
def blobs(request):
    if request.param == "memory":
        yield MemoryBlobs()
        return
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
        client.create_bucket(Bucket="evidence")
        client.create_bucket(Bucket="others")
        client.put_object(Bucket="others", Key="secret", Body=b"not ours")
        yield S3Blobs(S3(client), "evidence")


def test_a_blob_comes_back_by_its_reference(blobs: Blobs):
    key = evidence_key(b"a log")
    ref = blobs.put(key, b"a log")
    assert ref == blobs.ref(key)
    assert ref.endswith(key)
    assert blobs.get(ref) == b"a log"


def test_writing_again_replaces(blobs: Blobs):
    ref = blobs.put("events/2026/11/03/e1.json", b"1")
    assert blobs.put("events/2026/11/03/e1.json", b"2") == ref
    assert blobs.get(ref) == b"2"


@pytest.mark.parametrize("ref", ["s3://evidence/nothing", "s3://others/secret", "nothing"])
def test_a_reference_that_leads_nowhere_or_elsewhere_is_an_unknown_name(blobs: Blobs, ref):
    with pytest.raises(UnknownName):
        blobs.get(ref)
