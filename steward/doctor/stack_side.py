"""One stack: is everything there that its file names, does it stand well, can it be reached from here?"""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from chalicelib.aws.installation import Installation
from chalicelib.aws.resources import partition_of
from chalicelib.errors import AwsNotFound, HttpFailure
from chalicelib.models.stack import Stack
from chalicelib.net.http import HttpPort, HttpRequest
from steward.doctor.finding import Finding, Findings, looked, note, ok, unread, wrong
from steward.packaging.keeping import MANIFEST_KEY

_HEALTH_S = 10.0
_OK = 200


def examine_stack(installation: Installation, http: HttpPort, stack: Stack, account: str) -> Findings:
    about = f"stack {stack.stack}"
    if stack.account and stack.account != account:
        says = f"it lives in account {stack.account}, these credentials are for {account}"
        yield note(about, "account", says, "run doctor with credentials of that account to look at it")
        return
    if stack.region != installation.aws.region:
        yield note(about, "region", f"it lives in {stack.region}", f"run doctor with AWS_REGION={stack.region}")
        return
    parts: dict[str, Callable[[], Findings]] = {
        "service": lambda: _service(installation, stack, about),
        "targets": lambda: _targets(installation, stack, about),
        "database": lambda: _database(installation, stack, about),
        "artifacts": lambda: _buckets(installation, stack, about),
        "backup.macKey": lambda: _mac_key(installation, stack, about),
        "logs": lambda: _logs(installation, stack, about),
        "secrets": lambda: _secrets(installation, stack, about),
        "channels": lambda: _channels(installation, stack, about, account),
        "url": lambda: _url(installation, http, stack, about),
    }
    for what, look in parts.items():
        yield from looked(about, what, look)


def _service(installation: Installation, stack: Stack, about: str) -> Findings:
    try:
        service = installation.aws.ecs.service(stack.ecs.cluster, stack.ecs.service)
    except AwsNotFound as error:
        yield wrong(about, "service", str(error), "mend `ecs:` in the stack file; `steward stacks discover` finds it")
        return
    said = f"{service.running} of {service.desired} tasks run"
    if service.desired == 0:
        yield note(about, "service", "nobody wants a task of it: scaled to zero", "scale it up when it shall serve")
    elif service.running < service.desired:
        yield wrong(about, "service", said, f"`steward stacks check {stack.stack}` finds out why")
    else:
        yield ok(about, "service", said)


def _targets(installation: Installation, stack: Stack, about: str) -> Findings:
    if stack.load_balancer is None:
        return
    try:
        group = installation.aws.elb.target_group(stack.load_balancer.target_group)
    except AwsNotFound as error:
        yield wrong(about, "targets", str(error), "mend `loadBalancer.targetGroup` in the stack file")
        return
    targets = installation.aws.elb.target_health(group.arn)
    healthy = sum(1 for target in targets if target.state == "healthy")
    said = f"{healthy} of {len(targets)} targets are healthy"
    if healthy and healthy == len(targets):
        yield ok(about, "targets", said)
    else:
        yield wrong(about, "targets", said, f"`steward stacks check {stack.stack}` finds out why")


def _database(installation: Installation, stack: Stack, about: str) -> Findings:
    if stack.database is None:
        return
    named = stack.database
    try:
        rds = installation.aws.rds
        found = rds.cluster(named.cluster) if named.cluster else rds.instance(named.instance or "")
    except AwsNotFound as error:
        yield wrong(about, "database", str(error), "mend `database:` in the stack file")
        return
    if found.status != "available":
        remedy = f"`steward stacks check {stack.stack}` says what that means and what helps"
        yield wrong(about, "database", f"{found.id} is {found.status}", remedy)
    else:
        yield ok(about, "database", f"{found.id} is available ({found.engine} {found.engine_version})")
    if stack.network is None:
        remedy = "write `network:` into the stack file, with subnets and a security group that the database admits"
        yield note(about, "database", "logins to it are not tried: nobody of Steward is in its network", remedy)


def _buckets(installation: Installation, stack: Stack, about: str) -> Findings:
    if stack.artifacts is None:
        return
    if stack.artifacts.endpoint:
        yield note(about, "artifacts", "they lie at an endpoint of their own", "`steward stacks check` asks it")
        return
    for what, name in (("artifacts", stack.artifacts.bucket), ("backups", stack.artifacts.backup_bucket)):
        if name is None:
            yield note(about, what, "artifacts are not backed up", "name `artifacts.backupBucket` in the stack file")
        elif (region := installation.bucket_region(name)) is None:
            yield wrong(about, what, f"there is no bucket {name}", f"mend `artifacts:`, or make the bucket {name}")
        else:
            yield ok(about, what, f"{name} is there, in {region}")


def _mac_key(installation: Installation, stack: Stack, about: str) -> Findings:
    """Not the stage's own: that one is made with the stage."""
    key = stack.backup.mac_key
    if key is None or key == MANIFEST_KEY:
        return
    remedy = f"name an HMAC key of KMS in {stack.region} as `backup.macKey`, or leave it out"
    try:
        why = installation.aws.kms_keys.why_signs_nothing(key)
    except AwsNotFound:
        why = f"there is no key {key} in {stack.region}"
    yield wrong(about, "backup.macKey", why, remedy) if why else ok(about, "backup.macKey", f"{key} can sign manifests")


def _logs(installation: Installation, stack: Stack, about: str) -> Findings:
    if stack.logs is None:
        yield note(
            about, "logs", "no log group is named: a diagnosis reads no logs", "name `logs.group` in the stack file"
        )
    elif any(group.name == stack.logs.group for group in installation.aws.log_groups.find(stack.logs.group)):
        yield ok(about, "logs", f"{stack.logs.group} is there")
    else:
        yield wrong(about, "logs", f"there is no log group {stack.logs.group}", "mend `logs.group` in the stack file")


def named_secrets(stack: Stack) -> Iterator[tuple[str, str]]:
    """Key in the stack file, and name."""
    named = [
        ("mlflow.adminSecret", stack.mlflow.admin_secret),
        ("database.secret", stack.database.secret if stack.database else None),
        ("artifacts.secret", stack.artifacts.secret if stack.artifacts else None),
        ("ldap.bindSecret", stack.ldap.bind_secret if stack.ldap else None),
        *(
            (f"channels.{key}", one[6:])
            for key, each in stack.channels.items()
            for one in each
            if one.startswith("slack:")
        ),
    ]
    yield from ((key, name) for key, name in named if name)


def _secrets(installation: Installation, stack: Stack, about: str) -> Findings:
    for key, name in named_secrets(stack):
        facts = installation.aws.secrets.facts(name)
        if facts is None:
            yield wrong(about, key, f"there is no secret {name}", f"make it, or mend `{key}` in the stack file")
        elif facts.deleted:
            yield wrong(about, key, f"secret {name} waits for its deletion", "restore it, or name another")
        else:
            yield ok(about, key, f"secret {name} is there; its value was not read")


def _channels(installation: Installation, stack: Stack, about: str, account: str) -> Findings:
    every = dict.fromkeys(one for listed in stack.channels.values() for one in listed)
    for one in every:
        kind, _, name = one.partition(":")
        if kind not in {"sns", "chat"}:
            continue
        arn = f"arn:{partition_of(stack.region)}:sns:{stack.region}:{account}:{name}"
        if installation.has_topic(arn):
            yield ok(about, one, "the topic is there")
        else:
            yield wrong(about, one, f"there is no topic {name}", "make it, or mend `channels:` in the stack file")
    if set(every) == {"log"}:
        yield note(
            about, "channels", "nobody is told but the log", "add sns:TOPIC or slack:SECRET to `channels.default`"
        )


def _url(installation: Installation, http: HttpPort, stack: Stack, about: str) -> Findings:
    if stack.url is None:
        yield note(about, "url", "no address is named: MLflow itself is asked nothing", "name `url` in the stack file")
        return
    yield _health(installation, http, stack, about)
    if stack.url.startswith("http://") and stack.allow_plain_http:
        yield note(
            about, "url", "passwords go over plain http", "give the load balancer a certificate; drop `allowPlainHttp`"
        )


def _health(installation: Installation, http: HttpPort, stack: Stack, about: str) -> Finding:
    url = f"{(stack.url or '').rstrip('/')}/health"
    hosts = (*_balancer_hosts(installation, stack), *stack.url_hosts)
    try:
        answer = http.ask(HttpRequest("GET", url, timeout_s=_HEALTH_S, allow_hosts=hosts))
    except HttpFailure as failure:
        if failure.kind == "forbidden_address":  # S25
            return wrong(about, "url", str(failure), f"mend `url`, or list {urlsplit(url).hostname} in `urlHosts`")
        return unread(about, "url", failure)
    if answer.status == _OK:
        return ok(about, "url", f"{url} answers 200; that says only that a process answers")
    return wrong(about, "url", f"{url} answers {answer.status}", f"`steward stacks check {stack.stack}` finds out why")


def _balancer_hosts(installation: Installation, stack: Stack) -> tuple[str, ...]:
    if stack.load_balancer is None:
        return ()
    group = installation.aws.elb.target_group(stack.load_balancer.target_group)
    return installation.aws.elb.dns_names(group.load_balancers)
