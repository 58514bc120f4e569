"""A proposed stack: every line with where it comes from, whether that is sure, and what could not be said. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.aws.survey import BalancerSeen, DatabaseSeen, ServiceSeen
from steward.discovery.server import Server

Value = str | bool | tuple[str, ...]
_SECRET_ARN = re.compile(
    r"^arn:aws[a-z-]*:secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):secret:(?P<rest>[^:]+)"
)
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
_SUBNET = re.compile(r"^subnet-[0-9a-f]{8,17}$")
_GROUP = re.compile(r"^sg-[0-9a-f]{8,17}$")
_OWNERS = ("owner", "owners", "team")


@dataclass(frozen=True)
class Line:
    path: tuple[str, ...]
    """`("ecs", "cluster")`; of one word for a key at the top."""
    value: Value
    sure: bool
    why: str


@dataclass(frozen=True)
class Open:
    """Left to a person. `instead` is what could stand there, as YAML, and is written as a comment."""

    key: str
    why: str
    instead: str | None = None


@dataclass(frozen=True)
class Proposal:
    stack: str
    service: str
    about: str
    lines: tuple[Line, ...]
    open: tuple[Open, ...]


@dataclass(frozen=True)
class Around:
    """What the account has beside the service."""

    region: str
    account: str
    target_groups: Mapping[str, str]
    """ARN to name, of the service's own."""
    balancers: tuple[BalancerSeen, ...]
    databases: tuple[DatabaseSeen, ...]
    buckets: tuple[str, ...]
    alarms: tuple[tuple[str, Mapping[str, str]], ...]


def propose(seen: ServiceSeen, server: Server, around: Around) -> Proposal:
    lines: list[Line] = []
    left: list[Open] = []
    for part in (_ecs, _balancer, _mlflow, _database, _artifacts, _rest):
        for found in part(seen, server, around):
            (left if isinstance(found, Open) else lines).append(found)  # type: ignore[arg-type]
    about = f"{seen.cluster}/{seen.name}: {server.why}"
    return Proposal(stack_name(seen.name), f"{seen.cluster}/{seen.name}", about, tuple(lines), tuple(left))


Found = Iterator[Line | Open]


def _ecs(seen: ServiceSeen, server: Server, around: Around) -> Found:
    yield Line(("region",), around.region, True, "where the service runs")
    yield Line(("autonomy",), "suggest", True, "a new stack plans and tells, and changes nothing until you raise this")
    yield Line(("ecs", "cluster"), seen.cluster, True, "ECS")
    yield Line(("ecs", "service"), seen.name, server.sure, server.why)
    yield Line(("ecs", "container"), server.container, server.sure, server.why)
    if seen.task_role:
        yield Line(("ecs", "taskRole"), seen.task_role, True, "of the present task definition")
    if seen.execution_role:
        yield Line(("ecs", "executionRole"), seen.execution_role, True, "of the present task definition")


def _balancer(seen: ServiceSeen, server: Server, around: Around) -> Found:
    mine = [arn for arn, container in seen.target_groups if container in {server.container, ""}]
    if not mine:
        yield Open("loadBalancer", "the service registers with no target group")
        return
    yield Line(
        ("loadBalancer", "targetGroup"),
        around.target_groups.get(mine[0], mine[0]),
        True,
        "the service registers with it",
    )
    if len(mine) > 1:
        yield Open("loadBalancer", f"the service has {len(mine)} target groups; this is the first")
    if not around.balancers:
        yield Open("url", "the target group has no load balancer")
        return
    balancer = around.balancers[0]
    protocols = {protocol for protocol, _ in balancer.listeners}
    scheme = "https" if protocols & {"HTTPS", "TLS"} else "http"
    port = next((port for protocol, port in balancer.listeners if protocol in {scheme.upper(), "TLS", "TCP"}), None)
    usual = {"https": 443, "http": 80}[scheme]
    address = f"{scheme}://{balancer.host}" + (f":{port}" if port not in {None, usual} else "")
    where = "in the network only" if balancer.internal else "from the internet"
    people = "; people may use another name for it" + (", which the certificate is for" if scheme == "https" else "")
    yield Line(("url",), address, False, f"the load balancer {balancer.name}, reached {where}{people}")
    if scheme == "http":
        yield Open(
            "url",
            "without it, Steward sends no password over plain http to the address",
            "allowPlainHttp: true",
        )


def _mlflow(_seen: ServiceSeen, server: Server, around: Around) -> Found:
    secret = secret_name(server.admin_secret.what, around.region) if server.admin_secret else None
    if server.basic_auth and secret and server.admin_secret:
        yield Line(("mlflow", "auth"), "basic", True, "the server starts with --app-name basic-auth")
        why = f"{server.admin_secret.where} is read from it; it must hold JSON with username and password"
        yield Line(("mlflow", "adminSecret"), secret, False, why)
    elif server.basic_auth:
        why = "people log in, and no secret with an admin's username and password was seen"
        yield Open("mlflow", why, "mlflow: {auth: basic, adminSecret: NAME-OF-THE-SECRET}")
    if server.metrics:
        yield Line(("mlflow", "metrics"), "/metrics", True, "the server starts with --expose-prometheus")
    if server.directory:
        instead = "ldap: {url: ldaps://HOST, baseDn: BASE, bindSecret: NAME-OF-THE-SECRET}"
        yield Open("ldap", f"{server.directory} names a directory", instead)


def _database(_seen: ServiceSeen, server: Server, around: Around) -> Found:
    match, sure, why = _instance(server, around)
    if match is None:
        yield Open(
            "database", why, "database: {engine: postgres, instance: NAME, name: mlflow, secret: NAME-OF-THE-SECRET}"
        )
        return
    engine = next((word for word in ("postgres", "mysql", "mariadb") if word in match.engine), "postgres")
    yield Line(("database", "engine"), engine, sure, f"{match.id} runs {match.engine}")
    yield Line(("database", "cluster" if match.is_cluster else "instance"), match.id, sure, why)
    if server.database and sure:
        yield Line(("database", "name"), server.database, True, f"as {server.store} says")
    else:
        yield Open(
            "database", "the name of the database in it is not known; without it, `mlflow` is meant", "  name: NAME"
        )
    secret = secret_name(server.database_secret.what, around.region) if server.database_secret else None
    if server.database_secret and secret:
        certain = "uses" in server.database_secret.where or "read from it" in server.database_secret.where
        yield Line(("database", "secret"), secret, certain, server.database_secret.where)
    else:
        yield Open("database", "no secret with its login was seen in Secrets Manager", "  secret: NAME-OF-THE-SECRET")


def _instance(server: Server, around: Around) -> tuple[DatabaseSeen | None, bool, str]:
    """By its address, which RDS itself knows; else the only one there is of that kind."""
    by_host = next((each for each in around.databases if server.host and server.host in each.hosts), None)
    if by_host:
        return by_host, True, f"{server.store} names its address"
    if server.engine is None and server.store == "no database is named":
        return None, False, server.store
    fitting = [each for each in around.databases if server.engine is None or server.engine in each.engine]
    if len(fitting) == 1:
        return fitting[0], False, f"the only database of the region that fits; its address is {_unknown(server)}"
    return None, False, f"{len(fitting)} databases fit, and the store's address is {_unknown(server)}"


def _unknown(server: Server) -> str:
    return server.store if server.store.startswith("in a secret") else "of none that RDS lists"


def _artifacts(_seen: ServiceSeen, server: Server, around: Around) -> Found:
    if server.bucket is None:
        yield Open("artifacts", server.artifacts, "artifacts: {bucket: NAME, prefix: PREFIX}")
        return
    yield Line(("artifacts", "bucket"), server.bucket, True, server.artifacts)
    if server.prefix:
        yield Line(("artifacts", "prefix"), server.prefix, True, server.artifacts)
    if server.endpoint:
        yield Line(("artifacts", "endpoint"), server.endpoint, False, "MLFLOW_S3_ENDPOINT_URL")
        yield Open(
            "artifacts", "the keys for this endpoint are in no secret that was seen", "  secret: NAME-OF-THE-SECRET"
        )
    stem = server.bucket.rpartition("-")[0] or server.bucket
    likely = [name for name in around.buckets if "backup" in name and name != server.bucket and name.startswith(stem)]
    instead = f"  backupBucket: {likely[0]}" if len(likely) == 1 else "  backupBucket: NAME"
    why = (
        "sounds like the backup of it; only you know"
        if len(likely) == 1
        else "artifacts are not backed up until one is named"
    )
    yield Open("artifacts", why, instead)


def _rest(seen: ServiceSeen, server: Server, around: Around) -> Found:
    group = seen.log_groups.get(server.container)
    if group:
        yield Line(("logs", "group"), group, True, "awslogs-group of the container")
    else:
        yield Open("logs", "the container does not log to CloudWatch", "logs: {group: NAME}")
    subnets = tuple(each for each in seen.subnets if _SUBNET.match(each))
    groups = tuple(each for each in seen.security_groups if _GROUP.match(each))
    if subnets and groups:
        why = (
            "the service's own: the function `reach` will live there, to ask the database; leave it out if it shall not"
        )
        yield Line(("network", "subnets"), subnets[:16], False, why)
        yield Line(("network", "securityGroups"), groups[:5], False, "the service's own, which the database admits")
    else:
        yield Open("network", "the service has no network of its own: the database is not asked from inside")
    yield from _alarms(seen, server, around)
    yield Line(("channels",), ("log",), False, "nobody is told but the log; write sns:TOPIC or slack:SECRET as well")
    owners = next((seen.tags[key] for key in seen.tags if key.lower() in _OWNERS and seen.tags[key]), None)
    if owners:
        yield Line(("owners",), (owners,), False, "a tag of the service")


def _alarms(seen: ServiceSeen, server: Server, around: Around) -> Found:
    """Alarms tie themselves by their dimensions; those that have none need the name."""
    database = _instance(server, around)[0]
    parts = {seen.cluster, seen.name, *around.target_groups.values(), *(each.name for each in around.balancers)}
    parts |= {database.id} if database else set()
    by_name = [name for name, dimensions in around.alarms if seen.name in name and not _about(dimensions, parts)]
    tied = sum(1 for _, dimensions in around.alarms if _about(dimensions, parts))
    if by_name:
        pattern = f"{seen.name}*"
        why = f"{len(by_name)} of the alarms have the service in their name and nothing of it in their dimensions"
        yield Line(("alarms",), (pattern,), False, why)
    elif not tied:
        yield Open(
            "alarms", "no alarm is about this service yet; docs/deploy.md has a first one", f'alarms: ["{seen.name}-*"]'
        )


def _about(dimensions: Mapping[str, str], parts: set[str]) -> bool:
    words = {word for value in dimensions.values() for word in (value, *value.split("/"))}
    return bool(words & parts)


def stack_name(service: str) -> str:
    """A name is a file's, a URL's and a resource's at once."""
    plain = re.sub(r"[^a-z0-9-]+", "-", service.lower()).strip("-")
    return (plain if plain[:1].isalpha() else f"mlflow-{plain}")[:64].rstrip("-")


def secret_name(value_from: str, region: str) -> str | None:
    """The secret's name without the six characters AWS adds; its ARN where it lies elsewhere. None: it is a
    parameter of SSM, which Steward does not log in with."""
    match = _SECRET_ARN.match(value_from)
    if match is None:
        return None
    return _SUFFIX.sub("", match["rest"]) if match["region"] == region else match[0]
