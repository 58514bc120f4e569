"""Which schema an MLflow needs: known, between two that agree, or honestly unknown."""

import pytest

from chalicelib.steps.mlflow_schemas import CHAIN, HEADS, Need, head_of, is_older, need, numbers


def test_every_head_lies_in_the_chain_and_never_goes_back():
    places = [CHAIN.index(HEADS[version]) for version in sorted(HEADS, key=numbers)]
    assert places == sorted(places)
    assert len(set(CHAIN)) == len(CHAIN) == 67


@pytest.mark.parametrize(
    ("version", "head"),
    [
        ("3.17.2", "dc11669786a5"),
        ("2.20.3", "0584bdc529eb"),  # between 2.18.0 and 2.22.5, which agree
        ("3.17.1", None),  # between 3.16.1 and 3.17.2, which do not
        ("3.18.0", None),  # newer than all that is known
        ("1.30.0", None),
        ("3.17.2rc1", None),
        ("", None),
        (None, None),
    ],
)
def test_a_release_that_nobody_has_looked_into_is_unknown(version, head):
    assert head_of(version) == head


def test_what_a_database_needs_follows_from_the_order_of_the_migrations():
    older, newer = HEADS["3.6.0"], HEADS["3.17.2"]
    assert need(newer, newer) is Need.NOTHING
    assert need("not-in-the-chain", "not-in-the-chain") is Need.NOTHING
    assert need(older, newer) is Need.MIGRATION
    assert need(newer, older) is Need.NEWER_MLFLOW
    assert {need(None, newer), need(older, None), need("b7f0c3d9e214", newer)} == {Need.UNKNOWN}


def test_versions_are_compared_as_numbers():
    assert is_older("3.9.0", "3.10.1") is True
    assert is_older("3.10.1", "3.9.0") is False
    assert is_older("3.9.0rc1", "3.10.1") is None
