"""ECS events: which stopped task is trouble, and which is somebody's wish."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chalicelib.models.signal import SignalKind, SignalState
from chalicelib.signals.read import read_signals

EVENTS = Path(__file__).parents[2] / "fixtures" / "events"
NOW = datetime(2026, 3, 4, 5, 6, 10, tzinfo=UTC)


def event(name: str) -> dict:
    return json.loads((EVENTS / name).read_text())


def only(payload: object):
    (signal,) = read_signals(payload, received_at=NOW)
    return signal


def stopped(
    code: str | None, reason: str | None, *containers: dict, group: str = "service:churn-mlflow", **more: object
):
    payload = event("ecs_task/crashed_exit_1.json")
    payload["detail"] |= {
        "stopCode": code,
        "stoppedReason": reason,
        "containers": list(containers),
        "group": group,
        **more,
    }
    return only(payload)


def test_the_facts_say_what_triggers_and_guards_ask_for():
    facts = only(event("ecs_task/crashed_exit_1.json")).facts

    assert facts == {
        "cause": "crashed",
        "stop_code": "EssentialContainerExited",
        "stopped_reason": "Essential container in task exited",
        "exit_code": 1,
        "container": "mlflow",
        "task_arn": "arn:aws:ecs:eu-central-1:210987654321:task/churn-cluster/7f0e0d0c0b0a09080706050403020100",
        "task_definition_arn": "arn:aws:ecs:eu-central-1:210987654321:task-definition/churn:12",
        "group": "service:churn-mlflow",
        "started_by": "ecs-svc/1234567890123456789",
        "last_status": "STOPPED",
        "desired_status": "STOPPED",
        "launch_type": "FARGATE",
        "version": 5,
    }


@pytest.mark.parametrize(
    ("code", "reason", "cause"),
    [
        (
            "TaskFailedToStart",
            "CannotPullContainerError: pull image manifest has been retried 5 time(s)",
            "failed_to_start",
        ),
        ("TaskFailedToStart", None, "failed_to_start"),
        ("TaskFailedToStart", "Unexpected EC2 error while attempting to attach network interface", "failed_to_start"),
        ("ServiceSchedulerInitiated", "Task failed ELB health checks in (elb churn-classic)", "unhealthy"),
        (
            "ServiceSchedulerInitiated",
            "(port 5000) is unhealthy in (target-group x) due to (reason timeout)",
            "unhealthy",
        ),
        ("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)", "scaled_in"),
        ("ServiceSchedulerInitiated", "a sentence that ECS did not write before", "scaled_in"),
        ("ServiceSchedulerInitiated", None, "scaled_in"),
        ("ServiceSchedulerInitiated", "ECS is performing maintenance on the underlying infrastructure", "capacity"),
        ("ServiceSchedulerInitiated", "ECS deployment circuit breaker: rolling back", "deployment"),
        ("TerminationNotice", "Host EC2 (instance i-1) terminated.", "capacity"),
        ("SpotInterruption", None, "capacity"),
        ("UserInitiated", "Task stopped by user", "user"),
        ("UserInitiated", "it failed ELB health checks, I think", "user"),
        (None, "Task failed container health checks", "unhealthy"),
        (None, "ResourceInitializationError: failed to invoke EFS utils commands", "failed_to_start"),
        ("CodeOfTheFuture", "something", "unclear"),
        (None, None, "unclear"),
    ],
)
def test_stop_code_and_reason_together_tell_why_a_task_stopped(code, reason, cause):
    signal = stopped(code, reason)
    trouble = cause in {"failed_to_start", "unhealthy"}

    assert signal.facts["cause"] == signal.name == cause
    assert signal.state is (SignalState.FIRING if trouble else SignalState.INFO)
    assert signal.actionable is trouble


@pytest.mark.parametrize("code", ["EssentialContainerExited", "ServiceSchedulerInitiated", "UserInitiated", None])
def test_out_of_memory_fires_whatever_the_stop_code_says(code):
    killed = {"name": "mlflow", "reason": "OutOfMemoryError: Container killed due to memory usage"}

    assert stopped(code, "Essential container in task exited", killed).name == "out_of_memory"


@pytest.mark.parametrize("code", [1, "1", 137, "139", -1])
def test_a_failed_exit_of_a_one_off_fires_whether_it_is_a_number_or_text(code):
    signal = stopped("EssentialContainerExited", None, {"name": "job", "exitCode": code}, group="family:job")

    assert (signal.name, signal.facts["exit_code"]) == ("crashed", int(code))


def test_a_one_off_that_ended_without_an_exit_code_did_not_succeed():
    assert stopped("EssentialContainerExited", None, {"name": "job"}, group="family:job").name == "crashed"


def test_the_exit_code_is_that_of_the_container_that_did_not_just_follow():
    containers = (
        {"name": "proxy", "exitCode": 143},
        {"name": "init", "exitCode": 0},
        {"name": "mlflow", "exitCode": 3},
    )
    facts = stopped("EssentialContainerExited", None, *containers).facts

    assert (facts["exit_code"], facts["container"]) == (3, "mlflow")


@pytest.mark.parametrize("status", ["RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING"])
def test_a_task_fires_only_once_it_has_stopped(status):
    signal = stopped("TaskFailedToStart", "CannotPullContainerError: no", lastStatus=status)

    assert (signal.state, signal.name) == (SignalState.INFO, status)


def test_an_echo_names_the_run_that_stopped_or_started_the_task_and_is_never_actionable():
    by_reason, by_start = only(event("ecs_task/stopped_by_steward.json")), only(event("ecs_task/own_one_off.json"))

    assert by_reason.echo_of == by_start.echo_of == "r-0a1b2c3d4e5f"
    assert not by_start.actionable


@pytest.mark.parametrize(
    "started_by", ["ecs-svc/steward-r-0a1b2c3d4e5f", "steward-", "steward-r-", "xsteward-r-0a1b2c3d4e5f"]
)
def test_what_only_looks_like_an_echo_is_none(started_by):
    assert stopped("EssentialContainerExited", None, startedBy=started_by).echo_of is None


def test_redacted_account_ids_do_not_hide_cluster_and_service():
    text = json.dumps(event("ecs_task/pending.json")).replace("210987654321", "############")
    signal = only(json.loads(text))

    assert (signal.resource, signal.account) == ("churn-cluster/churn-mlflow", None)


def test_a_task_event_about_nothing_is_invalid():
    payload = event("ecs_task/pending.json") | {"resources": [], "detail": {"lastStatus": "STOPPED"}}

    assert only(payload).kind is SignalKind.INVALID


@pytest.mark.parametrize("name", ["TASKSET_STEADY_STATE", "CAPACITY_PROVIDER_STEADY_STATE"])
def test_every_steady_state_resolves(name):
    payload = event("ecs_service/steady.json")
    payload["detail"]["eventName"] = name

    assert only(payload).state is SignalState.RESOLVED


@pytest.mark.parametrize(
    ("name", "severity", "state"),
    [
        ("SERVICE_SOMETHING_NEW", "ERROR", "firing"),
        ("SERVICE_SOMETHING_NEW", "WARN", "firing"),
        ("SERVICE_SOMETHING_NEW", "INFO", "info"),
        ("SERVICE_SOMETHING_NEW", None, "info"),
        ("SERVICE_DEPLOYMENT_IN_PROGRESS", "WARN", "info"),
        ("SERVICE_DEPLOYMENT_FAILED", None, "firing"),
        ("SERVICE_DEPLOYMENT_COMPLETED", "INFO", "resolved"),
    ],
)
def test_a_service_action_is_as_bad_as_its_type_says_and_known_names_need_none(name, severity, state):
    payload = event("ecs_service/steady.json")
    payload["detail"] |= {"eventName": name, "eventType": severity}

    assert only(payload).state.value == state


def test_a_deployment_that_rolls_back_says_so():
    assert only(event("ecs_deployment/rolling_back.json")).facts["rolling_back"] is True
