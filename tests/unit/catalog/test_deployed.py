"""Stacks are deployed, not just stored."""

import pytest

from chalicelib.catalog.deployed import deployed_stacks, stack_hashes, stack_parameter
from chalicelib.errors import Refused
from chalicelib.models.stack import EcsPart, Stack

HERE = "/steward/dev/stacks/"


def stack(name="one", **more):
    return Stack(stack=name, region="eu-west-2", ecs=EcsPart(cluster="c", service="s"), **more)


def test_a_stack_that_stands_as_it_was_packaged_is_taken_in_whole():
    one = stack(autonomy="auto", limits={"approvalExpires": "2h"}, alarms=("one-*",))
    found = deployed_stacks({HERE + "one": stack_parameter(one)}, stack_hashes([one]))
    assert dict(found) == {"one": one}
    assert found.refused == {}


def test_a_parameter_that_is_not_the_packaged_one_is_refused_by_name():
    """S22: with its name and both hashes, so that whoever reads the log knows what to do."""
    packaged, changed = stack(), stack(autonomy="auto")
    found = deployed_stacks({HERE + "one": stack_parameter(changed)}, stack_hashes([packaged]))
    assert dict(found) == {}
    with pytest.raises(Refused, match=r"stack one is not the packaged one \(hash \w{12}, packaged \w{12}\)"):
        found["one"]
    assert found.get("one") is None


@pytest.mark.parametrize(
    ("parameters", "packaged", "why"),
    [
        ({HERE + "one": stack_parameter(stack())}, None, "has a parameter and was not packaged"),
        (
            {HERE + "one": stack_parameter(stack())},
            stack_hashes([stack("two")]),
            "has a parameter and was not packaged",
        ),
        ({}, stack_hashes([stack()]), "was packaged and has no parameter"),
    ],
)
def test_what_is_stored_alone_or_packaged_alone_is_refused(parameters, packaged, why):
    """S22: a parameter that somebody adds makes no stack."""
    assert why in deployed_stacks(parameters, packaged).refused["one"]


def test_one_refused_stack_takes_nothing_from_the_others():
    one, two = stack("one"), stack("two")
    given = {HERE + "one": stack_parameter(one), HERE + "two": "{}"}
    found = deployed_stacks(given, stack_hashes([one, two]))
    assert list(found) == ["one"]
    assert list(found.refused) == ["two"]
