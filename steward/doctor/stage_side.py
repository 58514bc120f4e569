"""A deployed stage: is everything there that packaging makes, as these files would make it now?"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.aws.installation import Installation
from chalicelib.aws.resources import partition_of
from chalicelib.catalog.deployed import stack_parameter
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.store.dynamodb import DynamoTable, table_definition
from chalicelib.store.schema import KEY, VERSION, version_of
from steward.cli.find_stage import ADDRESSES
from steward.doctor.around_side import examine_around
from steward.doctor.finding import AGAIN, Findings, looked, note, ok, wrong
from steward.doctor.stage_functions import functions
from steward.packaging.deployed_stack import as_deployed
from steward.packaging.events import event_rules
from steward.packaging.names import Names
from steward.packaging.schedules import schedules

Json = dict[str, Any]


def stage_name(installation: Installation, wanted: str | None) -> tuple[str | None, Findings]:
    """The stage to look at, and what was found on the way; none: there is nothing to look at."""
    stages = sorted(name.rpartition("/")[2] for name in installation.aws.ssm.parameters_under(ADDRESSES))
    region, known = installation.aws.region, ", ".join(stages) or "none"
    if wanted is None and len(stages) == 1:
        wanted = stages[0]
    if wanted in stages:
        return wanted, iter([ok("stage", str(wanted), f"deployed in {region}")])
    if wanted is None and stages:
        remedy = "say which: --on aws:STAGE"
        return None, iter([note("stage", "which", f"several are deployed in {region}: {known}", remedy)])
    remedy = f"deploy it: `make deploy STAGE={wanted or 'dev'}`; docs/deploy.md has the way there"
    return None, iter([wrong("stage", wanted or "any", f"it is not deployed in {region}; deployed: {known}", remedy)])


def examine_stage(
    installation: Installation, stage: str, stacks: Mapping[str, Stack], runbooks: Mapping[str, Runbook], account: str
) -> Findings:
    names, ordered = Names(stage), [as_deployed(stacks[name], stage) for name in sorted(stacks)]
    yield from looked("table", names.table, lambda: _table(installation, names))
    yield from looked("machine", names.prefix, lambda: _machine(installation, names, account))
    yield from looked("functions", names.prefix, lambda: functions(installation, names, ordered))
    yield from looked("parameters", names.stacks_path, lambda: _parameters(installation, names, ordered))
    yield from looked("rules", names.prefix, lambda: _rules(installation, names, ordered))
    yield from looked("schedules", names.prefix, lambda: _schedules(installation, names, ordered, runbooks))
    yield from examine_around(installation, names, ordered, account)


def _table(installation: Installation, names: Names) -> Findings:
    facts = installation.table(names.table)
    if facts is None:
        yield wrong("table", names.table, "there is none", AGAIN)
        return
    missing = {index["IndexName"] for index in table_definition()["GlobalSecondaryIndexes"]} - facts.indexes
    if facts.status != "ACTIVE" or missing:
        said = f"it is {facts.status}" + (f", without the indexes {', '.join(sorted(missing))}" if missing else "")
        yield wrong("table", names.table, said, f"wait until it is ACTIVE; if it stays so, {AGAIN}")
        return
    yield ok("table", names.table, "ACTIVE, with its indexes")
    if not facts.recoverable:
        yield wrong("table", "recovery", "point-in-time recovery is off", f"switch it on again, or {AGAIN}")
    if not facts.expires:
        yield note(
            "table", "expiry", "what is past its time is not deleted", f"switch time to live on again, or {AGAIN}"
        )
    yield from _schema(installation, names)


def _schema(installation: Installation, names: Names) -> Findings:
    item = DynamoTable(names.table, installation.dynamodb).get(KEY)
    found = version_of(item)
    if item is None:
        said = "nobody has written a version yet"
        yield note("table", "schema", said, "the next sweep does; if it stays so, see the heartbeat alarm")
    elif found == VERSION:
        yield ok("table", "schema", f"version {found}, as this one works with")
    elif 0 < found < VERSION:
        said = f"version {found}, and this one works with {VERSION}"
        yield note("table", "schema", said, "the next sweep migrates it, once this version is deployed")
    else:
        remedy = "use the version of steward that is deployed, or deploy the newer one again"
        yield wrong("table", "schema", f"version {found}, and this one works with {VERSION}", remedy)


def _machine(installation: Installation, names: Names, account: str) -> Findings:
    """The one for runs, and the one for very large copies."""
    region = installation.aws.region
    for name in (names.prefix, f"{names.prefix}-copies"):
        status = installation.machine(f"arn:{partition_of(region)}:states:{region}:{account}:stateMachine:{name}")
        if status == "ACTIVE":
            yield ok("machine", name, "ACTIVE")
        else:
            yield wrong("machine", name, f"it is {status}" if status else "there is none", AGAIN)


def _parameters(installation: Installation, names: Names, stacks: list[Stack]) -> Findings:
    stored = {
        name.rpartition("/")[2]: text for name, text in installation.aws.ssm.parameters_under(names.stacks_path).items()
    }
    for stack in stacks:
        text = stored.pop(stack.stack, None)
        if text == stack_parameter(stack):
            yield ok("parameters", stack.stack, "deployed as its file says")
        elif text is None:
            yield wrong("parameters", stack.stack, "it has a file and is not deployed", AGAIN)
        else:
            said = "what is deployed is not what its file says"
            yield wrong("parameters", stack.stack, said, f"{AGAIN}, or take the change of the file back")  # S22
    for name in sorted(stored):
        yield note("parameters", name, "it is deployed and has no file here", "look whether this is the right checkout")


def _rules(installation: Installation, names: Names, stacks: list[Stack]) -> Findings:
    wanted = _named(event_rules(names, stacks), "AWS::Events::Rule")
    yield from _compared("rules", wanted, installation.rules(f"{names.prefix}-"))


def _schedules(
    installation: Installation, names: Names, stacks: list[Stack], runbooks: Mapping[str, Runbook]
) -> Findings:
    wanted = _named(schedules(names, stacks, dict(runbooks)), "AWS::Scheduler::Schedule")
    yield from _compared("schedules", wanted, installation.schedules(names.prefix))


def _named(resources: Json, kind: str) -> list[str]:
    return [str(made["Properties"]["Name"]) for made in resources.values() if made["Type"] == kind]


def _compared(about: str, wanted: Iterable[str], there: Mapping[str, str]) -> Findings:
    names = sorted(wanted)
    for name in names:
        if name not in there:
            yield wrong(about, name, "it is missing", AGAIN)
        elif there[name] != "ENABLED":
            yield wrong(about, name, f"it is {there[name]}", f"enable it again, or {AGAIN}")
    if all(there.get(name) == "ENABLED" for name in names):
        yield ok(about, "all", f"{len(names)} are there and enabled")
