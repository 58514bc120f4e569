"""What a real MLflow printed and answered, as recorded by the tests on real servers, is diagnosed rightly.

The recording is made anew by `STEWARD_RECORD=1 make test-real`.
"""

import re
from pathlib import Path

import pytest

from chalicelib.diagnosis import Diagnoser
from tests.real.faults.every_fault import FAULTS
from tests.real.judged import first_named, is_right
from tests.real.records import Record, read
from tests.shipped import read_knowledge

RECORDED = read(Path(__file__).parents[2] / "real" / "recorded" / "faults.jsonl")


@pytest.fixture(scope="module")
def diagnoser() -> Diagnoser:
    return Diagnoser(read_knowledge())


@pytest.mark.parametrize("made", RECORDED, ids=lambda made: str(made["id"]))
def test_the_cause_of_a_recorded_fault_is_named(made: Record, diagnoser: Diagnoser) -> None:
    named = first_named(made, diagnoser)
    assert is_right(made, named), f"named {named}, but it was {made['root_cause']}"


def test_the_recording_holds_enough_faults_and_more_than_one_server_that_is_well() -> None:
    well = [made for made in RECORDED if made["root_cause"] == "healthy"]
    assert len(RECORDED) - len(well) >= 15
    assert len(well) >= 2


def test_every_fault_that_is_provoked_is_recorded_and_nothing_else() -> None:
    assert {str(made["id"]) for made in RECORDED} == {fault.name for fault in FAULTS}


def test_the_recording_says_nothing_about_the_machine_it_was_made_on() -> None:
    places = re.compile(r"/(root|work|Users|builds|home)/|/tmp/(?!upload\b)|\b\d{4}[/-]\d\d[/-]\d\d\b")
    for made in RECORDED:
        found = {each[0] for each in places.finditer(str(made["signals"]))} - {"2026/01/01", "2026-01-01"}
        assert not found, f"{made['id']} holds {found}"
