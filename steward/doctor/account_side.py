"""The account as these credentials see it: who they are, and whether they may deploy."""

import re
from collections.abc import Iterable

from chalicelib.aws.installation import Installation
from chalicelib.aws.lambda_invoke import reach_function
from chalicelib.errors import AwsDenied, AwsError
from chalicelib.models.stack import Stack
from steward.doctor.finding import Findings, note, ok, wrong
from steward.packaging.deployer import deployer_actions
from steward.packaging.functions import reserved

_ASSUMED = re.compile(r"^arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([^/]+)/")
_UNRESERVED = 100
"""Lambda refuses a reservation that would leave the account's other functions fewer (Lambda's quotas)."""
_AT_ONCE = 50
"""Actions in one call of the simulator."""


def credentials(installation: Installation) -> tuple[str | None, Findings]:
    """The account; none where AWS does not know who asks."""
    try:
        account, arn = installation.caller()
    except AwsError as error:
        remedy = "log in (`aws sso login`, `aws configure`), or set AWS_PROFILE to a profile that works"
        return None, iter([wrong("credentials", "caller", str(error), remedy)])
    return account, iter([ok("credentials", "caller", f"{arn} in {installation.aws.region}")])


def permissions(installation: Installation, stage: str) -> Findings:
    """What deploying takes, asked of IAM. Where that may not be asked, what doctor reads is the dry run."""
    _, arn = installation.caller()
    principal = principal_of(arn)
    if principal.endswith(":root"):
        yield note(
            "permissions", "deploy", "these are the account's root credentials", "use a role of your own instead"
        )
        return
    actions = deployer_actions(stage)
    try:
        allowed: dict[str, bool] = {}
        for at in range(0, len(actions), _AT_ONCE):
            allowed |= installation.simulated(principal, actions[at : at + _AT_ONCE])
    except AwsError as error:
        remedy = "nothing, if the rest can be read; to be sure before a deployment, allow iam:SimulatePrincipalPolicy"
        why = "not allowed" if isinstance(error, AwsDenied) else error.code
        yield note("permissions", "deploy", f"IAM could not be asked ({why}); what follows was read for real", remedy)
        return
    missing = [action for action in actions if not allowed.get(action)]
    if missing:
        said = f"{len(missing)} of {len(actions)} actions are not allowed: {', '.join(missing[:8])}"
        remedy = "docs/deploy.md has the whole policy; those who only look and run need none of it"
        yield note("permissions", "deploy", said, remedy)
    else:
        yield ok(
            "permissions", "deploy", f"all {len(actions)} actions that deploying takes are allowed on some resource"
        )


def principal_of(arn: str) -> str:
    """IAM simulates roles, not their sessions."""
    match = _ASSUMED.match(arn)
    return f"arn:{match[1]}:iam::{match[2]}:role/{match[3]}" if match else arn


def concurrency(installation: Installation, stacks: Iterable[Stack] = (), stage: str = "") -> Findings:
    limit = installation.concurrency()
    taken = reserved(len({reach_function(stage, stack) for stack in stacks if _has_own_reach(stack)}))
    if limit < _UNRESERVED + taken:
        said = f"functions of this account may run {limit} times at once; Steward reserves {taken}, and Lambda keeps "
        said += f"{_UNRESERVED} unreserved: that takes {_UNRESERVED + taken}"
        yield note("account", "concurrency", said, "deploy with RESERVE=no, or ask AWS for a higher quota")
    else:
        yield ok("account", "concurrency", f"{limit} executions at once, of which Steward reserves {taken}")


def _has_own_reach(stack: Stack) -> bool:
    return stack.network is not None and stack.network.function is None
