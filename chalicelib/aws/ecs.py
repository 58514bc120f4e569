"""ECS: the calls Steward makes. What it reads of the answers is in ecs_shapes.py."""

from collections.abc import KeysView, Sequence
from typing import TYPE_CHECKING, Any, Literal

from chalicelib.aws.ecs_revisions import Revision, difference, revision_of
from chalicelib.aws.ecs_shapes import (
    CompletedDeployment,
    Service,
    Task,
    TaskDefinition,
    service_of,
    task_definition_of,
    task_of,
    utc_or_none,
)
from chalicelib.aws.translate import calling
from chalicelib.errors import AwsNotFound, StepRefused

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

_PER_CALL = 100
"""DescribeTasks takes no more."""


class Ecs:
    def __init__(self, client: "ECSClient") -> None:
        self._client = client

    def service(self, cluster: str, service: str) -> Service:
        with calling("ecs:DescribeServices"):
            answer = self._client.describe_services(cluster=cluster, services=[service])
        for found in answer["services"]:
            return service_of(found)
        raise AwsNotFound("ecs:DescribeServices", "MISSING", f"no service {service} in cluster {cluster}")

    def tasks(self, cluster: str, service: str) -> tuple[Task, ...]:
        """Those that run or are starting."""
        return self._tasks(cluster, service, "RUNNING")

    def stopped_tasks(self, cluster: str, service: str) -> tuple[Task, ...]:
        """ECS forgets them after about an hour: an empty answer proves nothing (S5)."""
        return self._tasks(cluster, service, "STOPPED")

    def _tasks(self, cluster: str, service: str, wanted: Literal["RUNNING", "STOPPED"]) -> tuple[Task, ...]:
        with calling("ecs:ListTasks"):
            pages = self._client.get_paginator("list_tasks").paginate(
                cluster=cluster, serviceName=service, desiredStatus=wanted
            )
            arns = [arn for page in pages for arn in page["taskArns"]]
        return self.tasks_by_arn(cluster, arns)

    def tasks_of_family(
        self, cluster: str, family: str, wanted: Literal["RUNNING", "STOPPED"] = "RUNNING"
    ) -> tuple[Task, ...]:
        """Those that run or are starting, whoever started them: of services and beside them. `STOPPED`: those that
        were told to stop, too, though they may still be at it."""
        with calling("ecs:ListTasks"):
            pages = self._client.get_paginator("list_tasks").paginate(
                cluster=cluster, family=family, desiredStatus=wanted
            )
            arns = [arn for page in pages for arn in page["taskArns"]]
        return self.tasks_by_arn(cluster, arns)

    def tasks_by_arn(self, cluster: str, arns: Sequence[str]) -> tuple[Task, ...]:
        """Tasks that ECS has forgotten are simply not in the answer."""
        found: list[Task] = []
        for start in range(0, len(arns), _PER_CALL):
            with calling("ecs:DescribeTasks"):
                answer = self._client.describe_tasks(cluster=cluster, tasks=list(arns[start : start + _PER_CALL]))
            found += [task_of(task) for task in answer["tasks"]]
        return tuple(found)

    def task_definition(self, name: str) -> TaskDefinition:
        with calling("ecs:DescribeTaskDefinition"):
            answer = self._client.describe_task_definition(taskDefinition=name)
        return task_definition_of(answer["taskDefinition"])

    def revision(self, name: str) -> Revision:
        """Of a family's name alone the newest active one."""
        with calling("ecs:DescribeTaskDefinition"):
            answer = self._client.describe_task_definition(taskDefinition=name, include=["TAGS"])
        return revision_of(answer["taskDefinition"], answer.get("tags", []))

    def register_revision(self, former: Revision, wanted: Revision, declared: frozenset[str]) -> Revision:
        """S11: refuses to send what differs from `former` in anything that was not declared."""
        _refuse_strays(difference(former, wanted).keys() - declared, "it would differ")
        tags = [tag for tag in wanted.tags if not tag["key"].startswith("aws:")]  # those only AWS itself may set
        sent: dict[str, Any] = {**wanted.content, **({"tags": tags} if tags else {})}
        with calling("ecs:RegisterTaskDefinition"):
            answer = self._client.register_task_definition(**sent)
        made = revision_of(answer["taskDefinition"], answer.get("tags", []))
        _refuse_strays(difference(wanted, made).keys(), f"{made.short} came out different")
        return made

    def completed_deployments(self, cluster: str, service: str) -> tuple[CompletedDeployment, ...]:
        """Newest first. ECS keeps 90 days."""
        with calling("ecs:ListServiceDeployments"):
            listed = self._client.list_service_deployments(
                cluster=cluster, service=service, status=["SUCCESSFUL"], maxResults=20
            )
        finished = {
            d["targetServiceRevisionArn"]: d.get("finishedAt")
            for d in listed["serviceDeployments"]
            if "targetServiceRevisionArn" in d
        }
        if not finished:
            return ()
        with calling("ecs:DescribeServiceRevisions"):
            answer = self._client.describe_service_revisions(serviceRevisionArns=list(finished))
        task_definitions = {
            r["serviceRevisionArn"]: r["taskDefinition"]
            for r in answer["serviceRevisions"]
            if "serviceRevisionArn" in r and "taskDefinition" in r
        }
        return tuple(
            CompletedDeployment(task_definitions[arn], utc_or_none(at))
            for arn, at in finished.items()
            if arn in task_definitions
        )

    def stop_task(self, cluster: str, task: str, reason: str) -> None:
        with calling("ecs:StopTask"):
            self._client.stop_task(cluster=cluster, task=task, reason=reason)

    def set_desired_count(self, cluster: str, service: str, desired: int) -> Service:
        with calling("ecs:UpdateService"):
            answer = self._client.update_service(cluster=cluster, service=service, desiredCount=desired)
        return service_of(answer["service"])

    def force_new_deployment(self, cluster: str, service: str) -> Service:
        with calling("ecs:UpdateService"):
            answer = self._client.update_service(cluster=cluster, service=service, forceNewDeployment=True)
        return service_of(answer["service"])

    def set_task_definition(self, cluster: str, service: str, task_definition: str) -> Service:
        with calling("ecs:UpdateService"):
            answer = self._client.update_service(cluster=cluster, service=service, taskDefinition=task_definition)
        return service_of(answer["service"])


def _refuse_strays(paths: set[str] | KeysView[str], what: str) -> None:
    if paths:
        raise StepRefused(
            f"a new revision differs only in what was declared; {what} in {', '.join(sorted(paths))}", rule="S11"
        )
