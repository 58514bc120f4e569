"""Roles: by account, role and identity-provider name; what somebody calls a session makes them nobody else (S27)."""

import pytest

from chalicelib.guards.roles import Role, Roles, keys_of

OPS = "arn:aws:iam::111122223333:role/teams/ops"
ADA = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admins_0a1b2c/ada@example.com"
ROLES = Roles.of({"operator": [OPS], "admin": [ADA], "approver": ["arn:aws:iam::111122223333:user/bob"]})


@pytest.mark.parametrize(
    ("principal", "role"),
    [
        ("arn:aws:sts::111122223333:assumed-role/ops/whoever", Role.OPERATOR),
        ("arn:aws:iam::111122223333:role/teams/ops", Role.OPERATOR),
        ("arn:aws:iam::111122223333:user/bob", Role.APPROVER),
        (ADA, Role.ADMIN),
        ("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admins_0a1b2c/eve@example.com", Role.VIEWER),
        ("arn:aws:sts::999999999999:assumed-role/ops/whoever", Role.VIEWER),
        ("arn:aws:sts::111122223333:assumed-role/guests/ops", Role.VIEWER),
        ("arn:aws:iam::111122223333:user/teams/bob", Role.VIEWER),
    ],
)
def test_nobody_is_more_than_viewer_unless_listed_s27(principal, role):
    assert ROLES.role_of(principal) is role


@pytest.mark.parametrize("principal", [None, "", "ops", "arn:aws:iam::111122223333:root", "arn:aws:s3:::x", "*"])
def test_what_names_no_user_and_no_role_is_nobody(principal):
    assert ROLES.role_of(principal) is None


def test_listed_as_person_and_by_role_the_greater_one_counts():
    role = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admins_0a1b2c"
    both = Roles.of({"viewer": [role], "admin": [ADA]})
    assert both.role_of(ADA) is Role.ADMIN
    assert keys_of(role)[0] in keys_of(ADA)


def test_a_self_chosen_session_name_cannot_be_listed_s27():
    with pytest.raises(ValueError, match="self-chosen session name"):
        Roles.of({"admin": ["arn:aws:sts::111122223333:assumed-role/ops/ada"]})


@pytest.mark.parametrize("listed", [{"king": [OPS]}, {"admin": ["ops"]}, {"admin": ["*"]}])
def test_a_mistake_in_the_configuration_is_an_error_and_never_a_role(listed):
    with pytest.raises(ValueError, match=r"king|no ARN"):
        Roles.of(listed)


def test_who_may_do_more_may_do_the_less():
    assert [one.covers(Role.APPROVER) for one in Role] == [False, False, True, True]
