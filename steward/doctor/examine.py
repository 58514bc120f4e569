"""The whole examination: of an account with its stage, or of a sandbox."""

from collections.abc import Iterable
from typing import Any

from chalicelib.aws.gateways import Session
from chalicelib.aws.installation import Installation
from chalicelib.errors import StewardError
from chalicelib.net.guarded import GuardedHttp
from chalicelib.net.http import HttpPort
from steward.doctor import account_side, here, stage_side
from steward.doctor.finding import Finding, Findings, State, looked, ok, unread, wrong
from steward.doctor.stack_side import examine_stack
from steward.sandbox.simulation import Simulation

Json = dict[str, Any]


def examine_account(
    session: Session, region: str | None, stage: str | None, stacks_dir: str | None, http: HttpPort | None = None
) -> Json:
    found = list(here.versions())
    stacks, told = here.stack_files(stacks_dir)
    found += told
    runbooks, told = here.runbook_files()
    found += told
    if region is None:
        found.append(wrong("region", "region", "no region is set", "set AWS_REGION, or a region in the AWS profile"))
        return _said("aws", found)
    installation = Installation(session, region)
    account, told = account_side.credentials(installation)
    found += told
    if account is None:
        return _said("aws", found)
    found.append(ok("region", "region", region))
    name, told = _stage(installation, stage)
    found += told
    deployed = name or stage or "dev"
    found += looked("permissions", "deploy", lambda: account_side.permissions(installation, deployed))
    found += looked("account", "concurrency", lambda: account_side.concurrency(installation, stacks.values(), deployed))
    if name is not None:
        found += stage_side.examine_stage(installation, name, stacks, runbooks, account)
    for stack in stacks.values():
        found += examine_stack(installation, http or GuardedHttp(), stack, account)
    return _said("aws", found)


def _stage(installation: Installation, wanted: str | None) -> tuple[str | None, Findings]:
    try:
        return stage_side.stage_name(installation, wanted)
    except StewardError as error:
        return wanted, iter([unread("stage", wanted or "any", error)])


def examine_sandbox(sim: Simulation) -> Json:
    """No stage is deployed there: runs are turned in its own process, and its state is in memory."""
    found = list(here.versions())
    stacks = sim.parts.engine.stacks
    found.append(ok("files", "stacks", f"{len(stacks)} in this world: {', '.join(sorted(stacks))}"))
    found += here.runbook_files()[1]
    installation = Installation(sim.world.session(), sim.world.region)
    account, told = account_side.credentials(installation)
    found += told
    found.append(ok("region", "region", sim.world.region))
    found.append(ok("table", "store", "in memory, made by this version"))
    found.append(ok("machine", "driver", "runs are turned in this process; there is no Step Functions machine"))
    for stack in stacks.values():
        found += examine_stack(installation, sim.world.http, stack, account or "")
    return _said("sandbox", found)


def _said(on: str, found: Iterable[Finding]) -> Json:
    listed = list(found)
    counts = {state.value: sum(1 for one in listed if one.state is state) for state in State}
    return {
        "on": on,
        "well": not counts[State.WRONG.value],
        "counts": counts,
        "findings": [one.as_json() for one in listed],
    }
