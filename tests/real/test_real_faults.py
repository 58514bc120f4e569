"""Each fault is provoked on a real MLflow: it must show the symptom it is known by, and its cause must be named."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.diagnosis import Diagnoser
from steward.cli.knowledge import read_knowledge
from tests.real.faults.every_fault import FAULTS
from tests.real.faults.fault import Fault
from tests.real.judged import first_named, is_right
from tests.real.lab.child import LabFailure
from tests.real.lab.laboratory import Laboratory
from tests.real.records import Record, normalised, record, write

pytestmark = pytest.mark.real

Session = dict[str, Record]


@pytest.fixture(scope="session")
def diagnoser() -> Diagnoser:
    return Diagnoser(read_knowledge())


@pytest.fixture(scope="session")
def as_printed() -> Session:
    """What this session saw, word for word."""
    return {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_real_fault_shows_its_symptom_and_its_cause_is_named(
    fault: Fault, lab: Laboratory, diagnoser: Diagnoser, recording: Session, as_printed: Session
) -> None:
    try:
        seen = fault.provoke(lab)
    except (LabFailure, OSError) as failure:
        pytest.fail(f"the laboratory could not provoke {fault.name}: {failure}", pytrace=False)
    missing = fault.missing_symptoms(seen)
    assert not missing, "\n".join(missing)

    made = record(fault, seen)
    as_printed[fault.name] = made
    recording[fault.name] = normalised(made, lab)
    named = first_named(made, diagnoser)
    assert is_right(made, named), f"named {named}, but it was {fault.cause}:\n" + "\n".join(seen.logs[-40:])


def test_the_command_names_the_causes_seen_in_this_session(as_printed: Session, tmp_path: Path) -> None:
    """Last on purpose: the same through the door that people and CI use."""
    cases = tmp_path / "cases.jsonl"
    write(cases, as_printed.values())
    command = [str(Path(sys.executable).parent / "steward"), "diagnose", "--cases", str(cases), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert said.returncode == 0, said.stderr
    answers = [json.loads(line) for line in said.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == list(as_printed)
    for answer in answers:
        findings = answer["findings"]
        named = findings[0]["cause"] if findings else answer["outcome"]
        assert is_right(as_printed[answer["id"]], named), f"{answer['id']}: {named}"
