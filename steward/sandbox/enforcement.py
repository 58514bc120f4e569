"""IAM enforcement in the world: Steward's functions and the sessions of the stacks' roles have exactly the packaged
rights.

Every call of the product is checked against the policies that `steward package` would deploy, by action, resource
and condition: first the role's, then the session's. What they do not allow is denied as AWS denies it, and noted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from chalicelib.aws.sts import Credentials
from chalicelib.models.rights import StackRole
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from steward.packaging.names import Names
from steward.packaging.rights import ASSUMING, COPYING, role_policies, stack_grants, trust, with_roles
from steward.packaging.rights import filled as as_subs
from steward.packaging.rights_functions import Deployed, function_policies
from steward.packaging.rights_grants import Grant
from steward.sandbox import place
from steward.sandbox.answers import Declined
from steward.sandbox.iam_account import TELL_WHAT_IS_MISSING, IamAccount, Principal, Role
from steward.sandbox.iam_policy import Asked, Right
from steward.sandbox.iam_requests import Requests
from steward.sandbox.intrinsics import filled, filled_in
from steward.sandbox.other_account import lets_in
from steward.sandbox.overrides import PARAMS, declined_with, response
from steward.sandbox.s3_wire import lane_request, refusal_of
from steward.sandbox.sessions import Keeping

if TYPE_CHECKING:
    import boto3
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.model import OperationModel

    from steward.sandbox.world import World

Json = dict[str, Any]
STAGE = "sandbox"
_NONE = {"404", "NoSuchKey", "NoSuchVersion"}


class Enforcement:
    """One world's IAM, for sessions in this process. `used` are the grants by which something was allowed."""

    def __init__(self, world: "World", stack: Stack, account: IamAccount) -> None:
        self.world, self.stack, self.account = world, stack, account
        self._sessions: dict[tuple[str, str], Any] = {}
        self._requests = requests_of(world)

    @classmethod
    def of(
        cls, world: "World", stack: Stack, runbooks: Mapping[str, Runbook], deployed: Deployed | None = None
    ) -> "Enforcement":
        """`stack` is taken as it would be deployed, with the roles that packaging gives it; `deployed` is what else
        the stage has."""
        whole = with_roles(stack, STAGE).model_copy(update={"account": stack.account or place.ACCOUNT})
        return cls(world, whole, _account(world, whole, runbooks, deployed or Deployed()))

    @property
    def used(self) -> set[Grant]:
        return self.account.used

    @property
    def denied(self) -> list[str]:
        return self.account.denied

    def unused_of(self, function: str) -> set[Right]:
        return self.account.unused_of(function)

    # -- sessions ------------------------------------------------------------------------------

    def session(self, region: str, credentials: Credentials | None) -> Any:  # noqa: ANN401 - as boto3's Session
        """What StackSessions makes its sessions with, in `advance`."""
        return self.session_of(ASSUMING, region, credentials)

    def session_of(self, function: str, _region: str = "", credentials: Credentials | None = None) -> Any:  # noqa: ANN401
        """That function's own session, or one that it was lent."""
        name = (function, credentials.access_key if credentials else "")
        if name not in self._sessions:
            lent = self.account.by_key(credentials.access_key) if credentials else None
            # What a function does with its own rights happens to Steward's state, and to nothing of the account.
            made = self.world.session(f"iam {' '.join(name)}") if lent else self.world.unnoted_session()
            self._guard(made, lent or self.account.function(function))
            self._sessions[name] = Keeping(made)
        return self._sessions[name]

    def _guard(self, session: "boto3.Session", principal: Principal) -> None:
        def before_call(model: "OperationModel", context: Json, **_sent: object) -> "tuple[AWSResponse, Json] | None":
            service, region = model.service_model.service_name, str(context.get("client_region", place.REGION))
            params = context.get(PARAMS, {})
            if service == "sts" and model.name == "AssumeRole":
                return self._assume(principal, params)
            return self._judge(principal, self._requests.of(service, model.name, params, region))

        def before_send(request: "AWSPreparedRequest", event_name: str = "", **_: object) -> "AWSResponse | None":
            params = lane_request(request)
            if params is None:  # of a client, which was asked before the call
                return None
            asked = self._requests.of("s3", event_name.rpartition(".")[2], params, place.REGION)
            said = self._judge(principal, asked)
            return refusal_of(request, Declined("AccessDenied", "Access Denied", 403)) if said else None

        def after_call(parsed: Json, context: Json, **_: object) -> None:
            if parsed.get("Error", {}).get("Code") in _NONE:
                refused = self.account.refusal_to_miss(principal, context[PARAMS]["Bucket"])
                if refused:
                    parsed["Error"] = {"Code": refused.code, "Message": refused.message}

        for operation in TELL_WHAT_IS_MISSING:
            session.events.register(f"after-call.s3.{operation}", cast("Any", after_call))
        session.events.register_first("before-call", cast("Any", before_call), unique_id="sandbox-iam")
        # More particular than where the world's S3 answers, and so before it.
        session.events.register_first("before-send.s3.*", cast("Any", before_send), unique_id="sandbox-iam-s3")

    # -- judging -------------------------------------------------------------------------------

    def _judge(self, principal: Principal, asked: Iterable[Asked]) -> "tuple[AWSResponse, Json] | None":
        refused = self.account.judge(principal, asked)
        return declined_with(refused) if refused else None

    def _assume(self, principal: Principal, params: Mapping[str, Any]) -> "tuple[AWSResponse, Json]":
        try:
            given = self.account.assume(principal, params)
        except Declined as refused:
            return declined_with(refused)
        how = {"RequestId": "sandbox", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
        return response(200), {**given, "ResponseMetadata": how}


def requests_of(world: "World") -> Requests:
    def tags_of(arn: str) -> Mapping[str, str]:
        tags = {one.arn: one.tags for one in world.rds.of_region(arn.split(":")[3])}
        tags |= {one.arn: one.tags for one in world.rds.restored.values()}
        return {tag["Key"]: tag["Value"] for tag in tags.get(arn, ())}

    def key_of(arn: str) -> str | None:
        snapshots = {one.arn: one.key for one in world.rds.snapshots.values()}
        key = world.rds.customer_key
        return key if arn == place.DATABASE_ARN or snapshots.get(arn) == key else None

    return Requests(tags_of, world.bucket.keys, key_of)


def _account(world: "World", stack: Stack, runbooks: Mapping[str, Runbook], deployed: Deployed) -> IamAccount:
    names, stage = Names(STAGE), replace(deployed, stacks=[stack])
    functions = {
        name: (filled(names.role_arn(name)), filled_in(policy))
        for name, policy in function_policies(names, stage).items()
    }
    trusted = trust([functions[name][0] for name in (ASSUMING, COPYING) if name in functions], stack.external_id)
    grants = stack_grants(stack, runbooks)
    named = {StackRole.ACT: stack.role, StackRole.DATA: stack.data_role}
    roles = {
        f"arn:aws:iam::{stack.account}:role/{named[which]}": Role(which, filled_in(as_subs(policy)), trusted)
        for which, policy in role_policies(stack, grants).items()
    }
    return IamAccount(functions, roles, grants, lambda asked, who: lets_in(asked, who, world.bucket.key_policies))
