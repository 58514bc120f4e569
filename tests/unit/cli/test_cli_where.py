"""`--on` and the operations a desk can be asked for."""

import pytest

from chalicelib.errors import InputError
from chalicelib.models.step_index import StepEntry, StepIndex
from steward.cli.desk import carry_out, open_desk
from steward.packaging.reference import check_reference, step_reference
from steward.sandbox.faults import FAULTS
from steward.sandbox.scenarios import SCENARIOS


@pytest.mark.parametrize("where", ["http://steward.example.com/prod", "http://10.0.0.7:8000"])
def test_a_stage_is_asked_over_https_only_except_on_this_machine(where):
    with pytest.raises(InputError, match="over https only"), open_desk(where):
        pass


def test_what_only_a_sandbox_can_do_is_refused_for_a_stage():
    with open_desk("https://steward.example.com/prod") as desk, pytest.raises(InputError, match="is for a sandbox"):
        desk.ask("break", fault="task-hangs")


@pytest.mark.parametrize("where", ["", "moon", "Sandbox", "ftp://x"])
def test_any_other_place_is_refused_with_what_to_write(where):
    with pytest.raises(InputError, match="write sandbox, sandbox:FAULT, aws, aws:STAGE or the URL"), open_desk(where):
        pass


def test_an_operation_that_does_not_exist_is_refused_by_name():
    with pytest.raises(InputError, match="no operation 'format_disk'"):
        carry_out(None, "format_disk", {})


def test_arguments_that_do_not_fit_an_operation_are_refused():
    with pytest.raises(InputError, match="stop: missing a required argument"):
        carry_out(None, "stop", {"principal": "x"})


def test_every_scenario_breaks_with_a_fault_that_exists():
    assert {each.fault for each in SCENARIOS.values()} <= set(FAULTS)


def test_the_reference_says_what_an_action_risks_and_that_it_was_not_tried_on_aws():
    entry = StepEntry(
        name="ecs.do_it", kind="action", summary="Does it.", risk="medium", reversible=True, output={},
        params={"properties": {"max": {"type": "integer", "default": 1, "minimum": 1}}},
        permissions=({"action": "ecs:DoIt", "resource": "*", "why": "to do | it"},),
    )  # fmt: skip
    text = step_reference(StepIndex(steps={"ecs.do_it": entry}, checks={}))
    assert "Risk: **medium**. Can be undone" in text
    assert "Not tried on AWS" in text
    assert "| `max` | integer | default `1`; at least 1 |" in text
    assert "to do \\| it" in text
    assert "# Checks" in check_reference(StepIndex(steps={}, checks={}))
