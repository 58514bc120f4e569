"""The alarms that `steward stacks alarms` writes are those that runbooks react to, and CloudFormation takes them."""

import json
from fnmatch import fnmatchcase

import cfnlint.api
import pytest
from cfnlint.config import ManualArgs
from click.testing import CliRunner

from chalicelib.catalog.match import Matcher
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.stack import Stack
from chalicelib.models.words import utc
from chalicelib.signals.tie import tie
from steward.cli.folders import read_runbooks, read_stacks
from steward.cli.main import cli
from steward.packaging.alarms import alarm_names, alarm_template, untied

NAME = "fraud-scoring-mlflow"
ANSWERED = {
    "unhealthy-hosts": "service-down",
    "5xx": "high-error-rate",
    "auth-4xx": "authentication-broken",
    "latency": "high-latency",
    "memory": "out-of-memory",
    "db-connections": "database-connections-exhausted",
    "database-storage": "database-unreachable",
    "artifact-refusals": "artifact-store-denied",
}


@pytest.fixture(scope="module")
def stack():
    return read_stacks(None)[NAME]


def other(**changes):
    return Stack.model_validate(
        {"stack": "bare", "region": "eu-west-2", "ecs": {"cluster": "c", "service": "s"}, **changes}
    )


AURORA = {"database": {"cluster": "aurora-1"}}
BY_ARN = "arn:aws:elasticloadbalancing:eu-west-2:123456789012:targetgroup/tg/0123456789abcdef"


@pytest.mark.parametrize("short", sorted(ANSWERED))
def test_each_alarm_is_answered_by_the_runbook_that_it_is_for(stack, short):
    assert f"{NAME}-{short}" in alarm_names(alarm_template(stack))
    signal = Signal(
        id="e", kind=SignalKind.ALARM, state=SignalState.FIRING, name=f"{NAME}-{short}", source="eventbridge",
        occurred_at=utc("2026-11-02T09:00:00Z"), facts={"state_value": "ALARM"},
    )  # fmt: skip
    assert Matcher.of(read_runbooks(None).values()).matches(signal)[0].runbook == ANSWERED[short]


def test_no_runbook_waits_for_an_alarm_that_nobody_writes(stack):
    names = alarm_names(alarm_template(stack))
    assert len(names) == len(ANSWERED)
    for runbook in read_runbooks(None).values():
        wanted = [trigger.alarm.name for trigger in runbook.on if trigger.alarm]
        assert not wanted or any(fnmatchcase(name, glob) for name in names for glob in wanted), runbook.runbook


@pytest.mark.parametrize("changes", [None, {}, AURORA, {"loadBalancer": {"targetGroup": BY_ARN}}], ids=str)
def test_cfn_lint_finds_nothing_in_the_template(stack, changes):
    template = alarm_template(stack if changes is None else other(**changes))
    found = cfnlint.api.lint(json.dumps(template), config=ManualArgs(regions=["eu-west-2"], include_checks=["I"]))
    assert [str(match) for match in found] == []


def test_cfn_lint_would_find_something(stack):
    template = alarm_template(stack)
    template["Resources"]["Memory"]["Properties"]["Treshold"] = 1
    assert cfnlint.api.lint(json.dumps(template), config=ManualArgs(regions=["eu-west-2"]))


def test_what_a_stack_does_not_have_gets_no_alarm():
    assert alarm_names(alarm_template(other())) == ("bare-memory",)
    assert "bare-database-storage" not in alarm_names(alarm_template(other(**AURORA)))


def test_a_target_group_given_by_its_arn_needs_no_answer():
    parameters = alarm_template(other(loadBalancer={"targetGroup": BY_ARN}))["Parameters"]
    assert parameters["TargetGroupFullName"]["Default"] == "targetgroup/tg/0123456789abcdef"
    assert "Default" not in parameters["LoadBalancerFullName"]


def test_the_shipped_stack_s_alarms_are_tied_to_it_and_a_stack_without_a_glob_is_told(stack):
    template = alarm_template(stack)
    assert untied(stack, template) == ()
    assert untied(other(), alarm_template(other())) == ("bare-memory",)
    for name in alarm_names(template):
        signal = Signal(
            id="e", kind=SignalKind.ALARM, state=SignalState.FIRING, name=name, source="eventbridge",
            occurred_at=utc("2026-11-02T09:00:00Z"), region="eu-west-2", keys=(f"alarm:{name}",),
        )  # fmt: skip
        assert tie(signal, [stack]).stack == NAME


def test_the_command_prints_the_template_alone():
    done = CliRunner().invoke(cli, ["stacks", "alarms", NAME, "--json"])
    assert json.loads(done.stdout) == alarm_template(read_stacks(None)[NAME])
    assert CliRunner().invoke(cli, ["stacks", "alarms", "nobody"], standalone_mode=False).exception
