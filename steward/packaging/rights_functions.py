"""What each of Steward's own functions may do (S24): its own part of the store and of the buckets, and no more.

Partitions of the table are the unit of rights (decisions 0003, 0056): a function names each that it needs, and what it
does there. Only `api` writes the column `stopped`. `advance` may assume the stacks' roles and nothing else of theirs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws.lambda_invoke import reach_function
from chalicelib.models.rights import StackRole
from chalicelib.models.stack import Stack
from chalicelib.models.webhook import Source, WebhookCredential
from steward.packaging.names import ARN, HERE, PREFIX, Names
from steward.packaging.rights import ASSUMING, COPYING, account_in_template, filled

Json = dict[str, Any]
_HOME = "${AWS::AccountId}"
STOPPED = "stopped"
"""The column that only people write, by the API or by hand (S8)."""
_VERBS = {"g": "dynamodb:GetItem", "q": "dynamodb:Query", "p": "dynamodb:PutItem", "u": "dynamodb:UpdateItem"}
_ADMITS = {"EVENT#*": "pu", "FLEET": "gu", "INCIDENT#*": "gpu", "RUN#*": "gpu", "STACK#*": "gqpu"}
"""What admission does: the event's decision, the incident, both ledgers, the run."""
_LISTS = ("DECISION#*", "INCIDENT#*", "RUN#*")


@dataclass(frozen=True)
class Own:
    """One function's part of Steward's state, and which of Steward's other things it uses."""

    items: Mapping[str, str]
    """Partitions of the table, and what is done in each, by the letters of `_VERBS`. Putting makes what is not there
    yet, updating changes what is. A test holds every letter against what the function needs."""
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stops: bool = False
    archive: str = ""
    """`r` and `w` as of files; `l`: what is not there is told from what may not be read."""
    evidence: str = ""
    starts: bool = True
    """Starts executions of the machine."""
    rings: bool = True
    """Wakes them."""
    queues: tuple[str, ...] = ()
    """Where Lambda puts what the function could not do."""
    tells: bool = True
    """Publishes to channels, and reads their secrets."""
    hears: str = ""
    """Reads the secrets of webhooks: those of their `tokens`, or those that bodies are `signed` with (S28)."""


DOES: dict[str, Own] = {
    "intake": Own(items=_ADMITS, archive="w", queues=("lost-events",)),
    # the clock opens no incident, and wakes nobody
    "schedule": Own(
        items={"EVENT#*": "pu", "FLEET": "gu", "RUN#*": "p", "STACK#*": "gu"},
        archive="w",
        rings=False,
        queues=("lost-schedules",),
    ),
    "api": Own(
        items={
            **_ADMITS,
            "APPROVAL#*": "gqu",
            "AUDIT#*": "pu",
            "EVENT#*": "gpu",
            "HISTORY#*": "q",
            "RUN#*": "gqpu",
            "SUSPICION#*": "gu",
        },
        indexes={"every": ("AUDIT", "DECISION", "INCIDENT", "RUN"), "listed": _LISTS},
        stops=True,
        archive="w",
        evidence="rl",
        hears="signed",
    ),
    "webhook-authorizer": Own(
        items={"EVENT#*": "pu"}, archive="w", starts=False, rings=False, tells=False, hears="tokens"
    ),
    "advance": Own(
        items={
            "APPROVAL#*": "gqpu",
            "FLEET": "gu",
            "HISTORY#*": "gqpu",
            "INCIDENT#*": "gu",
            "RUN#*": "gqpu",
            "STACK#*": "gqu",
            "SUSPICION#*": "gu",
        },
        indexes={"listed": ("RUN#*",)},
        evidence="rwl",
    ),
    "sweep": Own(
        # the version of the table's layout, which it alone writes, and the lists that a migration goes through
        items={
            **_ADMITS,
            "APPROVAL#*": "gqu",
            "EVENT#*": "gpu",
            "HISTORY#*": "q",
            "INCIDENT#*": "gqpu",
            "RUN#*": "gqpu",
            "SCHEMA": "u",
            "SUSPICION#*": "g",
        },
        indexes={
            "due": ("approval", "decision", "incident", "run"),
            "listed": _LISTS,
        },
        archive="rwl",
        evidence="rw",  # a dead run's step is stored once more when its lease is taken away, and a long one lies here
        queues=("lost-sweeps",),
    ),
    COPYING: Own(
        items={"FLEET": "g", "HISTORY#*": "q", "RUN#*": "g", "STACK#*": "g"},
        evidence="rwl",
        starts=False,
        rings=False,
        tells=False,
    ),
}


@dataclass(frozen=True)
class Deployed:
    """What rights are made of. `stacks` as they are deployed: with their roles (`with_roles`)."""

    stacks: Sequence[Stack] = ()
    webhooks: Mapping[str, WebhookCredential] = field(default_factory=dict)
    fingerprint_secret: str | None = None
    copies: bool = False
    """Whether the stage has the machine and the function for very large copies."""


def function_policies(names: Names, deployed: Deployed) -> dict[str, Json]:
    """By the function's name in the stage; texts with CloudFormation's names in them are Fn::Subs. `reach`, which has
    no rights, is not among them."""
    which = [name for name in DOES if deployed.copies or name != COPYING]
    return {name: filled(policy_of(names, name, deployed)) for name in which}


def policy_of(names: Names, which: str, deployed: Deployed) -> Json:
    own = DOES[which]
    found = [_logs(names, which), *_table(names, own), *_buckets(names, own), _stack_files(names)]
    found += _secrets(which, own, deployed)
    if own.starts:
        found.append(_allow(("states:StartExecution",), names.machine_arn))
    if own.rings:
        # AWS knows no resource for it: whoever rings has the doorbell's token, which only Steward's store has.
        found.append(_allow(("states:SendTaskSuccess",), "*"))
    found += [_allow(("sqs:SendMessage",), f"{ARN}:sqs:{HERE}:{names.queue(queue)}") for queue in own.queues]
    if own.tells:
        found += _topics(deployed.stacks)
    if which in {ASSUMING, COPYING}:
        found.append(_assume(names, deployed.stacks))
    if which == ASSUMING:
        found += _hands(names, deployed)
    return {"Version": "2012-10-17", "Statement": found}


def _allow(actions: Iterable[str], *resources: str, condition: Json | None = None) -> Json:
    said: Json = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return said | ({"Condition": condition} if condition else {})


def _logs(names: Names, which: str) -> Json:
    group = f"{ARN}:logs:{HERE}:log-group:{names.log_group(which)}:*"
    return _allow(("logs:CreateLogStream", "logs:PutLogEvents"), group)


def _table(names: Names, own: Own) -> Iterable[Json]:
    # everybody asks for the version of the layout, before anything else
    items = {**own.items, "SCHEMA": "g" + own.items.get("SCHEMA", "")}
    for verbs in sorted(set(items.values())):
        partitions = sorted(key for key, given in items.items() if given == verbs)
        yield _allow((_VERBS[one] for one in verbs), names.table_arn, condition=_keys(partitions))
    for index, keys in own.indexes.items():
        yield _allow(("dynamodb:Query",), f"{names.table_arn}/index/{index}", condition=_keys(keys))
    if not own.stops:
        stopped = {"ForAnyValue:StringEquals": {"dynamodb:Attributes": [STOPPED]}}
        yield {**_allow((_VERBS["p"], _VERBS["u"]), names.table_arn, condition=stopped), "Effect": "Deny"}


def _keys(patterns: Sequence[str]) -> Json:
    """`ForAllValues` alone would also hold for a request that names no key at all."""
    of = "dynamodb:LeadingKeys"
    return {"ForAllValues:StringLike": {of: list(patterns)}, "Null": {of: "false"}}


def _buckets(names: Names, own: Own) -> Iterable[Json]:
    for bucket, mode in (("archive", own.archive), ("evidence", own.evidence)):
        objects = [action for letter, action in (("r", "s3:GetObject"), ("w", "s3:PutObject")) if letter in mode]
        if objects:
            yield _allow(objects, f"{names.bucket_arn(bucket)}/*")
        if "l" in mode:  # only who may list is told "there is none"; others hear "denied" (S3's GetObject)
            yield _allow(("s3:ListBucket",), names.bucket_arn(bucket))


def _stack_files(names: Names) -> Json:
    # Whoever may read a path may read whatever lies below it (SSM's GetParametersByPath).
    path = f"{ARN}:ssm:{HERE}:parameter{names.stacks_path}"
    return _allow(("ssm:GetParametersByPath",), path)


def _secrets(which: str, own: Own, deployed: Deployed) -> Iterable[Json]:
    """By their names, each; AWS ends a secret's ARN with six characters of its own."""
    named = {one.partition(":")[2] for one in _channels(deployed.stacks) if own.tells and one.startswith("slack:")}
    named |= {one for each in deployed.webhooks.values() for one in _heard(each, own.hears)}
    if which in {ASSUMING, COPYING} and deployed.fingerprint_secret:
        named.add(deployed.fingerprint_secret)
    here = f"{ARN}:secretsmanager:{HERE}:secret"
    arns = [name if name.startswith("arn:") else f"{here}:{name}-??????" for name in sorted(named)]
    if arns:
        yield _allow(("secretsmanager:GetSecretValue",), *arns)


def _heard(credential: WebhookCredential, which: str) -> Iterable[str]:
    """Slack's secret signs; a bearer token is the authorizer's business alone."""
    signs = credential.source is Source.SLACK
    if which == ("signed" if signs else "tokens"):
        yield credential.secret
    if which == "signed" and credential.signed_with:
        yield credential.signed_with


def _topics(stacks: Sequence[Stack]) -> Iterable[Json]:
    topics = sorted({one.partition(":")[2] for one in _channels(stacks) if one.startswith(("sns:", "chat:"))})
    if topics:
        yield _allow(("sns:Publish",), *(f"{ARN}:sns:{HERE}:{topic}" for topic in topics))


def _channels(stacks: Sequence[Stack]) -> set[str]:
    return {channel for stack in stacks for listed in stack.channels.values() for channel in listed}


def _assume(names: Names, stacks: Sequence[Stack]) -> Json:
    """By the pattern of the names that packaging gives, in the accounts of the stacks alone; and what a stack's own
    file names."""
    accounts = sorted({account_in_template(stack) for stack in stacks} | {_HOME})
    patterns = [
        f"{ARN}:iam::{one}:role/{PREFIX}-{names.stage}-*-{role.value}" for one in accounts for role in StackRole
    ]
    given = [(role, stack) for stack in stacks for role in (stack.role, stack.data_role) if role]
    others = {_role_arn(role, stack) for role, stack in given if not _is_ours(role, names)}
    return _allow(("sts:AssumeRole", "sts:SetSourceIdentity"), *patterns, *sorted(others))


def _is_ours(role: str, names: Names) -> bool:
    return role.rpartition("/")[2].startswith(f"{PREFIX}-{names.stage}-")


def _role_arn(role: str, stack: Stack) -> str:
    return role if role.startswith("arn:") else f"{ARN}:iam::{account_in_template(stack)}:role/{role}"


def _hands(names: Names, deployed: Deployed) -> Iterable[Json]:
    """What works for `advance` elsewhere: `reach` in the stacks' networks, the machine for very large copies."""
    functions = sorted({reach_function(names.stage, stack) for stack in deployed.stacks if stack.network})
    if functions:
        arns = (one if one.startswith("arn:") else f"{ARN}:lambda:{HERE}:function:{one}" for one in functions)
        yield _allow(("lambda:InvokeFunction",), *arns)
    if deployed.copies:
        yield _allow(("states:StartExecution",), f"{ARN}:states:{HERE}:stateMachine:{names.prefix}-copies")
        running = f"{ARN}:states:{HERE}:execution:{names.prefix}-copies:*"
        yield _allow(("states:DescribeExecution", "states:StopExecution"), running)
