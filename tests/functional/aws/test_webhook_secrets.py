"""A webhook's secret as Secrets Manager keeps it: current and previous, and when the current one was made."""

from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from chalicelib.aws.gateways import Aws
from chalicelib.errors import AwsNotFound
from chalicelib.guards.webhook import accepted
from tests.aws_sessions import aws_session

NAME = "steward/webhooks/prometheus"
FIRST, SECOND = "canary-first-token-01", "canary-second-token-2"


@pytest.fixture
def session():
    with mock_aws():
        yield aws_session(region_name="eu-west-2", aws_access_key_id="AK", aws_secret_access_key="SK")


@pytest.fixture
def aws(session):
    return Aws(session, "eu-west-2")


def test_a_secret_that_was_never_rotated_has_no_previous_one(aws, session):
    session.client("secretsmanager").create_secret(Name=NAME, SecretString=FIRST)
    pair = aws.secrets.pair(NAME)
    assert (pair.current, pair.previous) == (FIRST, None)
    assert "canary" not in repr(pair)


def test_after_a_rotation_both_count_for_a_day(aws, session):
    secrets = session.client("secretsmanager")
    secrets.create_secret(Name=NAME, SecretString=FIRST)
    secrets.put_secret_value(SecretId=NAME, SecretString=SECOND)
    pair, now = aws.secrets.pair(NAME), datetime.now(UTC)
    assert (pair.current, pair.previous) == (SECOND, FIRST)
    assert accepted(pair, now) == (SECOND, FIRST)
    assert accepted(pair, now + timedelta(hours=25)) == (SECOND,)


def test_a_secret_that_is_not_there_is_an_error_and_not_an_empty_secret(aws):
    with pytest.raises(AwsNotFound):
        aws.secrets.pair(NAME)
