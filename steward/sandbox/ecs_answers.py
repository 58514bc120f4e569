"""ECS, the cluster and the service: answered from the world."""

from datetime import datetime
from typing import Any

from steward.sandbox import place
from steward.sandbox.answers import Answers, Declined, Params, in_cluster, last_part
from steward.sandbox.deployment import Deployment
from steward.sandbox.ecs_service import EcsService
from steward.sandbox.task_definitions import TaskDefinitions

_BALANCER = {
    "targetGroupArn": place.TARGET_GROUP_ARN,
    "containerName": place.CONTAINER,
    "containerPort": place.PORT,
}
_NETWORK = {
    "subnets": list(place.SUBNETS),
    "securityGroups": [place.SECURITY_GROUP],
    "assignPublicIp": "ENABLED",
}
_UNCHANGING: dict[str, Any] = {
    "loadBalancers": [_BALANCER],
    "serviceRegistries": [],
    "launchType": "FARGATE",
    "platformVersion": "LATEST",
    "platformFamily": "Linux",
    "networkConfiguration": {"awsvpcConfiguration": _NETWORK},
    "schedulingStrategy": "REPLICA",
    "deploymentController": {"type": "ECS"},
    "enableECSManagedTags": False,
    "propagateTags": "NONE",
    "enableExecuteCommand": False,
}


class ServiceAnswers:
    def __init__(self, service: EcsService, definitions: TaskDefinitions) -> None:
        self._service, self._definitions = service, definitions

    def table(self) -> Answers:
        return {
            "DescribeClusters": self._describe_clusters,
            "ListClusters": lambda _params, _now: {"clusterArns": [place.CLUSTER_ARN]},
            "ListServices": self._list_services,
            "DescribeServices": self._describe_services,
            "UpdateService": self._update_service,
        }

    # Clusters and services

    def _describe_clusters(self, params: Params, _now: datetime) -> dict[str, Any]:
        asked = [last_part(each) for each in params.get("clusters", ["default"])]
        view = {
            "clusterArn": place.CLUSTER_ARN,
            "clusterName": place.CLUSTER,
            "status": "ACTIVE",
            "registeredContainerInstancesCount": 0,
            "runningTasksCount": sum(task.is_running for task in self._service.tasks.values()),
            "pendingTasksCount": sum(task.is_pending for task in self._service.tasks.values()),
            "activeServicesCount": 1,
        }
        arns = [each for each in asked if each != place.CLUSTER]
        failures = [{"arn": place.arn("ecs", f"cluster/{each}"), "reason": "MISSING"} for each in arns]
        return {"clusters": [view] if place.CLUSTER in asked else [], "failures": failures}

    def _list_services(self, params: Params, _now: datetime) -> dict[str, Any]:
        in_cluster(params)
        return {"serviceArns": [place.SERVICE_ARN]}

    def _describe_services(self, params: Params, now: datetime) -> dict[str, Any]:
        in_cluster(params)
        missing = [each for each in params["services"] if last_part(each) != place.SERVICE]
        arns = [each if ":" in each else place.arn("ecs", f"service/{place.CLUSTER}/{each}") for each in missing]
        view = self._service_view(now)
        return {
            "services": [view] if len(missing) < len(params["services"]) else [],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns],
        }

    def _update_service(self, params: Params, now: datetime) -> dict[str, Any]:
        in_cluster(params)
        if last_part(params["service"]) != place.SERVICE:
            raise Declined("ServiceNotFoundException", "Service not found.")
        definition = self._service.primary.definition
        if "taskDefinition" in params:
            found = self._definitions.find(params["taskDefinition"])
            if found is None or found["status"] != "ACTIVE":
                raise Declined("ClientException", "TaskDefinition not found.")
            definition = found["taskDefinitionArn"]
        self._configure(params)
        if definition != self._service.primary.definition or params.get("forceNewDeployment"):
            self._service.deploy(definition, now)
        return {"service": self._service_view(now)}

    def _configure(self, params: Params) -> None:
        service, settings = self._service, self._service.settings
        service.desired = params.get("desiredCount", service.desired)
        settings.grace_s = params.get("healthCheckGracePeriodSeconds", settings.grace_s)
        wanted = params.get("deploymentConfiguration", {})
        settings.minimum_percent = wanted.get("minimumHealthyPercent", settings.minimum_percent)
        settings.maximum_percent = wanted.get("maximumPercent", settings.maximum_percent)
        breaker = wanted.get("deploymentCircuitBreaker", {})
        settings.breaker = breaker.get("enable", settings.breaker)
        settings.breaker_rolls_back = breaker.get("rollback", settings.breaker_rolls_back)

    def _service_view(self, now: datetime) -> dict[str, Any]:
        service, live = self._service, self._service.live()
        return _UNCHANGING | {
            "serviceArn": place.SERVICE_ARN,
            "serviceName": place.SERVICE,
            "clusterArn": place.CLUSTER_ARN,
            "status": "ACTIVE",
            "desiredCount": service.desired,
            "runningCount": sum(task.is_running for task in live),
            "pendingCount": sum(task.is_pending for task in live),
            "taskDefinition": service.primary.definition,
            "deploymentConfiguration": self._configuration(),
            "deployments": [self._deployment_view(each) for each in service.deployments],
            "events": [dict(message) for message in service.messages],
            "createdAt": min([now, *(each.created_at for each in service.history)]),
            "healthCheckGracePeriodSeconds": service.settings.grace_s,
            "tags": list(place.SERVICE_TAGS),
        }

    def _configuration(self) -> dict[str, Any]:
        settings = self._service.settings
        return {
            "deploymentCircuitBreaker": {"enable": settings.breaker, "rollback": settings.breaker_rolls_back},
            "maximumPercent": settings.maximum_percent,
            "minimumHealthyPercent": settings.minimum_percent,
            "strategy": "ROLLING",
        }

    def _deployment_view(self, deployment: Deployment) -> dict[str, Any]:
        live = self._service.live(deployment)
        return {
            "id": deployment.id,
            "status": deployment.status,
            "taskDefinition": deployment.definition,
            "desiredCount": self._service.desired if deployment.status == "PRIMARY" else len(live),
            "pendingCount": sum(task.is_pending for task in live),
            "runningCount": sum(task.is_running for task in live),
            "failedTasks": deployment.failed_tasks,
            "createdAt": deployment.created_at,
            "updatedAt": deployment.updated_at,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "rolloutState": deployment.rollout.value,
            "rolloutStateReason": deployment.reason,
        }
