"""Plan mode's safety net: below the clients, everything not known to be read-only is refused.

Plans are made by `Action.plan`, which only reads; this catches the one that does not. A service
or an operation that nobody has looked at is not known, and so is refused.
"""

from collections.abc import Callable
from typing import Protocol

from chalicelib.errors import PlanModeViolation

_PREFIXES = ("Describe", "List", "Get", "Head", "Search", "Lookup", "Filter", "BatchGet")

_SERVICES = frozenset(
    {
        "application-auto-scaling",
        "backup",
        "cloudtrail",
        "cloudwatch",
        "cloudwatch-logs",
        "dynamodb",
        "ecr",
        "ecs",
        "elastic-load-balancing-v2",
        "eventbridge",
        "health",
        "iam",
        "kms",
        "lambda",
        "rds",
        "s3",
        "scheduler",
        "secrets-manager",
        "service-quotas",
        "sfn",
        "sns",
        "sqs",
        "ssm",
        "sts",
    }
)
"""As botocore hyphenates the service id in its event names."""

_ALSO_READ_ONLY = frozenset(
    {
        ("iam", "SimulatePrincipalPolicy"),
        ("kms", "VerifyMac"),
        ("rds", "DownloadDBLogFilePortion"),
        ("sts", "AssumeRole"),  # how a step gets its narrowed rights; changes nothing
        ("sts", "DecodeAuthorizationMessage"),
    }
)

_NOT_READ_ONLY = frozenset(
    {
        ("ecr", "GetAuthorizationToken"),  # hands out a credential that can push
        ("sfn", "GetActivityTask"),  # takes the task away from its worker
        ("ssm", "GetAccessToken"),
        ("ssm", "GetDeployablePatchSnapshotForInstance"),  # creates the snapshot
        ("sts", "GetFederationToken"),
        ("sts", "GetSessionToken"),
        ("sts", "GetDelegatedAccessToken"),
        ("sts", "GetWebIdentityToken"),
    }
)
"""Named like reads, and are not, or give away more than they read."""


class Events(Protocol):
    """`session.events` or `client.meta.events` of boto3."""

    def register_first(self, event_name: str, handler: Callable[..., None], unique_id: str = ...) -> None: ...


def is_read_only(service: str, operation: str) -> bool:
    if (service, operation) in _ALSO_READ_ONLY:
        return True
    if (service, operation) in _NOT_READ_ONLY:
        return False
    return service in _SERVICES and operation.startswith(_PREFIXES)


def refuse_changes(events: Events) -> None:
    """From here on, what is not known to be read-only raises PlanModeViolation and is not sent.

    Two events, because presigned URLs pass only the first and hand-made calls only the second.
    """
    for event in ("before-parameter-build", "before-call"):
        events.register_first(event, _refuse, unique_id=f"steward-plan-mode-{event}")


def _refuse(event_name: str, **_sent: object) -> None:
    service, operation = event_name.split(".")[1:3]
    if not is_read_only(service, operation):
        raise PlanModeViolation(service, operation)
