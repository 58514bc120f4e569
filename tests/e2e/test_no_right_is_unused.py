"""No right is packaged that no run needs (S21): rehearsals fly with just the packaged rights and note which they use.

Only a few are flown here, which together need what all of them need; each of the others is flown, under the same
rights, where rehearsals are tested (and these are not: they take half a minute).
"""

import pytest

from steward.packaging.rights import stack_grants, with_roles
from steward.sandbox import place
from steward.sandbox.enforcement import STAGE
from steward.sandbox.rehearsals import fly
from tests.e2e.rehearsed import FOUND, NEED_EVERY_RIGHT
from tests.shipped import read_runbooks


@pytest.fixture(scope="module")
def used():
    found, runbooks = set(), read_runbooks()
    for name in sorted(NEED_EVERY_RIGHT):
        flown = fly(*FOUND[name], runbooks)
        assert flown.problems == (), name
        found |= flown.used
    return found


def test_every_right_of_both_roles_is_used_by_some_rehearsal(used):
    stack = with_roles(place.stack(), STAGE).model_copy(update={"account": place.ACCOUNT})
    unused = {
        (grant.role.value, grant.action, grant.resource)
        for grant in stack_grants(stack, read_runbooks())
        if grant not in used
    }
    assert unused == set()
