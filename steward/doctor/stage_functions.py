"""Every function that packaging makes, whether it is of this version, and whom it obeys by its environment."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chalicelib.aws.installation import FunctionFacts, Installation
from chalicelib.aws.lambda_invoke import reach_function
from chalicelib.models.stack import Stack
from chalicelib.wiring import VERSION
from steward.cli.folders import PROJECT
from steward.doctor.finding import AGAIN, Finding, Findings, note, ok, wrong
from steward.packaging.api_roles import who_may_not
from steward.packaging.functions import VERSION_TOLD
from steward.packaging.names import FUNCTIONS, Names

_API = "api"
_ROLES_REMEDY = "name them in STEWARD_ROLES in .chalice/config.json, as docs/deploy.md shows, and deploy again"


def function_names(names: Names, stacks: Sequence[Stack]) -> list[str]:
    """Those of every stage, and `reach` where a stack has a network."""
    own = [names.function(which) for which in (*FUNCTIONS, "webhook-authorizer", "copy-shard")]
    return own + sorted({reach_function(names.stage, stack) for stack in stacks if stack.network})


def functions(installation: Installation, names: Names, stacks: Sequence[Stack]) -> Findings:
    for name in function_names(names, stacks):
        found = installation.function(name)
        if found is None:
            yield wrong("functions", name, "there is none", AGAIN)
        elif found.state in {"Active", "Inactive"}:
            yield ok("functions", name, found.state)
        else:
            yield wrong("functions", name, f"it is {found.state}", AGAIN)
        if found is not None and name == names.function(_API):
            yield version_finding(found, PROJECT / "build" / names.stage / "deployment.zip")
            yield roles_of(found.environment)


def version_finding(found: FunctionFacts, built: Path) -> Finding:
    """The same commit gives the same bytes, so what was packaged here last can be compared."""
    told = found.environment.get(VERSION_TOLD)
    if told != VERSION:
        said = f"version {told or 'unknown'} is deployed, and this one is {VERSION}"
        return note("versions", "deployed", said, f"use the version that is deployed, or {AGAIN}")
    if built.is_file() and found.code_sha256 != base64.b64encode(hashlib.sha256(built.read_bytes()).digest()).decode():
        said = f"what is deployed is not what {built} holds"
        return note("versions", "deployed", said, f"look whether this is the right checkout, or {AGAIN}")
    return ok("versions", "deployed", f"steward {told}")


def roles_of(environment: Mapping[str, Any]) -> Finding:
    """Stopping takes an operator, saying yes an approver, going on an admin; each may do the less as well."""
    if why := who_may_not(environment):
        return wrong("people", "roles", why, _ROLES_REMEDY)
    return ok("people", "roles", "somebody may stop, approve and resume by the API")
