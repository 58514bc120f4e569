"""How that is called which Steward makes at a database: RDS takes it, and no stack's right reaches another's (S16)."""

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.sessions import resource_facts
from chalicelib.models.made_names import INSTANCE_NAME, SNAPSHOT_NAME, fitted, made_name, mark_of
from chalicelib.models.stack import Stack
from chalicelib.steps import rds_permissions
from steward.sandbox import place

RDS = re.compile(r"[a-z](-?[a-z0-9])*")
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,63}", fullmatch=True)
RIGHTS = [
    permission
    for of in (
        rds_permissions.CREATE_SNAPSHOT,
        rds_permissions.COPY_SNAPSHOT,
        rds_permissions.RESTORE,
        rds_permissions.DELETE_SNAPSHOT,
        rds_permissions.DELETE_OFFSITE,
        rds_permissions.DELETE_RESTORED,
    )
    for permission in of
]


@given(stack=NAMES, step=NAMES, most=st.sampled_from([INSTANCE_NAME, SNAPSHOT_NAME]))
def test_rds_takes_every_name_whatever_stack_and_step_are_called(stack, step, most):
    name = fitted(made_name(stack, "r-0123456789ab", step), most)
    assert RDS.fullmatch(name)
    assert len(name) <= most
    assert name.startswith(f"{mark_of(stack)}-")


def test_the_member_of_a_cluster_is_never_called_as_the_cluster_however_long_the_step_is():
    step = "restore-everything-into-a-new-and-very-safe-place"
    names = {fitted(made_name(place.NAME, "r-0123456789ab", step + end), INSTANCE_NAME) for end in ("", "-1", "-2")}
    assert len(names) == 3
    assert all(len(name) == INSTANCE_NAME for name in names)


@pytest.mark.parametrize("other", ["a-b", "a-r", "aa", "a-"])
def test_s16_no_stack_s_mark_begins_as_another_s_also_where_their_names_do(other):
    assert not fnmatchcase(made_name(other, "r-1", "x"), f"{mark_of('a')}-*")
    assert not fnmatchcase(made_name("a", "r-1", "x"), f"{mark_of(other)}-*")


def test_s16_what_tags_or_deletes_names_the_stack_s_own_mark():
    """With the tag alone, a role could tag another stack's snapshot as its own stack's, and then delete it."""
    bound = [one for one in RIGHTS if one.action.partition(":")[2].startswith(("AddTags", "Delete"))]
    assert len(bound) >= 8
    assert all(one.resource.endswith(":{made}-*") and "steward:stack" in str(one.condition) for one in bound)


def test_s16_nothing_is_allowed_on_names_that_all_stacks_share():
    assert not [one.resource for one in RIGHTS if "steward-*" in one.resource]
    stack = Stack.model_validate(place.STACK_DOCUMENT)
    assert resource_facts(stack, place.ACCOUNT)["made"] == mark_of(stack.stack)
