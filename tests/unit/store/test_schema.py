"""The version of the store's layout: read by all, written by one, and what nobody knows is refused by its number."""

from datetime import UTC, datetime

import pytest

from chalicelib.errors import SchemaBehind, SchemaUnknown
from chalicelib.models.decision import Decision
from chalicelib.store.decisions import Decisions
from chalicelib.store.memory import MemoryTable
from chalicelib.store.schema import KEY, LAYOUT, VERSION, Layout, fit_schema, version_of
from chalicelib.store.table import Item
from chalicelib.wiring import _may_migrate

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def table_of(version):
    table = MemoryTable()
    table.create(Item(KEY, {"version": version}))
    return table


def test_a_new_table_gets_the_version_from_whoever_may_write_it():
    table = MemoryTable()
    fit_schema(table, ["a"], migrates=False)
    assert table.get(KEY) is None
    fit_schema(table, ["a"], migrates=True)
    assert version_of(table.get(KEY)) == VERSION
    before = table.get(KEY)
    fit_schema(table, ["a"], migrates=True)
    assert table.get(KEY) == before


@pytest.mark.parametrize("migrates", [True, False])
@pytest.mark.parametrize("version", [VERSION + 1, 0, -3, "2", None, True])
def test_a_newer_table_and_one_of_no_known_version_are_refused_by_name_and_left_alone(version, migrates):
    table = table_of(version)
    with pytest.raises(SchemaUnknown, match=f"this version works with {VERSION}"):
        fit_schema(table, ["a"], migrates=migrates)
    item = table.get(KEY)
    assert item is not None
    assert (item.body, item.version) == ({"version": version}, 1)


def test_a_newer_table_is_told_which_way_to_go():
    with pytest.raises(SchemaUnknown, match=r"schema 3 .* deploy the newer version again"):
        fit_schema(table_of(3), [], migrates=True)


def test_an_older_table_is_worked_with_where_it_can_be_read_and_else_refused_until_sweep_was_there():
    old = table_of(1)
    fit_schema(old, ["a"], migrates=False)
    strict = Layout(2, frozenset(), LAYOUT.migrations)
    with pytest.raises(SchemaBehind, match=r"schema 1 .* the next sweep migrates it") as told:
        fit_schema(old, ["a"], migrates=False, layout=strict)
    assert told.value.retryable
    fit_schema(old, ["a"], migrates=True, layout=strict)
    fit_schema(old, ["a"], migrates=False, layout=strict)


def test_several_versions_are_gone_through_one_by_one_and_pieces_end_at_their_checkpoints():
    told = []

    def piece(version, ends_after):
        def migrate(_table, stacks, at):
            told.append((version, stacks, at))
            reached = int(at or 0) + 1
            return None if reached == ends_after else str(reached)

        return migrate

    table = table_of(1)
    fit_schema(table, ["a"], migrates=True, layout=Layout(3, frozenset(), {1: piece(1, 2), 2: piece(2, 1)}))
    assert told == [(1, ("a",), None), (1, ("a",), "1"), (2, ("a",), None)]
    item = table.get(KEY)
    assert item is not None
    assert item.body == {"version": 3}


def test_two_that_migrate_at_once_both_come_to_the_end():
    table = table_of(1)

    def overtaken(_table, _stacks, _at):
        item = table.get(KEY)
        assert item is not None
        if item.body["version"] == 1:
            table.replace(Item(KEY, {"version": 2}, version=item.version))

    fit_schema(table, [], migrates=True, layout=Layout(2, frozenset(), {1: overtaken}))
    item = table.get(KEY)
    assert item is not None
    assert (item.body, item.version) == ({"version": 2}, 2)


def test_a_migration_of_many_pages_keeps_every_item_as_it_was():
    table = MemoryTable()
    decisions = Decisions(table)
    for number in range(230):
        claim = decisions.receive(f"event-{number:03d}", NOW)
        decisions.decide(Decision.model_validate({**claim.decision.model_dump(), "state": "decided"}))
    before = [decision.event_id for decision in decisions.recent(limit=300).rows]
    fit_schema(table, ["a"], migrates=True)
    assert [decision.event_id for decision in decisions.recent(limit=300).rows] == before
    assert version_of(table.get(KEY)) == VERSION


def test_in_the_cloud_only_sweep_migrates_s24():
    assert _may_migrate({"AWS_LAMBDA_FUNCTION_NAME": "mlflow-steward-prod-sweep"})
    assert not _may_migrate({"AWS_LAMBDA_FUNCTION_NAME": "mlflow-steward-prod-intake"})
    assert _may_migrate({})
