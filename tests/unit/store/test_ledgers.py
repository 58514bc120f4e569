"""Ledgers: the stop flag as people and commands write it, and the optimistic loop."""

from datetime import UTC, datetime

import pytest

from chalicelib.errors import StaleWrite, StoreError, StoreUnavailable
from chalicelib.models.ledger import Fleet, Freeze, Ledger, Slot, Stop
from chalicelib.store.ledgers import Ledgers, read_stop, write_stop
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Item, Key

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
SLOT = Slot(run_id="r1", runbook="service-down", since=NOW)


@pytest.fixture
def table():
    return MemoryTable()


@pytest.fixture
def ledgers(table):
    return Ledgers(table)


def with_slot(ledger: Ledger) -> tuple[Ledger, str]:
    return ledger.model_copy(update={"active": (SLOT,)}), "done"


def test_a_stack_without_a_ledger_reads_as_an_empty_one(ledgers):
    assert ledgers.read("blue") == Ledger(stack="blue")
    assert ledgers.read_fleet() == Fleet()


def test_what_is_written_is_read_back_with_its_version(ledgers):
    ledger = ledgers.write(Ledger(stack="blue", active=(SLOT,), cooldowns={"service-down": NOW}))
    assert ledger.version == 1
    assert ledgers.read("blue") == ledger


@pytest.mark.parametrize(
    "stop",
    [
        Stop(by="anna", reason="moving the database", at=NOW),
        Stop(by="anna", reason="a | b | c", at=NOW),
        Stop(by="arn:aws:iam::1:user/x", reason="no time known"),
    ],
)
def test_our_own_stops_come_back_as_they_were(stop):
    assert read_stop(write_stop(stop)) == stop


@pytest.mark.parametrize("text", ["stop it", "", "|", "||", "a|b", "a|b|not a time", "a||2026-11-03T09:00:00+00:00"])
def test_any_other_text_is_a_stop_by_command_with_that_reason_s8(text):
    stop = read_stop(text)
    assert stop is not None
    assert stop.by == "aws command"
    assert stop.reason == (text or "no reason given")


def test_a_stop_is_seen_at_once_and_resume_takes_it_away_s8(ledgers):
    ledgers.stop("blue", Stop(by="anna", reason="why", at=NOW))
    ledgers.stop_fleet(Stop(by="ben", reason="all", at=NOW))
    assert ledgers.read("blue").stop == Stop(by="anna", reason="why", at=NOW)
    assert ledgers.read_fleet().stop == Stop(by="ben", reason="all", at=NOW)
    ledgers.resume("blue")
    ledgers.resume_fleet()
    assert ledgers.read("blue").stop is None
    assert ledgers.read_fleet().stop is None


def test_writing_a_ledger_cannot_lift_or_set_a_stop_s24(ledgers):
    ledgers.stop("blue", Stop(by="anna", reason="why", at=NOW))
    ledger = ledgers.read("blue")
    ledgers.write(ledger.model_copy(update={"stop": None}))
    assert ledgers.read("blue").stop is not None
    ledgers.write(Ledger(stack="green", stop=Stop(by="x", reason="y")))
    assert ledgers.read("green").stop is None


def test_a_stop_during_an_update_is_seen_by_the_second_try_s8(ledgers):
    seen = []

    def change(ledger: Ledger) -> tuple[Ledger, bool]:
        if not seen:
            ledgers.stop("blue", Stop(by="anna", reason="now", at=NOW))
        seen.append(ledger.stop)
        return (ledger, False) if ledger.stop else (with_slot(ledger)[0], True)

    assert ledgers.update("blue", change) is False
    assert [stop is None for stop in seen] == [True, False]
    assert ledgers.read("blue").active == ()


def test_an_update_that_changes_nothing_writes_nothing(ledgers):
    assert ledgers.update("blue", lambda ledger: (ledger, "as it was")) == "as it was"
    assert ledgers.read("blue").version == 0


def test_whoever_always_loses_hears_that_the_store_is_unavailable(ledgers):
    def change(ledger: Ledger) -> tuple[Ledger, None]:
        ledgers.write(ledger.model_copy(update={"freezes": (*ledger.freezes, Freeze(by="x", reason="y", until=NOW))}))
        return with_slot(ledger)[0], None

    with pytest.raises(StoreUnavailable, match="changing the ledger of blue"):
        ledgers.update("blue", change)
    assert ledgers.read("blue").active == ()


def test_a_ledger_that_does_not_read_as_one_is_an_error_that_names_it_s8(ledgers, table):
    table.create(Item(Key("STACK#blue", "LEDGER"), {"active": "what?"}))
    with pytest.raises(StoreError, match="STACK#blue/LEDGER does not read as Ledger"):
        ledgers.read("blue")


def test_a_stale_ledger_cannot_be_written(ledgers):
    old = ledgers.write(Ledger(stack="blue"))
    ledgers.write(old)
    with pytest.raises(StaleWrite):
        ledgers.write(old)


def test_one_page_goes_out_for_an_episode_s7(ledgers):
    assert ledgers.mark_paged(NOW)
    assert not ledgers.mark_paged(NOW)
    ledgers.update_fleet(lambda fleet: (fleet.model_copy(update={"paged_at": None}), None))
    assert ledgers.mark_paged(NOW)


def test_sweep_reads_the_ledger_of_every_stack(ledgers):
    ledgers.update("blue", with_slot)
    assert [len(ledger.active) for ledger in ledgers.read_all(["blue", "green"])] == [1, 0]
