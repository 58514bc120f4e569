"""What stands in an account, as far as an MLflow deployment is made of it. Reads only, whatever the session may do.

Nobody in Lambda asks this: it is for `steward stacks discover`, with the rights of whoever calls it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.aws.ecs_shapes import TaskDefinition, task_definition_of
from chalicelib.aws.gateways import Aws, Session
from chalicelib.aws.translate import calling

_PER_CALL = 10
"""DescribeServices takes no more."""


@dataclass(frozen=True)
class ServiceSeen:
    cluster: str
    name: str
    definition: TaskDefinition
    task_role: str | None
    execution_role: str | None
    log_groups: Mapping[str, str]
    """By container."""
    target_groups: tuple[tuple[str, str], ...]
    """ARN, and the container that it sends to."""
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class DatabaseSeen:
    id: str
    is_cluster: bool
    engine: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class BalancerSeen:
    arn: str
    name: str
    host: str
    internal: bool
    listeners: tuple[tuple[str, int], ...]
    """Protocol and port."""


class Survey:
    def __init__(self, session: Session, region: str) -> None:
        self.aws = Aws(session, region, read_only=True)

    def clusters(self) -> tuple[str, ...]:
        with calling("ecs:ListClusters"):
            pages = self._client("ecs").get_paginator("list_clusters").paginate()
            return tuple(arn.rpartition("/")[2] for page in pages for arn in page["clusterArns"])

    def services(self, cluster: str) -> Iterator[ServiceSeen]:
        ecs = self._client("ecs")
        with calling("ecs:ListServices"):
            arns = [
                arn
                for page in ecs.get_paginator("list_services").paginate(cluster=cluster)
                for arn in page["serviceArns"]
            ]
        for at in range(0, len(arns), _PER_CALL):
            with calling("ecs:DescribeServices"):
                few = arns[at : at + _PER_CALL]
                found = ecs.describe_services(cluster=cluster, services=few, include=["TAGS"])["services"]
            for raw in found:
                if raw.get("status", "ACTIVE") == "ACTIVE" and raw.get("taskDefinition"):
                    yield self._service(cluster, raw)

    def _service(self, cluster: str, raw: Mapping[str, Any]) -> ServiceSeen:
        with calling("ecs:DescribeTaskDefinition"):
            definition = self._client("ecs").describe_task_definition(taskDefinition=raw["taskDefinition"])[
                "taskDefinition"
            ]
        network = raw.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        return ServiceSeen(
            cluster=cluster,
            name=raw["serviceName"],
            definition=task_definition_of(definition),
            task_role=definition.get("taskRoleArn"),
            execution_role=definition.get("executionRoleArn"),
            log_groups=dict(_log_groups(definition.get("containerDefinitions", []))),
            target_groups=tuple(
                (each["targetGroupArn"], each.get("containerName", ""))
                for each in raw.get("loadBalancers", [])
                if each.get("targetGroupArn")
            ),
            subnets=tuple(network.get("subnets", [])),
            security_groups=tuple(network.get("securityGroups", [])),
            tags={tag["key"]: tag.get("value", "") for tag in raw.get("tags", [])},
        )

    def databases(self) -> tuple[DatabaseSeen, ...]:
        """Aurora as its cluster alone: an instance of one comes and goes."""
        rds = self._client("rds")
        with calling("rds:DescribeDBInstances"):
            pages = rds.get_paginator("describe_db_instances").paginate()
            single = [raw for page in pages for raw in page["DBInstances"] if not raw.get("DBClusterIdentifier")]
        with calling("rds:DescribeDBClusters"):
            pages = rds.get_paginator("describe_db_clusters").paginate()
            clusters = [raw for page in pages for raw in page["DBClusters"]]
        found = [
            DatabaseSeen(
                raw["DBInstanceIdentifier"],
                False,
                raw.get("Engine", ""),
                _hosts(raw.get("Endpoint", {}).get("Address")),
            )
            for raw in single
        ]
        found += [
            DatabaseSeen(
                raw["DBClusterIdentifier"],
                True,
                raw.get("Engine", ""),
                _hosts(raw.get("Endpoint"), raw.get("ReaderEndpoint")),
            )
            for raw in clusters
        ]
        return tuple(found)

    def balancers(self, arns: tuple[str, ...]) -> tuple[BalancerSeen, ...]:
        if not arns:  # the API would answer with every load balancer of the account
            return ()
        elb = self._client("elbv2")
        with calling("elasticloadbalancing:DescribeLoadBalancers"):
            answer = elb.describe_load_balancers(LoadBalancerArns=list(arns))["LoadBalancers"]
        found = []
        for raw in answer:
            with calling("elasticloadbalancing:DescribeListeners"):
                listeners = elb.describe_listeners(LoadBalancerArn=raw["LoadBalancerArn"])["Listeners"]
            told = tuple((each.get("Protocol", ""), each.get("Port", 0)) for each in listeners)
            internal = raw.get("Scheme") == "internal"
            found.append(BalancerSeen(raw["LoadBalancerArn"], raw["LoadBalancerName"], raw["DNSName"], internal, told))
        return tuple(found)

    def buckets(self) -> tuple[str, ...]:
        with calling("s3:ListAllMyBuckets"):
            return tuple(bucket["Name"] for bucket in self._client("s3").list_buckets().get("Buckets", []))

    def alarms(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Name and dimensions of every metric alarm."""
        with calling("cloudwatch:DescribeAlarms"):
            for page in (
                self._client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
            ):
                for raw in page.get("MetricAlarms", []):
                    yield raw["AlarmName"], {each["Name"]: each["Value"] for each in raw.get("Dimensions", [])}

    def _client(self, service: str) -> Any:  # noqa: ANN401 - of any service
        kept: dict[str, Any] = self.__dict__.setdefault("_clients", {})
        if service not in kept:
            kept[service] = self.aws._client(service)  # noqa: SLF001 - of the same room
        return kept[service]


def _log_groups(containers: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for raw in containers:
        group = raw.get("logConfiguration", {}).get("options", {}).get("awslogs-group")
        if group:
            yield raw.get("name", ""), group


def _hosts(*addresses: str | None) -> tuple[str, ...]:
    return tuple(address.lower() for address in addresses if address)
