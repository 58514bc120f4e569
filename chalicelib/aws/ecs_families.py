"""ECS, the revisions of a task definition's family: which there are, which are in use, and the end of one."""

from typing import TYPE_CHECKING, Any

from chalicelib.aws.task_starters import EventsClient, SchedulerClient, TaskStarters
from chalicelib.aws.translate import calling

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

_PER_CALL = 10
"""DescribeServices takes no more."""


class EcsFamilies:
    def __init__(self, client: "ECSClient", events: EventsClient, scheduler: SchedulerClient) -> None:
        self._client, self._starters = client, TaskStarters(events, scheduler)

    def active(self, family: str) -> tuple[str, ...]:
        """ARNs, the newest first. ECS takes the family for a prefix of its own names, so others are left out."""
        with calling("ecs:ListTaskDefinitions"):
            pages = self._client.get_paginator("list_task_definitions").paginate(
                familyPrefix=family, status="ACTIVE", sort="DESC"
            )
            arns = [arn for page in pages for arn in page["taskDefinitionArns"]]
        mine = [arn for arn in arns if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == family]
        return tuple(sorted(mine, key=revision_number, reverse=True))

    def in_use(self, family: str) -> frozenset[str]:
        """By any service, deployment or task of any cluster of the account's region, whoever started it, and by
        what an EventBridge rule or schedule would start. Raises where any of that cannot be read."""
        with calling("ecs:ListClusters"):
            clusters = [
                arn for page in self._client.get_paginator("list_clusters").paginate() for arn in page["clusterArns"]
            ]
        found = self._starters.named(clusters)
        for cluster in clusters:
            found |= self._of_services(cluster) | self._of_tasks(cluster, family)
        return frozenset(found)

    def _of_services(self, cluster: str) -> set[str]:
        with calling("ecs:ListServices"):
            pages = self._client.get_paginator("list_services").paginate(cluster=cluster)
            names = [arn for page in pages for arn in page["serviceArns"]]
        found: set[str] = set()
        for start in range(0, len(names), _PER_CALL):
            with calling("ecs:DescribeServices"):
                answer: Any = self._client.describe_services(cluster=cluster, services=names[start : start + _PER_CALL])
            for service in answer["services"]:
                rollouts = (service, *service.get("deployments", []), *service.get("taskSets", []))
                found |= {each["taskDefinition"] for each in rollouts if "taskDefinition" in each}
        return found

    def _of_tasks(self, cluster: str, family: str) -> set[str]:
        """Also those that are starting: what they are wanted to be is RUNNING."""
        with calling("ecs:ListTasks"):
            pages = self._client.get_paginator("list_tasks").paginate(cluster=cluster, family=family)
            arns = [arn for page in pages for arn in page["taskArns"]]
        found: set[str] = set()
        for start in range(0, len(arns), 100):
            with calling("ecs:DescribeTasks"):
                answer = self._client.describe_tasks(cluster=cluster, tasks=arns[start : start + 100])
            found |= {task["taskDefinitionArn"] for task in answer["tasks"] if "taskDefinitionArn" in task}
        return found

    def deregister(self, arn: str) -> None:
        """It becomes INACTIVE: it can still be read, and registered anew from what it says."""
        with calling("ecs:DeregisterTaskDefinition"):
            self._client.deregister_task_definition(taskDefinition=arn)


def revision_number(arn: str) -> int:
    return int(arn.rsplit(":", 1)[-1])
