"""The machine's definition as text: valid ASL in JSONPath, without a dead end, and small enough to carry nothing."""

import json
import re
from pathlib import Path

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from chalicelib.engine.admission import Ids
from chalicelib.engine.machine import StepFunctionsDriver, definition
from chalicelib.observability import MemoryTelemetry

MACHINE = definition("${AdvanceArn}")
STATES = MACHINE["States"]
TERMINAL = {"Succeed", "Fail"}
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
"""What Step Functions takes as a name and CloudWatch Logs can carry."""


def follows(state: dict) -> set[str]:
    named = [state.get("Next"), state.get("Default")]
    named += [choice["Next"] for choice in state.get("Choices", [])]
    named += [catcher["Next"] for catcher in state.get("Catch", [])]
    return {name for name in named if name}


def reachable(start: str) -> set[str]:
    seen, todo = set(), {start}
    while todo:
        state = todo.pop()
        seen.add(state)
        todo |= follows(STATES[state]) - seen
    return seen


def template(machine: dict) -> str:
    properties = {
        "RoleArn": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/steward"},
        "Definition": machine,
        "DefinitionSubstitutions": {"AdvanceArn": "arn:aws:lambda:eu-west-2:123456789012:function:advance"},
    }
    return json.dumps(
        {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    )


def complaints(machine: dict) -> list[str]:
    return [str(match.message) for match in lint(template(machine), config=ManualArgs(regions=["eu-west-2"]))]


def test_cfn_lint_has_nothing_to_say_about_it():
    assert complaints(MACHINE) == []


def test_cfn_lint_would_have_said_so():
    broken = json.loads(json.dumps(MACHINE))
    broken["States"]["Sleep"]["Next"] = "Nowhere"
    del broken["States"]["Choose"]["Choices"]
    assert complaints(broken)


def test_every_state_that_is_named_exists_and_every_state_is_reached():
    assert reachable(MACHINE["StartAt"]) == set(STATES)


def test_from_every_state_there_is_a_way_to_the_end():
    for name in STATES:
        assert reachable(name) & TERMINAL, name
    assert {name for name, state in STATES.items() if not follows(state)} == TERMINAL


def test_it_is_written_in_jsonpath_since_that_is_what_can_be_run_in_a_test():
    assert MACHINE.get("QueryLanguage", "JSONPath") == "JSONPath"
    assert "{%" not in json.dumps(MACHINE)


def test_what_is_asked_of_the_function_is_run_and_generation_and_for_a_sleep_its_bell():
    who = {"run_id.$": "$.run_id", "generation.$": "$.generation"}
    assert STATES["Advance"]["Parameters"]["Payload"] == who
    asked = STATES["Sleep"]["Parameters"]["Payload"]
    assert asked == {**who, "version.$": "$.version", "token.$": "$$.Task.Token"}


def test_whatever_ends_a_sleep_leads_to_advance_and_leaves_its_output_behind():
    """A token's output carries no meaning: neither who rings nor a time-out can tell the next Advance anything."""
    sleep = STATES["Sleep"]
    assert sleep["ResultPath"] is None
    assert sleep["Next"] == "Advance"
    assert sleep["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Advance"}]


def test_a_sleep_that_is_over_is_not_slept_again():
    first, *others = STATES["Sleep"]["Retry"]
    assert first == {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0}
    assert [retry["ErrorEquals"] for retry in others] == [["States.ALL"]]


def test_an_execution_starts_with_run_and_generation_and_nothing_else():
    started = []

    class Starts:
        def start_execution(self, machine_arn, name, given):
            started.append((machine_arn, name, given))

    StepFunctionsDriver(Starts(), "arn", MemoryTelemetry()).start("r-1", 3)
    assert started == [("arn", "r-1-3", {"run_id": "r-1", "generation": 3})]


@pytest.mark.parametrize("event_id", ["e", "alarm-" + "x" * 300, "ünïcode/and:more"])
@pytest.mark.parametrize("generation", [1, 99, 10**9])
def test_the_name_of_an_execution_fits_step_functions(event_id, generation):
    assert NAME.fullmatch(f"{Ids.of(event_id, 's' * 300).run}-{generation}")


def test_the_file_that_is_packaged_says_what_the_code_says():
    """What is deployed is what these tests ran; `steward generate` writes it."""
    packaged = Path(__file__).parents[3] / ".chalice" / "machine.asl.json"
    assert json.loads(packaged.read_text()) == MACHINE
