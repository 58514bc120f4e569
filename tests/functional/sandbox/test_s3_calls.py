"""What a request to S3 on the wire is, as IAM needs to know it: held against botocore, which writes such requests."""

from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from steward.sandbox.s3_calls import read_s3

OBJECT = {"Bucket": "b", "Key": "a folder/k"}
PART = {**OBJECT, "UploadId": "u"}
SOURCE = {"CopySource": {"Bucket": "other", "Key": "k", "VersionId": "v"}}
CALLS = [
    ("ListBuckets", {}),
    ("HeadBucket", {"Bucket": "b"}),
    ("GetBucketVersioning", {"Bucket": "b"}),
    ("GetBucketEncryption", {"Bucket": "b"}),
    ("GetPublicAccessBlock", {"Bucket": "b"}),
    ("ListObjectsV2", {"Bucket": "b", "Prefix": "p/"}),
    ("ListObjectVersions", {"Bucket": "b", "Prefix": "p/"}),
    ("ListMultipartUploads", {"Bucket": "b"}),
    ("GetObject", OBJECT),
    ("GetObject", {**OBJECT, "VersionId": "v"}),
    ("HeadObject", OBJECT),
    ("PutObject", {**OBJECT, "Tagging": "a=b"}),
    ("CopyObject", {**OBJECT, **SOURCE}),
    ("DeleteObject", {**OBJECT, "VersionId": "v"}),
    ("DeleteObjects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "one"}, {"Key": "two", "VersionId": "v"}]}}),
    ("GetObjectTagging", {**OBJECT, "VersionId": "v"}),
    ("PutObjectTagging", {**OBJECT, "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}),
    ("CreateMultipartUpload", OBJECT),
    ("UploadPart", {**PART, "PartNumber": 1}),
    ("UploadPartCopy", {**PART, "PartNumber": 1, **SOURCE}),
    ("CompleteMultipartUpload", {**PART, "MultipartUpload": {"Parts": [{"ETag": "e", "PartNumber": 1}]}}),
    ("AbortMultipartUpload", PART),
    ("ListParts", PART),
]


@pytest.mark.parametrize(("operation", "params"), CALLS)
def test_an_operation_and_its_parameters_are_read_from_what_botocore_writes(operation, params):
    client = boto3.client(
        "s3", "eu-west-2", endpoint_url="http://127.0.0.1:1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    sent = []

    def keep(request, **_):
        sent.append(request)
        return AWSResponse(request.url, 200, {}, _Raw())

    client.meta.events.register_first("before-send.s3", keep)
    client._make_api_call(operation, dict(params))  # botocore adds to what it gets; the operation by its own name
    (request,) = sent
    url = urlsplit(request.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    read, found = read_s3(request.method, f"{url.path}?{url.query}", headers, request.body or b"")
    assert read == operation
    wanted = {name: value for name, value in params.items() if name != "CopySource"}
    assert {name: found[name] for name in wanted} == wanted
    if "CopySource" in params:
        assert found["CopySource"] == "other/k?versionId=v"


class _Raw:
    def stream(self, *_, **__):
        return iter(())

    def read(self, *_):
        return b""
