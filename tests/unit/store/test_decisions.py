"""Receiving and deciding events: one claim each, also across crashes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import StaleWrite
from chalicelib.models.decision import Decision, DecisionState, Outcome, SignalDecision
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.store.decisions import NO_STACK, Decisions, Received, archive_key
from chalicelib.store.memory import MemoryTable

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


class CountingTable(MemoryTable):
    def __init__(self):
        super().__init__()
        self.calls = []

    def create(self, item):
        self.calls.append("create")
        return super().create(item)

    def replace(self, item):
        self.calls.append("replace")
        return super().replace(item)

    def get(self, key):
        self.calls.append("get")
        return super().get(key)


@pytest.fixture
def table():
    return CountingTable()


@pytest.fixture
def decisions(table):
    return Decisions(table)


def decided(decision: Decision, stack: str | None = "blue") -> Decision:
    signal = Signal(
        id=decision.event_id,
        kind=SignalKind.ALARM,
        state=SignalState.FIRING,
        source="eventbridge",
        occurred_at=NOW,
        stack=stack,
    )
    facts = {"state": DecisionState.DECIDED, "outcome": Outcome.IGNORE, "decided_at": NOW}
    return decision.model_copy(update={**facts, "parts": (SignalDecision(signal=signal, outcome=Outcome.IGNORE),)})


def test_a_new_event_is_ours(decisions):
    claim = decisions.receive("e1", NOW, attempt=2, predecessor="e0", trigger={"incident": "i1"})
    assert claim.state is Received.NEW
    assert claim.is_ours
    assert decisions.get("e1") == claim.decision
    assert (claim.decision.attempt, claim.decision.predecessor) == (2, "e0")


def test_a_decided_event_is_a_duplicate_in_one_store_call(decisions, table):
    decisions.decide(decided(decisions.receive("e1", NOW).decision))
    table.calls.clear()
    claim = decisions.receive("e1", NOW + timedelta(days=1))
    assert claim.state is Received.DUPLICATE
    assert claim.decision.outcome is Outcome.IGNORE
    assert table.calls == ["create"]


def test_an_event_that_another_worker_has_is_in_progress_for_a_minute(decisions):
    decisions.receive("e1", NOW)
    claim = decisions.receive("e1", NOW + timedelta(seconds=59))
    assert claim.state is Received.IN_PROGRESS
    assert not claim.is_ours


def test_after_a_minute_one_heir_takes_over_and_the_next_one_waits(decisions):
    decisions.receive("e1", NOW)
    later = NOW + timedelta(seconds=60)
    assert decisions.receive("e1", later).state is Received.TAKE_OVER
    assert decisions.receive("e1", later).state is Received.IN_PROGRESS


def test_of_many_heirs_at_once_exactly_one_takes_over(decisions):
    decisions.receive("e1", NOW)
    with ThreadPoolExecutor(16) as pool:
        claims = list(pool.map(lambda _: decisions.receive("e1", NOW + timedelta(minutes=5)), range(16)))
    assert [claim.state for claim in claims].count(Received.TAKE_OVER) == 1


def test_a_worker_whose_event_was_taken_over_cannot_decide_any_more(decisions):
    slow = decisions.receive("e1", NOW).decision
    heir = decisions.receive("e1", NOW + timedelta(minutes=2)).decision
    decisions.decide(decided(heir))
    with pytest.raises(StaleWrite):
        decisions.decide(decided(slow))


def test_an_event_that_nobody_decided_is_found_when_its_time_is_up(decisions):
    claim = decisions.receive("e1", NOW)
    assert decisions.stuck(NOW + timedelta(seconds=59)) == ()
    assert [found.event_id for found in decisions.stuck(NOW + timedelta(seconds=60))] == ["e1"]
    decisions.decide(decided(claim.decision))
    assert decisions.stuck(NOW + timedelta(days=1)) == ()


def make_many(decisions):
    for n in range(6):
        claim = decisions.receive(f"e{n}", NOW + timedelta(minutes=n))
        decisions.decide(decided(claim.decision, ["blue", "green", None][n % 3]))
    decisions.receive("undecided", NOW)


def test_decisions_are_listed_by_stack_newest_first(decisions):
    make_many(decisions)
    assert [row.event_id for row in decisions.recent("blue").rows] == ["e3", "e0"]
    assert [row.event_id for row in decisions.recent(NO_STACK).rows] == ["e5", "e2"]
    assert [row.event_id for row in decisions.recent("blue", since=NOW + timedelta(minutes=1)).rows] == ["e3"]


@pytest.mark.parametrize("limit", [1, 2, 4, 6, 7])
def test_all_decisions_are_one_list_and_paged_through_once(decisions, limit):
    make_many(decisions)
    seen, cursor = [], None
    while True:
        page = decisions.recent(limit=limit, cursor=cursor)
        seen += [row.event_id for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == ["e5", "e4", "e3", "e2", "e1", "e0"]


def test_an_id_too_long_for_a_key_still_names_its_event(decisions):
    long = "x" * 3000
    decisions.receive(long, NOW)
    assert decisions.receive(long, NOW).state is Received.IN_PROGRESS
    assert decisions.get(long).event_id == long


@pytest.mark.parametrize("name", ["../../secrets", "a/b", "", ".hidden", "x" * 300, "ü", "a\nb", "abc\n"])
def test_an_id_from_outside_cannot_choose_its_place_in_the_archive(name):
    folder, _, file = archive_key(name, NOW).rpartition("/")
    assert folder == "events/2026/11/03"
    assert len(file) == 64 + len(".json")


def test_a_plain_id_is_its_own_name_in_the_archive_of_its_day_in_utc():
    at = datetime.fromisoformat("2026-11-04T00:30:00+01:00")
    assert archive_key("12345678-aaaa-bbbb", at) == "events/2026/11/03/12345678-aaaa-bbbb.json"
