"""What tests of the S3 lane begin with."""

import pytest

from steward.bench.s3_stub import S3Stub
from steward.bench.s3_stub_server import running
from tests.functional.aws.lane_world import World


@pytest.fixture
def lane_world():
    stub = S3Stub()
    with running(stub) as url:
        yield World(url, stub)
