"""Incidents: opened once whatever crashes, closed for good, found when due."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import StaleWrite
from chalicelib.models.incident import Incident, IncidentState
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.store.incidents import Incidents
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Item, Key

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


class DiedError(Exception):
    pass


class MortalTable(MemoryTable):
    """Dies at the n-th write from now: before it, or after it."""

    def __init__(self):
        super().__init__()
        self.dies_at: int | None = None
        self.after = False

    def _maybe_die(self, when_after: bool) -> None:
        if self.dies_at is None or when_after is not self.after:
            return
        self.dies_at -= 1
        if self.dies_at == 0:
            self.dies_at = None
            raise DiedError

    def create(self, item):
        self._maybe_die(False)
        answer = super().create(item)
        self._maybe_die(True)
        return answer

    def replace(self, item):
        self._maybe_die(False)
        answer = super().replace(item)
        self._maybe_die(True)
        return answer


@pytest.fixture
def table():
    return MortalTable()


@pytest.fixture
def incidents(table):
    return Incidents(table)


def candidate(name: str = "i1", **facts) -> Incident:
    given = {"stack": "blue", "fingerprint": "f1", "title": "service down", "opened_at": NOW, "changed_at": NOW}
    return Incident(id=name, **{**given, **facts})


def signal(name: str, at: datetime = NOW) -> Signal:
    return Signal(id=name, kind=SignalKind.ALARM, state=SignalState.FIRING, source="sns", occurred_at=at)


def test_the_first_signal_opens_the_incident(incidents):
    opened = incidents.open_or_get(candidate())
    assert opened == candidate().model_copy(update={"version": 1})
    assert incidents.get("i1") == opened
    assert incidents.open_with("blue", "f1") == opened


def test_opening_again_gives_the_same_one_whoever_asks(incidents):
    opened = incidents.open_or_get(candidate("i1"))
    assert incidents.open_or_get(candidate("i1")) == opened
    assert incidents.open_or_get(candidate("i2")) == opened
    assert incidents.get("i2") is None


def test_another_fingerprint_or_stack_is_another_incident(incidents):
    for name, facts in (("i1", {}), ("i2", {"fingerprint": "f2"}), ("i3", {"stack": "green"})):
        incidents.open_or_get(candidate(name, **facts))
    assert {incident.id for incident in incidents.open_of("blue")} == {"i1", "i2"}
    assert {incident.id for incident in incidents.open_of("green")} == {"i3"}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_crash_while_opening_leaves_one_incident_for_whoever_comes_next(incidents, table, dies_at, after):
    table.dies_at, table.after = dies_at, after
    with pytest.raises(DiedError):
        incidents.open_or_get(candidate("i1"))
    opened = incidents.open_or_get(candidate("i2"))
    assert incidents.open_or_get(candidate("i1")) == opened
    assert [incident.id for incident in incidents.open_of("blue")] == [opened.id]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_crash_while_closing_is_finished_by_closing_again(incidents, table, dies_at, after):
    opened = incidents.open_or_get(candidate("i1"))
    table.dies_at, table.after = dies_at, after
    with pytest.raises(DiedError):
        incidents.close(opened, NOW)
    closed = incidents.close(incidents.get("i1"), NOW)
    assert closed.state is IncidentState.CLOSED
    assert incidents.open_or_get(candidate("i2")).id == "i2"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_crash_while_closing_does_not_hold_up_the_next_incident(incidents, table, dies_at, after):
    opened = incidents.open_or_get(candidate("i1"))
    table.dies_at, table.after = dies_at, after
    with pytest.raises(DiedError):
        incidents.close(opened, NOW)
    wanted = "i1" if (dies_at, after) == (1, False) else "i2"
    assert incidents.open_or_get(candidate("i2")).id == wanted
    assert [incident.id for incident in incidents.open_of("blue")] == [wanted]


def test_closing_never_takes_the_pointer_of_the_next_incident(incidents):
    first = incidents.open_or_get(candidate("i1"))
    closed = incidents.close(first, NOW, "all quiet")
    second = incidents.open_or_get(candidate("i2"))
    incidents.close(closed, NOW)
    assert incidents.open_with("blue", "f1") == second
    assert incidents.get("i1").reason == "all quiet"


def test_a_late_redelivery_of_the_opening_event_gets_the_closed_incident_back(incidents):
    incidents.close(incidents.open_or_get(candidate("i1")), NOW)
    assert incidents.open_or_get(candidate("i1")).state is IncidentState.CLOSED
    assert incidents.open_of("blue") == ()
    assert incidents.open_or_get(candidate("i2")).id == "i2"


def test_of_sixteen_workers_all_get_the_same_incident(incidents):
    with ThreadPoolExecutor(16) as pool:
        opened = list(pool.map(lambda n: incidents.open_or_get(candidate(f"i{n}")).id, range(16)))
    assert len(set(opened)) == 1


def test_a_stale_incident_can_neither_be_saved_nor_closed(incidents):
    old = incidents.open_or_get(candidate())
    incidents.save(old)
    with pytest.raises(StaleWrite):
        incidents.save(old)
    with pytest.raises(StaleWrite):
        incidents.close(old, NOW)


def test_signals_are_kept_once_in_the_order_in_which_they_happened(incidents):
    assert incidents.append_signal("i1", signal("late", NOW + timedelta(minutes=1)))
    assert incidents.append_signal("i1", signal("early"))
    assert not incidents.append_signal("i1", signal("early"))
    assert [found.id for found in incidents.signals("i1")] == ["early", "late"]


@pytest.mark.parametrize(
    ("facts", "minutes"),
    [
        ({"reconsider_at": NOW + timedelta(minutes=3)}, 3),
        ({"quiet_since": NOW, "settles_after_s": 420, "state": IncidentState.QUIET}, 7),
        ({}, 10),
    ],
)
def test_an_open_incident_that_nobody_is_on_is_due_some_time_s31(incidents, facts, minutes):
    incidents.save(incidents.open_or_get(candidate()).model_copy(update=facts))
    assert incidents.due(NOW + timedelta(minutes=minutes, seconds=-1)) == ()
    assert [found.id for found in incidents.due(NOW + timedelta(minutes=minutes))] == ["i1"]


def test_an_incident_with_a_run_on_it_is_left_to_the_run(incidents):
    opened = incidents.open_or_get(candidate())
    incidents.save(opened.model_copy(update={"run_id": "r1", "state": IncidentState.ACTING}))
    assert incidents.due(NOW + timedelta(days=1)) == ()


def test_closed_ones_and_ones_that_wait_for_a_person_are_not_due(incidents):
    waiting = incidents.open_or_get(candidate("i1")).model_copy(update={"state": IncidentState.NEEDS_HUMAN})
    incidents.save(waiting)
    incidents.close(incidents.open_or_get(candidate("i2", fingerprint="f2")), NOW)
    assert incidents.due(NOW + timedelta(days=30)) == ()


def test_a_time_that_the_caller_knows_better_wins(incidents):
    incidents.save(incidents.open_or_get(candidate()), due_at=NOW)
    assert [found.id for found in incidents.due(NOW)] == ["i1"]


def test_a_pointer_without_its_incident_is_given_one(incidents, table):
    table.create(Item(Key("STACK#blue", "INCIDENT#f1"), {"incident_id": "ghost"}))
    assert incidents.open_or_get(candidate("i1")).id == "ghost"
    assert incidents.get("ghost").title == "service down"


def test_incidents_are_listed_by_stack(incidents):
    incidents.open_or_get(candidate("i1"))
    incidents.open_or_get(candidate("i2", fingerprint="f2", opened_at=NOW + timedelta(minutes=1)))
    assert [row.id for row in incidents.recent("blue").rows] == ["i2", "i1"]
