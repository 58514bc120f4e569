"""Whether a diagnosis names the cause of a record: the same judgement for live faults and for the recording."""

from chalicelib.diagnosis import Diagnoser
from chalicelib.diagnosis.signals import read_signals
from tests.real.records import Record


def first_named(made: Record, diagnoser: Diagnoser) -> str:
    """The first finding's cause, or `healthy` or `unknown`."""
    found = diagnoser.diagnose(read_signals(made["signals"], str(made["id"])))
    return found.findings[0].cause if found.findings else found.outcome.value


def is_right(made: Record, named: str) -> bool:
    also = made["also_acceptable"]
    assert isinstance(also, list)
    return named in {made["root_cause"], *also}
