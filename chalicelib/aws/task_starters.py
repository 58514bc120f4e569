"""What starts ECS tasks by a clock or an event: the task definitions that EventBridge rules and schedules name."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from chalicelib.aws.translate import calling


class EventsClient(Protocol):
    """What of boto3's client is used; its stubs are not among what is installed."""

    def list_event_buses(self, **asked: str) -> dict[str, Any]: ...
    def get_paginator(self, name: str, /) -> Any: ...  # noqa: ANN401 - of several operations


class SchedulerClient(Protocol):
    def get_schedule(self, **asked: str) -> dict[str, Any]: ...
    def get_paginator(self, name: str, /) -> Any: ...  # noqa: ANN401 - as above


class TaskStarters:
    def __init__(self, events: EventsClient, scheduler: SchedulerClient) -> None:
        self._events, self._scheduler = events, scheduler

    def named(self, clusters: Iterable[str]) -> set[str]:
        """ARNs. For both services the target is the cluster, and the task definition a part of its settings."""
        there = list(clusters)
        return set(self._by_rules(there)) | set(self._by_schedules(there))

    def _by_rules(self, clusters: list[str]) -> Iterator[str]:
        for bus in self._buses() if clusters else ():
            for cluster in clusters:
                for rule in self._rules(bus, cluster):
                    yield from self._of_rule(bus, rule)

    def _buses(self) -> Iterator[str]:
        asked: dict[str, str] = {}
        while True:
            with calling("events:ListEventBuses"):
                page = self._events.list_event_buses(**asked)
            yield from (bus["Name"] for bus in page["EventBuses"])
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]

    def _rules(self, bus: str, cluster: str) -> Iterator[str]:
        with calling("events:ListRuleNamesByTarget"):
            pages = self._events.get_paginator("list_rule_names_by_target").paginate(
                TargetArn=cluster, EventBusName=bus
            )
            yield from [name for page in pages for name in page["RuleNames"]]

    def _of_rule(self, bus: str, rule: str) -> Iterator[str]:
        with calling("events:ListTargetsByRule"):
            pages = self._events.get_paginator("list_targets_by_rule").paginate(Rule=rule, EventBusName=bus)
            targets: list[Any] = [target for page in pages for target in page["Targets"]]
        yield from _task_definitions(targets)

    def _by_schedules(self, clusters: list[str]) -> Iterator[str]:
        """A listing says whom a schedule targets, and only the schedule itself with which task definition."""
        with calling("scheduler:ListSchedules"):
            pages = self._scheduler.get_paginator("list_schedules").paginate()
            listed = [each for page in pages for each in page["Schedules"]]
        for each in listed:
            if each.get("Target", {}).get("Arn") in clusters:
                with calling("scheduler:GetSchedule"):
                    found = self._scheduler.get_schedule(Name=each["Name"], GroupName=each["GroupName"])
                yield from _task_definitions([found["Target"]])


def _task_definitions(targets: Iterable[Any]) -> Iterator[str]:
    for target in targets:
        if named := target.get("EcsParameters", {}).get("TaskDefinitionArn"):
            yield str(named)
