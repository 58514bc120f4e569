"""What cannot work is refused before anything is made: every mistake at once, each with what to write instead."""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from chalicelib.catalog.load import is_timezone
from chalicelib.catalog.schedules import schedule_problem
from chalicelib.errors import InputError
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.net.addresses import why_forbidden
from steward.packaging.event_patterns import has_wildcard, patterns
from steward.packaging.home import is_away
from steward.packaging.keeping import MANIFEST_KEY
from steward.packaging.refused_arns import account_said, wrong_arns
from steward.packaging.refused_names import names_taken_twice
from steward.packaging.refused_sizes import too_long

_MANY, _FEW = 300, {"af-south-1": 100, "eu-south-1": 100}
"""Rules a bus takes, and where it takes fewer; a stack has about ten."""
_WILD = 30
"""Rules with wildcards in them; AWS raises this for nobody."""
_LOCAL_NAMES = ("localhost", "metadata", "metadata.google.internal", "instance-data")
"""Names of this machine and of its metadata; where an ordinary name leads is looked at when it is used (S25)."""


class CannotBePackaged(InputError):
    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("cannot be packaged:\n" + "\n".join(problems))


def refuse_what_cannot_work(
    stacks: Mapping[str, Stack],
    runbooks: Mapping[str, Runbook],
    *,
    rules: int,
    home: str,
    more: Iterable[str] = (),
) -> None:
    """`home`: Steward's own region. `more`: what was found elsewhere, to be said in one go."""
    problems = list(more)
    problems += [
        f"stacks/{stack.stack}.yml: {problem}"
        for stack in stacks.values()
        for problem in _of_stack(stack, runbooks, home)
    ]
    problems += _of_our_account(stacks, home)
    problems += names_taken_twice(stacks, runbooks)
    problems += [problem for runbook in runbooks.values() for problem in _of_runbook(runbook)]
    if not stacks:
        problems.append("there is no stack file: write stacks/NAME.yml, or let `steward stacks discover` write it")
    problems += of_the_bus(stacks, rules, home)
    if problems:
        raise CannotBePackaged(problems)


def of_the_bus(stacks: Mapping[str, Stack], rules: int, home: str) -> Iterator[str]:
    """All stages of an account and region share the default bus: another stage is no way out."""
    most = _FEW.get(home, _MANY)
    if rules > most:
        yield f"{rules} EventBridge rules, and a bus takes {most}: deploy some stacks from another account or region"
    wild = sum(has_wildcard(pattern) for stack in stacks.values() for _, pattern in patterns(stack))
    if wild > _WILD:
        yield (
            f"{wild} EventBridge rules with wildcards, and a bus takes {_WILD}: let globs in `alarms` end with their "
            "only `*`, which needs none"
        )


def _of_stack(stack: Stack, runbooks: Mapping[str, Runbook], home: str) -> Iterator[str]:
    yield from wrong_arns(stack, home)
    if stack.database and bool(stack.database.instance) == bool(stack.database.cluster):  # so says the loader of files
        yield "database: needs either `instance:` or `cluster:` (Aurora), and not both"
    yield from _of_addresses(stack)
    yield from _of_network(stack, home)
    yield from _of_mac_key(stack, home)
    if stack.backup.artifacts_schedule and (found := schedule_problem(stack.backup.artifacts_schedule)):
        yield f"backup.artifactsSchedule: {found[0]}; write {found[1]}"
    yield from too_long(stack, runbooks)


def _of_addresses(stack: Stack) -> Iterator[str]:
    """S25, as far as it can be said without asking anybody."""
    addresses = {
        "url": stack.url,
        "artifacts.endpoint": stack.artifacts.endpoint if stack.artifacts else None,
        "ldap.url": stack.ldap.url if stack.ldap else None,
        **{f"urlHosts[{at}]": f"//{host}" for at, host in enumerate(stack.url_hosts)},
    }
    for place, address in addresses.items():
        if address and (why := _why_never(address)):
            yield f"{place}: {address.removeprefix('//')}: {why} (S25); name the stack's load balancer"


def _why_never(address: str) -> str | None:
    try:
        host = urlsplit(address).hostname
    except ValueError as error:
        return f"is no address: {error}"
    if not host:
        return "is no address: it names no host"
    name = host.rstrip(".").lower()
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return "is a name of the machine itself or of its metadata"
    why = why_forbidden(name)
    return None if why == "is not an IP address" else why


def _of_network(stack: Stack, home: str) -> Iterator[str]:
    """CloudFormation makes functions only in its own account and region."""
    network = stack.network
    if network is None or not is_away(stack, home):
        return
    if network.function is None or not network.function.startswith("arn:"):
        yield (
            "network: `reach` is made only where Steward stands, and this stack is in another account or region: "
            "deploy the function there (app.reach of the same zip) and give its ARN as network.function, or leave "
            "network out"
        )


def _of_mac_key(stack: Stack, home: str) -> Iterator[str]:
    """The stack's own roles sign, in its account and region: an alias is looked up there."""
    if is_away(stack, home) and stack.backup.mac_key == MANIFEST_KEY:
        yield (
            f"backup.macKey: {MANIFEST_KEY} is the stage's own key, which stands beside Steward, and this stack is in "
            f"another account or region: name an HMAC key of {stack.region} by its ARN, whose policy lets the stack's "
            "roles ask for kms:GenerateMac and kms:VerifyMac, or leave macKey out (manifests are then not signed)"
        )


def _of_our_account(stacks: Mapping[str, Stack], home: str) -> Iterator[str]:
    """Stacks without `account` are in Steward's own: all of them in the same one."""
    said: dict[str, str] = {}
    for stack in stacks.values():
        if stack.account is None:
            for account in account_said(stack, home):
                said.setdefault(account, stack.stack)
    if len(set(said.values())) > 1:
        told = ", ".join(f"{name} is in {account}" for account, name in said.items())
        yield f"stacks without `account` are in Steward's own, and {told}: say the `account` of those elsewhere"


def _of_runbook(runbook: Runbook) -> Iterator[str]:
    for trigger in runbook.on:
        if trigger.schedule is None:
            continue
        if found := schedule_problem(trigger.schedule.expression):
            yield f"runbooks/{runbook.runbook}.yml: {trigger.schedule.expression}: {found[0]}; write {found[1]}"
        if not is_timezone(trigger.schedule.timezone):
            yield f"runbooks/{runbook.runbook}.yml: there is no time zone {trigger.schedule.timezone!r}"
