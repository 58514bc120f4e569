"""The vocabulary of keys that tie a signal to a stack, as `kind:value`.

stack:NAME                the event itself names the stack (schedule, manual, `steward:stack` tag)
arn:ARN                   any resource of the event
alarm:NAME                matched against the stack's globs
service:CLUSTER/SERVICE   an ECS service; `cluster:NAME` alone is told but ties nothing
targetgroup:NAME[/ID]     loadbalancer:NAME
db:ID                     dbcluster:ID
bucket:NAME               secret:NAME        loggroup:NAME
topic:ARN                 the SNS topic it came over, which the stack must list (S2)
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from chalicelib.signals.fields import NAME_LIMIT, text

_ARN_PARTS = 6
_ACCOUNT_DIGITS = 12
_LONGEST_ARN = 1024
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
_REDACTED = re.compile(r"[#*xX]+")
_SECRET_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")


class Arn(NamedTuple):
    service: str
    written_region: str
    written_account: str
    resource: str

    @property
    def region(self) -> str | None:
        return region_of(self.written_region)

    @property
    def account(self) -> str | None:
        return account_of(self.written_account)

    @property
    def name(self) -> str:
        """`rule/nightly` and `db:orders` to what people call it."""
        return re.split(r"[/:]", self.resource)[-1]


def parse_arn(value: object) -> Arn | None:
    if not isinstance(value, str) or len(value) > _LONGEST_ARN or not value.startswith("arn:"):
        return None
    parts = value.split(":", _ARN_PARTS - 1)
    if len(parts) < _ARN_PARTS or not parts[-1]:
        return None
    return Arn(parts[2], parts[3], parts[4], parts[5])


def region_of(value: object) -> str | None:
    """None for the long names of SNS alarms (`EU (Ireland)`) and for placeholders."""
    return value if isinstance(value, str) and _REGION.fullmatch(value) else None


def account_of(value: object) -> str | None:
    """None where the id was blacked out; any other text stays, so that it can fail to match (S2)."""
    if isinstance(value, str) and len(value) == _ACCOUNT_DIGITS and value.isdecimal() and value.isascii():
        return value
    found = text(value, 32)
    return None if found is None or _REDACTED.fullmatch(found) else found


def key(kind: str, value: object) -> tuple[str, ...]:
    """No key from a name with invisible characters in it: it must not pass for the name without them."""
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_ARN and value.isprintable():
        return (f"{kind}:{value}",)
    return ()


def service_key(cluster: str | None, service: str | None) -> tuple[str, ...]:
    if cluster and service:
        return (*key("service", f"{cluster}/{service}"), *key("cluster", cluster))
    return key("cluster", cluster)


def target_group_keys(value: object) -> tuple[str, ...]:
    """From a name, an ARN, or the `targetgroup/NAME/ID` of a dimension."""
    both, name = target_group_names(value)
    return key("targetgroup", both) + key("targetgroup", name)


def target_group_names(value: object) -> tuple[str, str]:
    """`NAME/ID`, empty where there is no id, and NAME."""
    arn = parse_arn(value)
    path = arn.resource if arn else value if isinstance(value, str) else ""
    if "/" not in path:
        return "", path
    both = path.partition("/")[2]
    name, _, identity = both.partition("/")
    return (both if identity else ""), name


def load_balancer_name(value: object) -> str | None:
    """`app/NAME/ID`, an ARN of it, or the bare name of a classic one."""
    arn = parse_arn(value)
    path = (arn.resource if arn else value if isinstance(value, str) else "").removeprefix("loadbalancer/")
    parts = path.split("/")
    return (parts[1] if len(parts) > 1 else parts[0]) or None


def secret_name(value: object) -> str | None:
    """Secrets Manager puts a dash and six characters of its own behind the name in ARNs."""
    arn = parse_arn(value)
    if arn is None:
        return text(value, NAME_LIMIT)
    return _SECRET_SUFFIX.sub("", arn.resource.removeprefix("secret:")) or None


def arn_keys(value: object) -> tuple[str, ...]:
    """`arn:` itself and the typed key it stands for."""
    arn = parse_arn(value)
    return () if arn is None else key("arn", value) + _typed(arn, value)


def _typed(arn: Arn, whole: object) -> tuple[str, ...]:
    if arn.service == "s3":
        return key("bucket", arn.resource.split("/")[0])
    head, _, rest = arn.resource.replace(":", "/", 1).partition("/")
    typed = _TYPED.get((arn.service, head))
    return typed(rest, whole) if typed else ()


_TYPED: dict[tuple[str, str], Callable[[str, object], tuple[str, ...]]] = {
    ("ecs", "service"): lambda rest, _: service_key(*rest.split("/", 1)) if "/" in rest else (),
    ("rds", "db"): lambda rest, _: key("db", rest),
    ("rds", "cluster"): lambda rest, _: key("dbcluster", rest),
    ("elasticloadbalancing", "targetgroup"): lambda _, whole: target_group_keys(whole),
    ("elasticloadbalancing", "loadbalancer"): lambda _, whole: key("loadbalancer", load_balancer_name(whole)),
    ("cloudwatch", "alarm"): lambda rest, _: key("alarm", rest),
    ("secretsmanager", "secret"): lambda _, whole: key("secret", secret_name(whole)),
    ("logs", "log-group"): lambda rest, _: key("loggroup", rest.split(":")[0]),
}
