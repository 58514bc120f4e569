"""Findings: what is not well has a remedy; what could not be looked at is no illness."""

import pytest

from chalicelib.aws.plan_mode import is_read_only
from chalicelib.errors import AwsDenied, AwsUnavailable, HttpFailure
from steward.doctor.account_side import principal_of
from steward.doctor.finding import Finding, State, looked, ok, unread


@pytest.mark.parametrize(
    ("state", "remedy"), [(State.OK, "do"), (State.WRONG, None), (State.NOTE, None), (State.UNKNOWN, None)]
)
def test_what_is_not_well_has_a_remedy_and_only_that(state, remedy):
    with pytest.raises(ValueError, match="has a remedy"):
        Finding("table", "t", state, "says", remedy)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (AwsDenied("rds:DescribeDBInstances", "AccessDenied", "no"), "allow your own identity rds:DescribeDBInstances"),
        (AwsUnavailable("rds:DescribeDBInstances", "500", "no"), "try again"),
        (HttpFailure("dns", "no such host"), "from where it can be reached"),
    ],
)
def test_our_own_blindness_is_unknown_and_never_wrong_s3(error, word):
    found = unread("stack a", "database", error)
    assert found.state is State.UNKNOWN
    assert word in str(found.remedy)


def test_what_was_found_before_something_could_not_be_read_stays():
    def look():
        yield ok("table", "a", "there")
        raise AwsDenied("x:Y", "AccessDenied", "no")

    assert [(one.what, one.state) for one in looked("table", "rest", look)] == [
        ("a", State.OK),
        ("rest", State.UNKNOWN),
    ]


def test_a_session_of_a_role_is_asked_about_as_its_role():
    assert principal_of("arn:aws:sts::123456789012:assumed-role/ops/me") == "arn:aws:iam::123456789012:role/ops"
    assert principal_of("arn:aws:iam::123456789012:user/me") == "arn:aws:iam::123456789012:user/me"


@pytest.mark.parametrize(
    ("service", "operation", "reads"),
    [
        ("dynamodb", "DescribeTable", True),
        ("dynamodb", "UpdateItem", False),
        ("iam", "SimulatePrincipalPolicy", True),
        ("iam", "PutRolePolicy", False),
        ("lambda", "GetFunctionConfiguration", True),
        ("lambda", "Invoke", False),
    ],
)
def test_what_doctor_asks_is_known_to_be_read_only_and_what_changes_is_not(service, operation, reads):
    assert is_read_only(service, operation) is reads
