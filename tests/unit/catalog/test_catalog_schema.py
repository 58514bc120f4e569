"""The editors' schema takes what the loader takes, and refuses what the linter finds in shapes."""

import copy
import json

import pytest
from jsonschema import Draft202012Validator

from chalicelib.catalog.schema import runbook_schema, stack_schema
from chalicelib.documents import read_yaml


@pytest.fixture
def validator(index):
    schema = json.loads(json.dumps(runbook_schema(index)))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_good_runbook_is_valid(validator, good):
    assert [error.message for error in validator.iter_errors(read_yaml(good, "f").data)] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(autonomi="auto"),
        lambda r: r["steps"][1].update(do="ecs.restart_task"),
        lambda r: r["steps"][1].update(with_={}),
        lambda r: r["steps"][1]["with"].update(maxx=1),
        lambda r: r["steps"][1]["with"].update(max=11),
        lambda r: r["steps"][1]["with"].update(max="2"),
        lambda r: r["steps"][1].pop("with"),
        lambda r: r["steps"][1].update(onFailure="jump"),
        lambda r: r["steps"][1].update(timeout=15),
        lambda r: r["steps"][0].update(include="other"),
        lambda r: r["steps"][0].pop("do"),
        lambda r: r["on"].append({}),
        lambda r: r["on"].append({"alarm": {}, "manual": {}}),
        lambda r: r["verify"].update(that=["alarm_okay"]),
        lambda r: r["guards"].update(standAside=["deploying"]),
        lambda r: r["guards"]["blastRadius"].update(tasks="150%"),
    ],
)
def test_what_is_wrong_in_its_shape_is_red(validator, good, change):
    data = copy.deepcopy(read_yaml(good, "f").data)
    change(data)
    assert list(validator.iter_errors(data))


def test_an_include_is_a_step_too(validator, good):
    data = read_yaml(good, "f").data
    data["steps"].append({"id": "more", "include": "other", "with": {"anything": 1}})
    assert not list(validator.iter_errors(data))


def test_defaults_in_the_schema_are_written_as_people_write_them(index):
    guards = runbook_schema(index)["$defs"]["Guards"]["properties"]
    assert guards["cooldown"]["default"] == "15m"
    assert guards["maxRuns"]["default"] == {"count": 3, "per": "6h"}


def test_a_stack_file_is_valid_against_its_schema():
    schema = stack_schema()
    Draft202012Validator.check_schema(schema)
    text = "stack: a\nregion: eu-west-2\necs: {cluster: c, service: s}\nfreeze: [{from: 22:00, until: 06:00}]\n"
    assert not list(Draft202012Validator(schema).iter_errors(read_yaml(text, "f").data))
    assert list(Draft202012Validator(schema).iter_errors({"stack": "a", "regio": "x"}))
