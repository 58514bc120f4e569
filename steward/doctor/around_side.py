"""What a stage depends on that packaging does not make, or cannot keep so: secrets, ears, trust, and what was lost."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.aws.installation import Installation
from chalicelib.aws.resources import partition_of
from chalicelib.models.rights import StackRole
from chalicelib.models.stack import Stack
from steward.doctor.finding import AGAIN, Finding, Findings, looked, note, ok, wrong
from steward.packaging.messages import QUEUES
from steward.packaging.names import Names
from steward.packaging.rights import ASSUMING, role_name


def examine_around(installation: Installation, names: Names, stacks: Sequence[Stack], account: str) -> Findings:
    yield from looked("secrets", names.prefix, lambda: _secrets(installation, names, stacks))
    yield from looked("queues", names.prefix, lambda: _queues(installation, names))
    yield from looked("alarms", names.topic, lambda: _listeners(installation, names, account))
    for stack in stacks:
        yield from looked("roles", stack.stack, lambda stack=stack: _roles(installation, names, stack, account))  # type: ignore[misc]


def _secrets(installation: Installation, names: Names, stacks: Sequence[Stack]) -> Findings:
    """Those that functions read by their environment, and where messages go; no value is read."""
    deployed = installation.function(names.function("api"))
    told = deployed.environment if deployed else {}
    for what, name in sorted({*_told(told), *_slack(stacks)}):
        facts = installation.aws.secrets.facts(name)
        if facts is None:
            yield wrong("secrets", name, f"there is no such secret, for {what}", "make it, or name another")
        elif facts.deleted:
            yield wrong("secrets", name, f"it waits for its deletion, and {what} needs it", "restore it")
        else:
            yield ok("secrets", name, f"it is there, for {what}; its value was not read")


def _told(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if name := environment.get("STEWARD_FINGERPRINT_SECRET"):
        yield "fingerprints", name
    for webhook, body in json.loads(environment.get("STEWARD_WEBHOOKS") or "{}").items():
        yield from (
            (f"webhook {webhook}", body[key]) for key in ("secret", "signed_with", "signedWith") if body.get(key)
        )


def _slack(stacks: Sequence[Stack]) -> Iterator[tuple[str, str]]:
    listed = (one for stack in stacks for each in stack.channels.values() for one in each)
    yield from (("messages to Slack", one.partition(":")[2]) for one in listed if one.startswith("slack:"))


def _queues(installation: Installation, names: Names) -> Findings:
    for what, why in QUEUES.items():
        name = names.queue(what)
        waiting = installation.waiting(name)
        if waiting is None:
            yield wrong("queues", name, "there is none", AGAIN)
        elif waiting:
            remedy = f"read them (`aws sqs receive-message`), mend the cause, then purge or redrive {name}"
            yield wrong("queues", name, f"{waiting} lie in it: {why}", remedy)
        else:
            yield ok("queues", name, "nothing was lost")


def _listeners(installation: Installation, names: Names, account: str) -> Findings:
    region = installation.aws.region
    arn = f"arn:{partition_of(region)}:sns:{region}:{account}:{names.topic}"
    if not installation.has_topic(arn):
        yield wrong("alarms", names.topic, "there is no such topic", AGAIN)
    elif heard := installation.listeners(arn):
        yield ok("alarms", names.topic, f"{heard} hear when Steward itself is ill")
    else:
        remedy = f"aws sns subscribe --topic-arn {arn} --protocol email --notification-endpoint YOU@EXAMPLE.COM"
        yield wrong("alarms", names.topic, "nobody hears when Steward itself is ill or dead", remedy)


def _roles(installation: Installation, names: Names, stack: Stack, account: str) -> Findings:
    """Whether each role trusts `advance`, with this stack's external id (S23)."""
    if stack.account not in {None, account}:
        remedy = "run doctor with credentials of that account"
        yield note("roles", stack.stack, f"they are in account {stack.account}", remedy)
        return
    region = installation.aws.region
    taker = f"arn:{partition_of(region)}:iam::{account}:role/{names.role(ASSUMING).replace('${AWS::Region}', region)}"
    ours = stack.role == role_name(names.stage, stack.stack, StackRole.ACT)
    remedy = AGAIN if ours else f"let it trust {taker} for sts:AssumeRole and sts:SetSourceIdentity"
    for role in (stack.role, stack.data_role):
        if role is not None:
            yield _trusts(installation, role.rpartition("/")[2], taker, stack.external_id, remedy)


def _trusts(installation: Installation, role: str, taker: str, external_id: str | None, remedy: str) -> Finding:
    trust = installation.trust(role)
    if trust is None:
        return wrong("roles", role, "there is no such role", remedy)
    said = [one for one in trust.get("Statement", ()) if _names(one.get("Principal", {}), taker)]
    for action in ("sts:AssumeRole", "sts:SetSourceIdentity"):
        allowing = [one for one in said if one["Effect"] == "Allow" and action in _listed(one.get("Action", ()))]
        if not allowing:
            return wrong("roles", role, f"it does not trust advance for {action}", remedy)
        if action == "sts:AssumeRole" and not any(_agrees(one, external_id) for one in allowing):
            return wrong("roles", role, "it asks for another external id than this stack's", remedy)
    return ok("roles", role, "advance may take it")


def _names(principal: Any, taker: str) -> bool:  # noqa: ANN401 - `*`, or a mapping
    return isinstance(principal, Mapping) and taker in _listed(principal.get("AWS", ()))


def _agrees(statement: Mapping[str, Any], external_id: str | None) -> bool:
    wanted = statement.get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId")
    return wanted is None or external_id in _listed(wanted)


def _listed(value: Any) -> list[str]:  # noqa: ANN401 - one or many
    return [value] if isinstance(value, str) else list(value)
