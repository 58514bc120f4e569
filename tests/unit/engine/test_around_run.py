"""What a step may ask about the surroundings of its run."""

from datetime import UTC, datetime
from types import SimpleNamespace

from chalicelib.engine import incidents as pure
from chalicelib.engine.around_run import open_incidents_of
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.store.incidents import Incidents
from chalicelib.store.memory import MemoryTable

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


def opened(incidents, kind, name):
    signal = Signal(
        id="e1", kind=kind, state=SignalState.FIRING, name=name, resource="it", source="eventbridge",
        occurred_at=NOW, stack="prod",
    )  # fmt: skip
    incident = pure.hear(pure.open_incident(signal, name, NOW), signal, NOW)
    return incidents.open_or_get(incident)


def test_s18_a_rotation_that_waits_for_its_turn_is_no_open_incident_and_all_else_is():
    incidents = Incidents(MemoryTable())
    ports, run = SimpleNamespace(incidents=incidents), SimpleNamespace(stack="prod", incident_id="own")
    ask = open_incidents_of(ports, run)
    opened(incidents, SignalKind.ALARM, "own")
    rotation = opened(incidents, SignalKind.SECRETS_ROTATION, "RotationSucceeded")
    assert ask() == ()
    opened(incidents, SignalKind.SECRETS_ROTATION, "RotationFailed")
    opened(incidents, SignalKind.ALARM, "prod-down")
    assert set(ask()) == {"secrets.rotation RotationFailed", "alarm prod-down"}
    incidents.save(pure.needs_human(rotation, NOW, "the run did not help"))
    assert len(ask()) == 3
