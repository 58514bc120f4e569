"""Metric dimensions: what an alarm is about, in words and as keys."""

from chalicelib.signals.fields import labels
from chalicelib.signals.keys import key, load_balancer_name, service_key, target_group_keys, target_group_names

# Before anything else that ends in Name or Id: what a person would call the thing, most telling first.
_TELLING = ("DBInstanceIdentifier", "DBClusterIdentifier", "BucketName", "InstanceId")
# Kinds and places of things; they end like names and name nothing.
_NO_NAMES = frozenset({"ImageId", "FilterId", "StorageType", "InstanceType", "AvailabilityZone"})
# The value of these is the name that the key wants.
_KEYED = (
    ("DBInstanceIdentifier", "db"),
    ("DBClusterIdentifier", "dbcluster"),
    ("BucketName", "bucket"),
    ("LogGroupName", "loggroup"),
)
_NAME_ENDINGS = ("name", "identifier", "id", "arn")


def resource_of(dimensions: dict[str, str]) -> str | None:
    if (cluster := dimensions.get("ClusterName")) and (service := dimensions.get("ServiceName")):
        return f"{cluster}/{service}"
    if group := dimensions.get("TargetGroup"):
        both, name = target_group_names(group)
        return name or both or None
    if balancer := dimensions.get("LoadBalancer") or dimensions.get("LoadBalancerName"):
        return load_balancer_name(balancer)
    for name in _TELLING:
        if value := dimensions.get(name):
            return value
    return _some_name(dimensions)


def _some_name(dimensions: dict[str, str]) -> str | None:
    for ending in _NAME_ENDINGS:
        for name, value in dimensions.items():
            if name not in _NO_NAMES and name.lower().endswith(ending):
                return value
    return None


def dimension_keys(raw: object) -> tuple[str, ...]:
    dimensions = raw if isinstance(raw, dict) else labels(raw, inert=False)
    if not dimensions:
        return ()
    cluster, service = dimensions.get("ClusterName"), dimensions.get("ServiceName")
    found = service_key(cluster, service) if isinstance(cluster, str) and isinstance(service, str) else ()
    if group := dimensions.get("TargetGroup"):
        found += target_group_keys(group)
    if balancer := dimensions.get("LoadBalancer") or dimensions.get("LoadBalancerName"):
        found += key("loadbalancer", load_balancer_name(balancer))
    for dimension, kind in _KEYED:
        if dimension in dimensions:
            found += key(kind, dimensions[dimension])
    return found
