"""ECS: one task beside the service, with the service's own network and task definition (S12)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.ecs_shapes import Task, task_of
from chalicelib.aws.translate import calling
from chalicelib.errors import AwsInvalid, AwsNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ecs import ECSClient


@dataclass(frozen=True)
class Placement:
    """How the service runs its tasks, for RunTask to take over as it is."""

    task_definition: str
    settings: "Mapping[str, Any]"
    """launchType or capacityProviderStrategy, platformVersion, networkConfiguration."""


class EcsOneOff:
    def __init__(self, client: "ECSClient") -> None:
        self._client = client

    def placement(self, cluster: str, service: str) -> Placement:
        with calling("ecs:DescribeServices"):
            answer = self._client.describe_services(cluster=cluster, services=[service])
        for found in answer["services"]:
            settings: dict[str, Any] = {}
            if found.get("capacityProviderStrategy"):
                settings["capacityProviderStrategy"] = found["capacityProviderStrategy"]
            elif found.get("launchType"):
                settings["launchType"] = found["launchType"]
            if found.get("platformVersion"):
                settings["platformVersion"] = found["platformVersion"]
            if found.get("networkConfiguration"):
                settings["networkConfiguration"] = found["networkConfiguration"]
            return Placement(found["taskDefinition"], settings)
        raise AwsNotFound("ecs:DescribeServices", "MISSING", f"no service {service} in cluster {cluster}")

    def run(self, sent: "Mapping[str, Any]") -> Task:
        """With the same clientToken the task that it made before, for a day."""
        with calling("ecs:RunTask"):
            answer = self._client.run_task(**sent)
        if answer["tasks"]:
            return task_of(answer["tasks"][0])
        why = "; ".join(f"{one.get('reason')} {one.get('detail', '')}".strip() for one in answer.get("failures", []))
        raise AwsInvalid("ecs:RunTask", "NoTask", why or "no task, and no reason")
