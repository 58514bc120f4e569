"""What botocore knows of the services that Steward talks to, as a cold start wants it: unpacked, without prose.

A first client is half the time of a cold start, and most of that is unpacking and reading models of which
four fifths are documentation. They are botocore's own files, of the version in the name of their folder.
"""

import json
from collections.abc import Mapping

from chalicelib.aws.lean_loader import MODELS
from chalicelib.aws.lean_session import botocore_version, lean_core

ROADS: Mapping[str, str] = {
    "ssm": "the stacks, before any event is looked at",
    "dynamodb": "the store",
    "s3": "archive and evidence",
    "stepfunctions": "runs are started and rung",
    "sts": "`advance` becomes a stack's role",
    "sns": "people are told",
    "secretsmanager": "channels and webhooks",
    "ecs": "every stack",
    "elbv2": "every stack behind a load balancer",
    "cloudwatch": "every alarm is read again",
    "logs": "every diagnosis",
    "rds": "every database",
}
"""Service, and what it is needed for. Any other is read from botocore's own file."""
_KINDS = ("service-2", "endpoint-rule-set-1")
_FOR_ALL = ("endpoints", "partitions", "sdk-default-configuration")


def aws_models() -> dict[str, str]:
    """By their names in the zip."""
    loader = lean_core().get_component("data_loader")
    found = {name: loader.load_data(name) for name in _FOR_ALL}
    for service in ROADS:
        version = loader.determine_latest_version(service, "service-2")
        found |= {f"{service}/{version}/{kind}": loader.load_service_model(service, kind) for kind in _KINDS}
    folder = f"{MODELS}/{botocore_version()}"
    # In their own order: the rules of endpoints are tried from the first on.
    return {
        f"{folder}/{name}.json": json.dumps(body, separators=(",", ":"), ensure_ascii=False) + "\n"
        for name, body in found.items()
    }
