"""Which runbooks a signal wakes, best first, the same every time."""

import itertools

import pytest

from chalicelib.catalog.load import load_runbook
from chalicelib.catalog.match import Matcher, compile_glob
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.words import utc

NOW = utc("2026-11-20T12:00:00Z")


def book(name, *triggers):
    listed = "".join(f"  - {trigger}\n" for trigger in triggers)
    return load_runbook(f"runbook: {name}\ntitle: {name} it\non:\n{listed}steps: [{{id: a, do: x.y}}]\n", "-")


def signal(kind, name, state=SignalState.FIRING, **facts):
    return Signal(id="e", kind=kind, state=state, name=name, source="eventbridge", occurred_at=NOW, facts=facts)


def alarm(name, value="ALARM", state=SignalState.FIRING, **facts):
    return signal(SignalKind.ALARM, name, state, state_value=value, **facts)


def names(runbooks, one):
    return [runbook.runbook for runbook in Matcher.of(runbooks).matches(one)]


def test_an_exact_name_comes_before_a_longer_pattern_before_a_shorter_one_in_any_order_given():
    books = [
        book("anything", 'alarm: {name: "*"}'),
        book("shorter", 'alarm: {name: "*unhealthy*"}'),
        book("longer", 'alarm: {name: "*unhealthy-hosts*"}'),
        book("exact", "alarm: {name: my-unhealthy-hosts}"),
        book("another", 'alarm: {name: "*unhealthy*"}'),
    ]
    for order in itertools.permutations(books):
        found = names(order, alarm("my-unhealthy-hosts"))
        assert found == ["exact", "longer", "another", "shorter", "anything"]


def test_a_trigger_with_more_conditions_comes_first():
    books = [book("a", 'alarm: {name: "*x*"}'), book("b", 'alarm: {name: "*x*", metric: M}')]
    assert names(books, alarm("x", metric="M")) == ["b", "a"]
    assert names(books, alarm("x", metric="N")) == ["a"]


def test_a_runbook_with_several_fitting_triggers_is_named_once():
    books = [book("a", 'alarm: {name: "*x*"}', "alarm: {name: x}", 'alarm: {name: "x*"}')]
    assert names(books, alarm("x")) == ["a"]


@pytest.mark.parametrize(
    ("wanted", "value", "state", "fits"),
    [
        ("ALARM", "ALARM", SignalState.FIRING, True),
        ("ALARM", "ALARM", SignalState.RESOLVED, False),
        ("ALARM", "ALARM", SignalState.INFO, False),
        ("ALARM", "OK", SignalState.RESOLVED, False),
        ("OK", "OK", SignalState.RESOLVED, True),
        ("OK", "OK", SignalState.FIRING, False),
        ("INSUFFICIENT_DATA", "INSUFFICIENT_DATA", SignalState.INFO, True),
        ("ALARM", "INSUFFICIENT_DATA", SignalState.INFO, False),
    ],
)
def test_an_alarm_trigger_wants_its_state_and_a_signal_that_agrees(wanted, value, state, fits):
    assert bool(names([book("a", f"alarm: {{state: {wanted}}}")], alarm("x", value, state))) is fits


def test_an_alarm_without_a_state_wakes_nobody():
    assert names([book("a", "alarm: {}")], signal(SignalKind.ALARM, "x")) == []


def test_namespace_and_metric_are_both_wanted():
    books = [book("a", "alarm: {namespace: AWS/ApplicationELB, metric: HTTPCode_Target_5XX_Count}")]
    assert names(books, alarm("x", namespace="AWS/ApplicationELB", metric="HTTPCode_Target_5XX_Count")) == ["a"]
    assert names(books, alarm("x", namespace="AWS/ECS", metric="HTTPCode_Target_5XX_Count")) == []
    assert names(books, alarm("x", namespace="AWS/ApplicationELB")) == []


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "", True), ("*a*", "bab", True), ("*a*", "bAb", False), ("a*", "ab", True), ("a*", "ba", False),
        ("*a", "ba", True), ("*a", "ab", False), ("a", "a", True), ("a", "A", False), ("a?c", "abc", True),
        ("[ab]-*", "b-1", True), ("[!ab]-*", "b-1", False), ("a*c", "abbc", True), ("a.c", "abc", False),
        ("*a*b*", "xaxbx", True), ("**", "x", True), ("*(a+)+$*", "x(a+)+$y", True),
    ],
)  # fmt: skip
def test_globs_are_case_sensitive_and_whole(pattern, name, fits):
    assert bool(compile_glob(pattern)(name)) is fits
    assert bool(names([book("a", f'alarm: {{name: "{pattern}"}}')], alarm(name))) is fits


def test_ecs_service_and_deployment_events_go_by_their_name():
    books = [
        book("impaired", "ecs.service: {event: SERVICE_TASK_START_IMPAIRED}"),
        book("failed", "ecs.deployment: {}"),
    ]
    assert names(books, signal(SignalKind.ECS_SERVICE, "SERVICE_TASK_START_IMPAIRED")) == ["impaired"]
    assert names(books, signal(SignalKind.ECS_SERVICE, "SERVICE_STEADY_STATE")) == []
    assert names(books, signal(SignalKind.ECS_DEPLOYMENT, "SERVICE_DEPLOYMENT_FAILED")) == ["failed"]


@pytest.mark.parametrize(
    ("facts", "fits"),
    [
        ({"stop_code": "EssentialContainerExited", "exit_code": 137, "stopped_reason": "OOM it was"}, True),
        ({"stop_code": "EssentialContainerExited", "exit_code": 1, "stopped_reason": "OOM it was"}, False),
        ({"stop_code": "UserInitiated", "exit_code": 137, "stopped_reason": "OOM it was"}, False),
        ({"stop_code": "EssentialContainerExited", "exit_code": 137, "stopped_reason": "fine"}, False),
        ({"stop_code": "EssentialContainerExited", "exit_code": 137}, False),
        ({}, False),
        (
            {
                "stop_code": "EssentialContainerExited",
                "exit_code": 137,
                "stopped_reason": "OOM",
                "last_status": "RUNNING",
            },
            False,
        ),
    ],
)
def test_ecs_task_conditions_must_all_hold(facts, fits):
    books = [book("a", 'ecs.task: {stopCode: EssentialContainerExited, exitCode: 137, stoppedReason: "*OOM*"}')]
    assert bool(names(books, signal(SignalKind.ECS_TASK, "STOPPED", **facts))) is fits


def test_alertmanager_goes_by_alert_name_and_labels_and_only_while_firing():
    books = [book("a", "alertmanager: {alertname: MLflowDown, labels: {severity: page}}")]
    kind = SignalKind.WEBHOOK_ALERTMANAGER
    assert names(books, signal(kind, "MLflowDown", labels={"severity": "page", "job": "x"})) == ["a"]
    assert names(books, signal(kind, "MLflowDown", labels={"severity": "info"})) == []
    assert names(books, signal(kind, "MLflowDown")) == []
    assert names(books, signal(kind, "MLflowDown", SignalState.RESOLVED, labels={"severity": "page"})) == []


def test_schedules_and_people_name_their_runbook_and_it_must_want_to_be_named():
    books = [book("nightly", 'schedule: {expression: "rate(1 day)"}'), book("by-hand", "manual: {}")]
    assert names(books, signal(SignalKind.SCHEDULE, "nightly", SignalState.INFO)) == ["nightly"]
    assert names(books, signal(SignalKind.SCHEDULE, "by-hand", SignalState.INFO)) == []
    assert names(books, signal(SignalKind.MANUAL, "by-hand", SignalState.INFO)) == ["by-hand"]
    assert names(books, signal(SignalKind.MANUAL, "nightly", SignalState.INFO)) == []


@pytest.mark.parametrize("kind", list(SignalKind))
def test_any_kind_of_signal_without_name_and_facts_is_no_trouble(kind):
    books = [book("a", "alarm: {}", "ecs.task: {exitCode: 1}", "alertmanager: {alertname: x}", "manual: {}")]
    assert names(books, signal(kind, None)) == []
