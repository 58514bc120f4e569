"""Ids and runs made from an event: the same whoever makes them."""

from chalicelib.engine.admission import Ids, started_by
from chalicelib.engine.drivers import LocalDriver
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.words import utc

NOW = utc("2026-11-02T09:00:00+00:00")


def signal(kind=SignalKind.ALARM, **more):
    facts = {"id": "e1", "kind": kind, "state": SignalState.FIRING, "source": "x", "occurred_at": NOW, "name": "down"}
    return Signal.model_validate({**facts, **more})


def test_the_same_event_makes_the_same_ids_and_each_signal_its_own():
    assert Ids.of("e1", "e1") == Ids.of("e1", "e1")
    ids = {Ids.of(event, one).run for event in ("e1", "e2") for one in ("s1", "s2")}
    assert len(ids) == 4
    assert Ids.of("e1", "e1").run.startswith("r-")
    assert Ids.of("e1", "e1").incident.startswith("i-")


def test_a_run_says_who_or_what_started_it():
    assert started_by(signal()) == "alarm down"
    assert started_by(signal(SignalKind.SCHEDULE, name="nightly")) == "schedule nightly"
    assert started_by(signal(SignalKind.MANUAL, facts={"principal": "ada"})) == "ada"


def test_the_local_driver_gives_what_starts_what_is_due_and_what_was_rung():
    driver = LocalDriver()
    driver.start("r1", 1)
    assert not driver.is_idle
    assert driver.due(NOW) == [("r1", 1)]
    later = utc("2026-11-02T10:00:00+00:00")
    driver.later("r1", 1, later)
    driver.later("r2", 1, later)
    assert driver.next_at == later
    assert driver.due(NOW) == []
    driver.ring("r1", None)
    assert driver.due(NOW) == [("r1", 1)]
    assert driver.due(later) == [("r2", 1)]
    assert driver.is_idle


def test_a_ring_for_a_run_that_does_not_sleep_is_no_error():
    driver = LocalDriver()
    driver.ring("r1", None)
    assert driver.due(NOW) == []
