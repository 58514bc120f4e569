"""The load balancer and the database: answered from the world."""

from datetime import datetime, timedelta
from typing import Any

from steward.sandbox import place, targets
from steward.sandbox.answers import Answers, Declined, Params
from steward.sandbox.database import Database
from steward.sandbox.rds_answers import find_restored, restored_views
from steward.sandbox.rds_world import RdsWorld
from steward.sandbox.targets import Target, Targets
from steward.sandbox.task import DRAIN_S

_EVENTS_MINUTES = 60
"""How far DescribeEvents looks back when nobody says."""


class ElbAnswers:
    def __init__(self, described: Targets, since: datetime) -> None:
        self._targets, self._since = described, since

    def table(self) -> Answers:
        return {
            "DescribeTargetHealth": self._health,
            "DescribeTargetGroups": self._groups,
            "DescribeLoadBalancers": self._balancers,
            "DescribeListeners": self._listeners,
            "DescribeTargetGroupAttributes": self._attributes,
            "DescribeTags": self._tags,
        }

    def _health(self, params: Params, _now: datetime) -> dict[str, Any]:
        if params["TargetGroupArn"] != place.TARGET_GROUP_ARN:
            raise Declined("TargetGroupNotFound", "One or more target groups not found")
        return {"TargetHealthDescriptions": [_described(target) for target in self._targets.all()]}

    def _groups(self, params: Params, _now: datetime) -> dict[str, Any]:
        arns, names = params.get("TargetGroupArns"), params.get("Names")
        if (arns and place.TARGET_GROUP_ARN not in arns) or (names and place.TARGET_GROUP not in names):
            raise Declined("TargetGroupNotFound", "One or more target groups not found")
        if params.get("LoadBalancerArn", place.LOAD_BALANCER_ARN) != place.LOAD_BALANCER_ARN:
            raise Declined("LoadBalancerNotFound", "One or more load balancers not found")
        group = {
            "TargetGroupArn": place.TARGET_GROUP_ARN,
            "TargetGroupName": place.TARGET_GROUP,
            "Protocol": "HTTP",
            "ProtocolVersion": "HTTP1",
            "Port": place.PORT,
            "VpcId": place.VPC,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": "traffic-port",
            "HealthCheckEnabled": True,
            "HealthCheckPath": "/health",
            "HealthCheckIntervalSeconds": targets.INTERVAL_S,
            "HealthCheckTimeoutSeconds": targets.TIMEOUT_S,
            "HealthyThresholdCount": targets.HEALTHY_AFTER,
            "UnhealthyThresholdCount": targets.UNHEALTHY_AFTER,
            "Matcher": {"HttpCode": "200"},
            "LoadBalancerArns": [place.LOAD_BALANCER_ARN],
            "TargetType": "ip",
            "IpAddressType": "ipv4",
        }
        return {"TargetGroups": [group]}

    def _balancers(self, params: Params, _now: datetime) -> dict[str, Any]:
        arns, names = params.get("LoadBalancerArns"), params.get("Names")
        if (arns and place.LOAD_BALANCER_ARN not in arns) or (names and place.LOAD_BALANCER not in names):
            raise Declined("LoadBalancerNotFound", "One or more load balancers not found")
        pairs = zip(place.ZONES, place.SUBNETS, strict=True)
        balancer = {
            "LoadBalancerArn": place.LOAD_BALANCER_ARN,
            "DNSName": place.LOAD_BALANCER_HOST,
            "CanonicalHostedZoneId": "ZHURV8PSTC4K8",
            "CreatedTime": self._since,
            "LoadBalancerName": place.LOAD_BALANCER,
            "Scheme": "internet-facing",
            "VpcId": place.VPC,
            "State": {"Code": "active"},
            "Type": "application",
            "AvailabilityZones": [
                {"ZoneName": zone, "SubnetId": subnet, "LoadBalancerAddresses": []} for zone, subnet in pairs
            ],
            "SecurityGroups": [place.SECURITY_GROUP],
            "IpAddressType": "ipv4",
        }
        return {"LoadBalancers": [balancer]}

    def _listeners(self, _params: Params, _now: datetime) -> dict[str, Any]:
        listener = {
            "ListenerArn": place.LISTENER_ARN,
            "LoadBalancerArn": place.LOAD_BALANCER_ARN,
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": place.TARGET_GROUP_ARN}],
        }
        return {"Listeners": [listener]}

    def _attributes(self, _params: Params, _now: datetime) -> dict[str, Any]:
        values = {"deregistration_delay.timeout_seconds": str(DRAIN_S), "stickiness.enabled": "false"}
        return {"Attributes": [{"Key": key, "Value": value} for key, value in values.items()]}

    def _tags(self, params: Params, _now: datetime) -> dict[str, Any]:
        return {"TagDescriptions": [{"ResourceArn": arn, "Tags": []} for arn in params["ResourceArns"]]}


def _described(target: Target) -> dict[str, Any]:
    health = {"State": target.state.value}
    if target.reason:
        health["Reason"] = target.reason
    if target.description:
        health["Description"] = target.description
    where = {"Id": target.task.address, "Port": place.PORT, "AvailabilityZone": place.ZONES[target.task.zone]}
    return {"Target": where, "HealthCheckPort": str(place.PORT), "TargetHealth": health}


class RdsAnswers:
    def __init__(self, database: Database, rds: RdsWorld) -> None:
        self._database, self._rds = database, rds

    def table(self) -> Answers:
        return {
            "DescribeDBInstances": self._instances,
            "DescribeEvents": self._events,
            "StartDBInstance": self._start,
        }

    def _instances(self, params: Params, _now: datetime) -> dict[str, Any] | None:
        asked = params.get("DBInstanceIdentifier")
        if asked is None:
            own = [self._database.view()] if self._database.is_there else []
            return {"DBInstances": [*own, *restored_views(self._rds)]}
        if asked in {place.DATABASE, place.DATABASE_ARN} and self._database.is_there:
            return {"DBInstances": [self._database.view()]}
        restored = find_restored(self._rds, asked)
        if restored is None:
            raise Declined("DBInstanceNotFound", f"DBInstance {asked} not found.", 404)
        return {"DBInstances": [restored.view()]}

    def _events(self, params: Params, now: datetime) -> dict[str, Any]:
        asked = params.get("SourceIdentifier")
        if asked not in {None, place.DATABASE} or params.get("SourceType", "db-instance") != "db-instance":
            return {"Events": []}
        start = params.get("StartTime") or now - timedelta(minutes=params.get("Duration", _EVENTS_MINUTES))
        end, wanted = params.get("EndTime") or now, set(params.get("EventCategories", []))
        told = [each for each in self._database.told if start <= each["Date"] <= end]
        return {"Events": [each for each in told if not wanted or wanted & set(each["EventCategories"])]}

    def _start(self, params: Params, now: datetime) -> dict[str, Any] | None:
        if params["DBInstanceIdentifier"] != place.DATABASE:
            return None
        if self._database.status != "stopped":
            raise Declined("InvalidDBInstanceState", f"Instance {place.DATABASE} is not stopped.")
        self._database.start(now)
        return {"DBInstance": self._database.view()}
