"""ECS, task definitions and deployment history, and the bounds of Application Auto Scaling."""

from datetime import datetime
from typing import Any

from steward.sandbox import place
from steward.sandbox.answers import Answers, Declined, Params, last_part
from steward.sandbox.deployment import Deployment
from steward.sandbox.ecs_service import EcsService
from steward.sandbox.task_definitions import TaskDefinitions


class DefinitionAnswers:
    def __init__(self, definitions: TaskDefinitions) -> None:
        self._definitions = definitions

    def table(self) -> Answers:
        return {
            "RegisterTaskDefinition": self._register,
            "DescribeTaskDefinition": self._describe,
            "DeregisterTaskDefinition": self._deregister,
            "ListTaskDefinitions": self._list,
            "ListTaskDefinitionFamilies": self._families,
        }

    def _register(self, params: Params, now: datetime) -> dict[str, Any]:
        definition = self._definitions.register(params, now)
        return {
            "taskDefinition": definition,
            "tags": self._definitions.tags(definition["taskDefinitionArn"]),
        }

    def _describe(self, params: Params, _now: datetime) -> dict[str, Any]:
        definition = self._find(params["taskDefinition"])
        answer: dict[str, Any] = {"taskDefinition": definition}
        if "TAGS" in params.get("include", []):
            answer["tags"] = self._definitions.tags(definition["taskDefinitionArn"])
        return answer

    def _deregister(self, params: Params, now: datetime) -> dict[str, Any]:
        definition = self._find(params["taskDefinition"])
        definition |= {"status": "INACTIVE", "deregisteredAt": now}
        return {"taskDefinition": definition}

    def _list(self, params: Params, _now: datetime) -> dict[str, Any]:
        arns = self._definitions.arns(params.get("familyPrefix"), params.get("status", "ACTIVE"))
        return {"taskDefinitionArns": arns[::-1] if params.get("sort") == "DESC" else arns}

    def _families(self, params: Params, _now: datetime) -> dict[str, Any]:
        return {"families": self._definitions.families(params.get("familyPrefix", ""))}

    def _find(self, name: str) -> dict[str, Any]:
        definition = self._definitions.find(name)
        if definition is None:
            raise Declined("ClientException", "Unable to describe task definition.")
        return definition


class HistoryAnswers:
    def __init__(self, service: EcsService) -> None:
        self._service = service

    def table(self) -> Answers:
        return {
            "ListServiceDeployments": self._list,
            "DescribeServiceDeployments": self._describe,
            "DescribeServiceRevisions": self._revisions,
        }

    def _list(self, params: Params, _now: datetime) -> dict[str, Any]:
        if last_part(params["service"]) != place.SERVICE:
            raise Declined("ServiceNotFoundException", "Service not found.")
        wanted = params.get("status")
        found = [each for each in self._service.history if not wanted or each.history_status in wanted]
        return {"serviceDeployments": [_brief(each) for each in found]}

    def _describe(self, params: Params, _now: datetime) -> dict[str, Any]:
        asked = {last_part(arn) for arn in params["serviceDeploymentArns"]}
        found = [each for each in self._service.history if each.number in asked]
        return {"serviceDeployments": [self._full(each) for each in found], "failures": []}

    def _full(self, deployment: Deployment) -> dict[str, Any]:
        brief = _brief(deployment)
        revision = brief.pop("targetServiceRevisionArn")
        live = self._service.live(deployment)
        target = {
            "arn": revision,
            "requestedTaskCount": self._service.desired,
            "runningTaskCount": sum(task.is_running for task in live),
            "pendingTaskCount": sum(task.is_pending for task in live),
        }
        breaker = {
            "status": "TRIGGERED" if "circuit breaker" in deployment.reason else "MONITORING_COMPLETE",
            "failureCount": deployment.failed_tasks,
            "threshold": 3,
        }
        return {**brief, "targetServiceRevision": target, "deploymentCircuitBreaker": breaker}

    def _revisions(self, params: Params, _now: datetime) -> dict[str, Any]:
        asked = {last_part(arn) for arn in params["serviceRevisionArns"]}
        found = [each for each in self._service.history if each.number in asked]
        return {"serviceRevisions": [_revision(each) for each in found], "failures": []}


def _revision_arn(deployment: Deployment) -> str:
    return place.arn("ecs", f"service-revision/{place.CLUSTER}/{place.SERVICE}/{deployment.number}")


def _brief(deployment: Deployment) -> dict[str, Any]:
    view = {
        "serviceDeploymentArn": place.arn(
            "ecs", f"service-deployment/{place.CLUSTER}/{place.SERVICE}/{deployment.number}"
        ),
        "serviceArn": place.SERVICE_ARN,
        "clusterArn": place.CLUSTER_ARN,
        "createdAt": deployment.created_at,
        "startedAt": deployment.created_at,
        "targetServiceRevisionArn": _revision_arn(deployment),
        "status": deployment.history_status,
        "statusReason": deployment.reason,
    }
    return view | ({"finishedAt": deployment.finished_at} if deployment.finished_at else {})


def _revision(deployment: Deployment) -> dict[str, Any]:
    return {
        "serviceRevisionArn": _revision_arn(deployment),
        "serviceArn": place.SERVICE_ARN,
        "clusterArn": place.CLUSTER_ARN,
        "taskDefinition": deployment.definition,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "createdAt": deployment.created_at,
    }


class ScalingAnswers:
    """Moto knows scalable targets of its own ECS services only, and this world's is not among them."""

    def __init__(self) -> None:
        self.targets: dict[str, dict[str, Any]] = {}
        """By resource id; empty: nothing scales the service."""

    def table(self) -> Answers:
        return {
            "DescribeScalableTargets": self._describe,
            "RegisterScalableTarget": self._register,
            "DeregisterScalableTarget": self._deregister,
            "DescribeScalingPolicies": lambda _params, _now: {"ScalingPolicies": []},
        }

    def _describe(self, params: Params, _now: datetime) -> dict[str, Any]:
        asked = params.get("ResourceIds") or list(self.targets)
        return {"ScalableTargets": [self.targets[each] for each in asked if each in self.targets]}

    def _register(self, params: Params, now: datetime) -> dict[str, Any]:
        old = self.targets.get(params["ResourceId"], {})
        unset = {"MinCapacity": 1, "MaxCapacity": 4, "CreationTime": now, "SuspendedState": {}}
        arn = place.arn("application-autoscaling", f"scalable-target/{params['ResourceId']}")
        self.targets[params["ResourceId"]] = {**unset, **old, **params, "ScalableTargetARN": arn}
        return {"ScalableTargetARN": arn}

    def _deregister(self, params: Params, _now: datetime) -> dict[str, Any]:
        if self.targets.pop(params["ResourceId"], None) is None:
            raise Declined("ObjectNotFoundException", "No scalable target found.")
        return {}
