"""ECS task state changes: only a task that has stopped can fire, and only if it should not have.

The stop code alone does not tell: a kill by the load balancer's health check and a scale-in are both
`ServiceSchedulerInitiated`, an out-of-memory kill and a batch job that is done are both
`EssentialContainerExited`. So the order below goes from the surest words to the vaguest.
"""

import re
from enum import StrEnum
from typing import Any, NamedTuple

from chalicelib.errors import SignalRejected
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, Body, integer, mappings, text
from chalicelib.signals.keys import Arn, arn_keys, parse_arn, service_key
from chalicelib.signals.origin import Event, make

_SIGTERM, _SIGKILL = 143, 137


class Cause(StrEnum):
    """Why a task stopped."""

    OUT_OF_MEMORY = "out_of_memory"
    FAILED_TO_START = "failed_to_start"
    UNHEALTHY = "unhealthy"
    CRASHED = "crashed"
    FINISHED = "finished"  # a one-off that did its work
    SCALED_IN = "scaled_in"  # also what a deployment does to old tasks: ECS uses one sentence for both
    DEPLOYMENT = "deployment"
    USER = "user"
    CAPACITY = "capacity"  # Spot, host or Fargate maintenance: the scheduler replaces the task by itself
    UNCLEAR = "unclear"


_FIRING = {Cause.OUT_OF_MEMORY, Cause.FAILED_TO_START, Cause.UNHEALTHY, Cause.CRASHED}

_OUT_OF_MEMORY = re.compile(r"(?i)OutOfMemory|out of memory")
# In this order: the first that is found in the reasons decides.
_BY_REASON = (
    (Cause.OUT_OF_MEMORY, _OUT_OF_MEMORY),
    (
        Cause.FAILED_TO_START,
        re.compile(
            r"(?i)Cannot(Pull|Create|Start|Inspect)\w*Error|CannotPull\w*|ResourceInitializationError|ResourceNotFound"
            r"|TaskFailedToStart|ContainerRuntime(Timeout)?Error|Timeout waiting for|Capacity is unavailable"
            r"|unable to (pull|place|assume)|Unexpected EC2 error"
        ),
    ),
    (Cause.UNHEALTHY, re.compile(r"(?i)health ?checks?|unhealthy")),
    (Cause.CAPACITY, re.compile(r"(?i)spot|host ec2|maintenance|retir|drain|deregist|terminat(ed|ion)|rebalanc")),
    (Cause.DEPLOYMENT, re.compile(r"(?i)circuit breaker|roll(ed|ing)? ?back|service .*(deleted|updated)")),
    (Cause.SCALED_IN, re.compile(r"(?i)scaling activity|scal(ed|ing) (in|down)")),
    (Cause.USER, re.compile(r"(?i)stopped by user|user initiated|StopTask")),
)
_BY_CODE = {
    "TaskFailedToStart": Cause.FAILED_TO_START,
    "SpotInterruption": Cause.CAPACITY,
    "TerminationNotice": Cause.CAPACITY,
    "UserInitiated": Cause.USER,
}
_RUN_ID = r"(r-[A-Za-z0-9]{6,40})"
_STARTED_BY_STEWARD = re.compile(rf"steward-{_RUN_ID}")
_STOPPED_BY_STEWARD = re.compile(rf"steward run {_RUN_ID}")


class Ending(NamedTuple):
    """What the containers say. Of several, the one that did not just follow the others down."""

    exit_codes: tuple[int, ...]
    exit_code: int | None
    reason: str | None
    container: str | None


def read_task(event: Event) -> Signal:
    detail = event.detail
    task = parse_arn(detail.get("taskArn")) or parse_arn(next(iter(event.resources), None))
    cluster = _cluster(detail, task)
    if task is None and cluster is None:
        raise SignalRejected("an ECS task event that names neither a task nor a cluster")
    group = text(detail.get("group")) or ""
    service = group.removeprefix("service:") if group.startswith("service:") else None
    ending = _ending(detail)
    status = text(detail.get("lastStatus")) or ("STOPPED" if "stoppedAt" in detail else None)
    cause = stop_cause(detail, ending) if status == "STOPPED" else None
    return make(
        event.origin,
        SignalKind.ECS_TASK,
        SignalState.FIRING if cause in _FIRING else SignalState.INFO,
        name=cause.value if cause else status,
        resource="/".join(part for part in (cluster, service or group.removeprefix("family:")) if part),
        reason=_sentence(detail, ending, cause),
        keys=(*service_key(cluster, service), *arn_keys(detail.get("taskArn"))),
        facts=_facts(detail, ending, cause),
        echo_of=echo_of(detail),
    )


def stop_cause(detail: Body, ending: Ending) -> Cause:
    code, stopped = text(detail.get("stopCode")) or "", text(detail.get("stoppedReason"), REASON_LIMIT) or ""
    if _OUT_OF_MEMORY.search(ending.reason or ""):
        return Cause.OUT_OF_MEMORY
    if code in _BY_CODE:
        return _BY_CODE[code]
    scheduled = code == "ServiceSchedulerInitiated"
    exited = code == "EssentialContainerExited" or "essential container" in stopped.lower()
    # On a scheduled stop the containers tell what the stopping did to them, not why it came.
    found = _by_reason((stopped,) if scheduled else (stopped, ending.reason or ""))
    if found and (found in _FIRING or not exited):
        return found
    # The scheduler stops tasks for its own reasons; of those only health and start fire, and they say so.
    return Cause.SCALED_IN if scheduled else _by_exit(detail, ending, exited=exited)


def _by_reason(said: tuple[str, ...]) -> Cause | None:
    return next((cause for cause, words in _BY_REASON if any(words.search(one) for one in said)), None)


def _by_exit(detail: Body, ending: Ending, *, exited: bool) -> Cause:
    failed = Cause.CRASHED if exited or ending.exit_code else Cause.UNCLEAR
    if str(detail.get("group", "")).startswith("service:"):
        # A service's task has no business ending, whatever its exit code: MLflow leaves a taken port with 0.
        return failed
    # A sidecar ends by SIGTERM when ECS stops it because the task's own work is done.
    done = 0 in ending.exit_codes and set(ending.exit_codes) <= {0, _SIGTERM}
    return Cause.FINISHED if done else failed


def _ending(detail: Body) -> Ending:
    containers = mappings(detail.get("containers"))[:20]
    coded = [(code, one) for one in containers if (code := integer(one.get("exitCode"))) is not None]
    said = [(reason, one) for one in containers if (reason := text(one.get("reason"), REASON_LIMIT))]
    worst = max(coded, key=lambda pair: (pair[0] != 0, pair[0] not in {_SIGTERM, _SIGKILL}), default=None)
    loudest = max(said, key=lambda pair: _OUT_OF_MEMORY.search(pair[0]) is not None, default=None)
    about = loudest or (worst if worst and worst[0] else None)
    return Ending(
        exit_codes=tuple(code for code, _ in coded),
        exit_code=worst[0] if worst else None,
        reason=loudest[0] if loudest else None,
        container=text(about[1].get("name")) if about else None,
    )


def _cluster(detail: Body, task: Arn | None) -> str | None:
    if cluster := parse_arn(detail.get("clusterArn")):
        return cluster.name
    # `task/CLUSTER/ID` since 2018; before that the cluster was not part of it.
    parts = task.resource.split("/") if task else []
    return parts[1] if len(parts) > 2 else None  # noqa: PLR2004  # head, cluster, id


def _sentence(detail: Body, ending: Ending, cause: Cause | None) -> str | None:
    stopped = text(detail.get("stoppedReason"), REASON_LIMIT)
    if cause is None:
        return stopped
    parts = [stopped, ending.reason if ending.reason != stopped else None]
    if ending.exit_code is not None:
        parts.append(f"exit code {ending.exit_code}")
    return "; ".join(part for part in parts if part) or f"the task stopped: {cause.value.replace('_', ' ')}"


def echo_of(detail: Body) -> str | None:
    """The run that started or stopped this task, when it was Steward."""
    started = _STARTED_BY_STEWARD.fullmatch(text(detail.get("startedBy")) or "")
    stopped = _STOPPED_BY_STEWARD.search(text(detail.get("stoppedReason"), REASON_LIMIT) or "")
    found = stopped or started
    return found[1] if found else None


def _facts(detail: Body, ending: Ending, cause: Cause | None) -> dict[str, Any]:
    return {
        "cause": cause.value if cause else None,
        "stop_code": text(detail.get("stopCode")),
        "stopped_reason": text(detail.get("stoppedReason"), REASON_LIMIT),
        "exit_code": ending.exit_code,
        "container_reason": ending.reason,
        "container": ending.container,
        "task_arn": text(detail.get("taskArn"), REASON_LIMIT),
        "task_definition_arn": text(detail.get("taskDefinitionArn"), REASON_LIMIT),
        "group": text(detail.get("group")),
        "started_by": text(detail.get("startedBy")),
        "last_status": text(detail.get("lastStatus")),
        "desired_status": text(detail.get("desiredStatus")),
        "health_status": text(detail.get("healthStatus")),
        "launch_type": text(detail.get("launchType")),
        "capacity_provider": text(detail.get("capacityProviderName")),
        "version": integer(detail.get("version")),
    }
