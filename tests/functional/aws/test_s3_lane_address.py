"""Where a bucket answers, and how keys are written."""

import pytest

from chalicelib.aws.s3_lane_address import Endpoint, copy_source


@pytest.mark.parametrize(
    ("endpoint", "bucket", "url"),
    [
        ("https://s3.eu-west-2.amazonaws.com", "models", "https://models.s3.eu-west-2.amazonaws.com/a%20b"),
        ("https://s3.amazonaws.com", "models", "https://models.s3.amazonaws.com/a%20b"),
        ("https://s3.cn-north-1.amazonaws.com.cn", "m", "https://m.s3.cn-north-1.amazonaws.com.cn/a%20b"),
        ("https://s3.eu-west-2.amazonaws.com", "my.models", "https://s3.eu-west-2.amazonaws.com/my.models/a%20b"),
        ("http://minio.example.com:9000", "models", "http://minio.example.com:9000/models/a%20b"),
        ("https://amazonaws.com.example.org/s3/", "models", "https://amazonaws.com.example.org/s3/models/a%20b"),
    ],
)
def test_the_bucket_stands_in_the_host_for_amazon_and_in_the_path_elsewhere(endpoint, bucket, url):
    assert Endpoint(endpoint).of(bucket, "a b").url == url


def test_keys_and_queries_are_escaped_as_they_are_signed():
    assert Endpoint("http://h").of("b", "/x//é+%?&#").path == "/b//x//%C3%A9%2B%25%3F%26%23"
    assert Endpoint("http://h").of("b", None, (("start-after", "a+b/ç"),)).path == "/b?start-after=a%2Bb%2F%C3%A7"
    assert copy_source("b", "k?versionId=1", "v/2") == "/b/k%3FversionId%3D1?versionId=v%2F2"
    for url in ("ftp://h", "h", "http://user:pass@h"):
        with pytest.raises(ValueError, match="no S3 endpoint"):
            Endpoint(url)
