"""Elastic Load Balancing v2: target groups, the health of their targets, the load balancer's name."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client


@dataclass(frozen=True)
class TargetGroup:
    arn: str
    name: str
    target_type: str
    health_path: str | None
    load_balancers: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    id: str
    port: int | None
    state: str
    """healthy, unhealthy, initial, draining, unused, unavailable."""
    reason: str | None


class Elb:
    def __init__(self, client: "ElasticLoadBalancingv2Client") -> None:
        self._client = client

    def target_group(self, name_or_arn: str) -> TargetGroup:
        with calling("elasticloadbalancing:DescribeTargetGroups"):
            if name_or_arn.startswith("arn:"):
                answer = self._client.describe_target_groups(TargetGroupArns=[name_or_arn])
            else:
                answer = self._client.describe_target_groups(Names=[name_or_arn])
        for found in answer["TargetGroups"]:
            return TargetGroup(
                arn=found.get("TargetGroupArn", ""),
                name=found.get("TargetGroupName", ""),
                target_type=found.get("TargetType", "instance"),
                health_path=found.get("HealthCheckPath"),
                load_balancers=tuple(found.get("LoadBalancerArns", [])),
            )
        raise AwsNotFound("elasticloadbalancing:DescribeTargetGroups", "Empty", f"no target group {name_or_arn}")

    def target_health(self, target_group_arn: str) -> tuple[Target, ...]:
        with calling("elasticloadbalancing:DescribeTargetHealth"):
            answer = self._client.describe_target_health(TargetGroupArn=target_group_arn)
        return tuple(
            Target(
                id=described["Target"]["Id"],
                port=described["Target"].get("Port"),
                state=described.get("TargetHealth", {}).get("State", "unavailable"),
                reason=described.get("TargetHealth", {}).get("Reason"),
            )
            for described in answer["TargetHealthDescriptions"]
            if "Target" in described
        )

    def dns_names(self, load_balancer_arns: tuple[str, ...]) -> tuple[str, ...]:
        if not load_balancer_arns:  # the API would answer with every load balancer of the account
            return ()
        with calling("elasticloadbalancing:DescribeLoadBalancers"):
            answer = self._client.describe_load_balancers(LoadBalancerArns=list(load_balancer_arns))
        return tuple(lb["DNSName"] for lb in answer["LoadBalancers"] if lb.get("DNSName"))
