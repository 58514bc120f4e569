"""AWS Backup's recovery points: the usable ones, and a denial that says what was asked."""

from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber

from chalicelib.aws.recovery_points import RecoveryPoints
from chalicelib.errors import AwsDenied

ARN, AT = "arn:aws:s3:::models", datetime(2026, 11, 2, 2, tzinfo=UTC)


@pytest.fixture
def stub():
    client = boto3.client("backup", region_name="eu-west-2", aws_access_key_id="x", aws_secret_access_key="x")
    return client, Stubber(client)


def test_only_those_that_can_be_restored_from_count(stub):
    client, answers = stub
    points = [{"Status": status, "CreationDate": AT} for status in ("COMPLETED", "PARTIAL", "EXPIRED", "AVAILABLE")]
    answers.add_response(
        "list_recovery_points_by_resource", {"RecoveryPoints": points}, {"ResourceArn": ARN, "MaxResults": 1000}
    )
    with answers:
        assert RecoveryPoints(client).of(ARN) == (AT, AT)


def test_a_denial_names_the_right_that_is_wanting(stub):
    client, answers = stub
    answers.add_client_error("list_recovery_points_by_resource", "AccessDeniedException", http_status_code=403)
    with answers, pytest.raises(AwsDenied, match="backup:ListRecoveryPointsByResource"):
        RecoveryPoints(client).of(ARN)
