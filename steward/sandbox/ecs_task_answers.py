"""ECS, the tasks: answered from the world."""

from datetime import datetime, timedelta
from typing import Any

from steward.sandbox import place
from steward.sandbox.answers import Answers, Declined, Params, in_cluster, last_part
from steward.sandbox.ecs_service import EcsService, new_task
from steward.sandbox.task import Behaviour, Task
from steward.sandbox.task_definitions import TaskDefinitions
from steward.sandbox.task_view import task_view

_ONE_OFF_S = 60
"""How long a command that somebody runs beside the service takes."""


class TaskAnswers:
    def __init__(self, service: EcsService, definitions: TaskDefinitions) -> None:
        self._service, self._definitions = service, definitions
        self._run_before: dict[str, list[Task]] = {}

    def table(self) -> Answers:
        return {
            "ListTasks": self._list_tasks,
            "DescribeTasks": self._describe_tasks,
            "StopTask": self._stop_task,
            "RunTask": self._run_task,
            "UpdateTaskProtection": self._update_protection,
            "GetTaskProtection": self._get_protection,
            "ListTagsForResource": self._list_tags,
        }

    def _list_tasks(self, params: Params, _now: datetime) -> dict[str, Any]:
        in_cluster(params)
        service = params.get("serviceName")
        if service is not None and last_part(service) != place.SERVICE:
            raise Declined("ServiceNotFoundException", "Service not found.")
        wanted = params.get("desiredStatus", "RUNNING")
        arns = [
            task.arn
            for task in self._service.tasks.values()
            if task.desired == wanted
            and (service is None or task.deployment is not None)
            and params.get("startedBy", task.started_by) == task.started_by
            and params.get("family", place.FAMILY) == last_part(task.definition).split(":")[0]
        ]
        return {"taskArns": arns}

    def _describe_tasks(self, params: Params, _now: datetime) -> dict[str, Any]:
        in_cluster(params)
        tasks, failures = [], []
        for name in params["tasks"]:
            task = self._service.tasks.get(last_part(name))
            if task is None:
                arn = name if ":" in name else place.arn("ecs", f"task/{place.CLUSTER}/{name}")
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                tasks.append(task_view(task))
        return {"tasks": tasks, "failures": failures}

    def _task(self, name: str) -> Task:
        task = self._service.tasks.get(last_part(name))
        if task is None:
            raise Declined("InvalidParameterException", "The referenced task was not found.")
        return task

    def _stop_task(self, params: Params, now: datetime) -> dict[str, Any]:
        in_cluster(params)
        task = self._task(params["task"])
        self._service.stop(task, now, "UserInitiated", params.get("reason") or "Task stopped by user")
        return {"task": task_view(task)}

    def _run_task(self, params: Params, now: datetime) -> dict[str, Any]:
        in_cluster(params)
        token = params.get("clientToken")
        if token and token in self._run_before:
            return {"tasks": [task_view(task) for task in self._run_before[token]], "failures": []}
        definition = self._definitions.find(params["taskDefinition"])
        if definition is None:
            raise Declined("ClientException", "TaskDefinition not found.")
        tasks = [self._one_off(params, definition, now) for _ in range(params.get("count", 1))]
        if token:
            self._run_before[token] = tasks
        return {"tasks": [task_view(task) for task in tasks], "failures": []}

    def _one_off(self, params: Params, definition: dict[str, Any], now: datetime) -> Task:
        group = params.get("group", f"family:{definition['family']}")
        arn = definition["taskDefinitionArn"]
        task = new_task(self._service.ids, arn, group, params.get("startedBy", ""), now)
        task.overrides, task.tags = dict(params.get("overrides", {})), list(params.get("tags", []))
        overridden = task.overrides.get("containerOverrides")
        if isinstance(overridden, list) and any("command" in each for each in overridden):
            task.behaviour = Behaviour(exits_after_s=_ONE_OFF_S, exit_code=0)
        self._service.run(task, now)
        return task

    def _update_protection(self, params: Params, now: datetime) -> dict[str, Any]:
        in_cluster(params)
        minutes = params.get("expiresInMinutes", 120)
        for name in params["tasks"]:
            until = now + timedelta(minutes=minutes) if params["protectionEnabled"] else None
            self._task(name).protected_until = until
        return self._get_protection(params, now)

    def _get_protection(self, params: Params, now: datetime) -> dict[str, Any]:
        in_cluster(params)
        tasks = [self._task(name) for name in params.get("tasks", [])]
        views = []
        for task in tasks:
            on = task.is_protected(now)
            until = {"expirationDate": task.protected_until} if on else {}
            views.append({"taskArn": task.arn, "protectionEnabled": on, **until})
        return {"protectedTasks": views, "failures": []}

    def _list_tags(self, params: Params, _now: datetime) -> dict[str, Any]:
        arn = params["resourceArn"]
        if arn == place.SERVICE_ARN:
            return {"tags": list(place.SERVICE_TAGS)}
        if ":task/" in arn:
            return {"tags": list(self._task(arn).tags)}
        return {"tags": self._definitions.tags(arn)}
