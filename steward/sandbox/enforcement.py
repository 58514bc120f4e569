"""IAM enforcement in the world: Steward's own sessions and those of the stacks' roles have exactly the packaged rights.

Every call of the product is checked against the policies that `steward package` would deploy, by action, resource
and condition: first the role's, then the session's. What they do not allow is denied as AWS denies it, and noted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from chalicelib.aws.resources import partition_of
from chalicelib.aws.sts import Credentials
from chalicelib.documents import read_json
from chalicelib.models.rights import StackRole
from chalicelib.models.runbook import Runbook
from chalicelib.models.shape import content_hash
from chalicelib.models.stack import Stack
from steward.packaging.names import Names
from steward.packaging.rights import role_policies, stack_grants, trust, with_roles
from steward.packaging.rights_functions import Deployed, policy_of
from steward.packaging.rights_grants import Grant
from steward.sandbox import place
from steward.sandbox.answers import Declined
from steward.sandbox.iam_policy import Asked, allowed_by, holds, matches
from steward.sandbox.iam_requests import Requests
from steward.sandbox.other_account import lets_in
from steward.sandbox.overrides import PARAMS, declined_with, response
from steward.sandbox.s3_wire import lane_request, refusal_of

if TYPE_CHECKING:
    import boto3
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.model import OperationModel

    from steward.sandbox.world import World

Json = dict[str, Any]
STAGE = "sandbox"
_ADVANCE = "advance"
_FREE = {"sts:GetCallerIdentity"}
"""AWS asks nobody's leave for it."""


@dataclass(frozen=True)
class _Principal:
    """Whose session it is: `role` is None for Steward's own function."""

    role: StackRole | None
    policies: tuple[Json, ...]
    arn: str


@dataclass
class Enforcement:
    """One world's IAM. `used` are the grants by which something was allowed; `denied` is what was refused."""

    world: "World"
    stack: Stack
    grants: tuple[Grant, ...]
    used: set[Grant] = field(default_factory=set)
    denied: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, world: "World", stack: Stack, runbooks: Mapping[str, Runbook]) -> "Enforcement":
        """`stack` is taken as it would be deployed, with the roles that packaging gives it."""
        deployed = with_roles(stack, STAGE).model_copy(update={"account": stack.account or place.ACCOUNT})
        return cls(world, deployed, stack_grants(deployed, runbooks))

    def __post_init__(self) -> None:
        names = Names(STAGE)
        self._policies = role_policies(self.stack, self.grants)
        self._arn = _filled(names.role_arn(_ADVANCE))
        self._trust = trust([self._arn], self.stack.external_id)
        own = _filled_in(policy_of(names, _ADVANCE, Deployed([self.stack])))
        self._own = _Principal(None, (own,), self._arn)
        self._given: dict[str, _Principal] = {}
        self._sessions: dict[str, Any] = {}
        self._requests = Requests(self._tags_of, self.world.bucket.keys)

    # -- sessions ------------------------------------------------------------------------------

    def session(self, _region: str, credentials: Credentials | None) -> Any:  # noqa: ANN401 - as boto3's Session
        """What StackSessions makes its sessions with."""
        name = credentials.access_key if credentials else ""
        if name not in self._sessions:
            made = self.world.session(f"iam {name}")
            self._guard(made, self._given[name] if credentials else self._own)
            self._sessions[name] = _Keeping(made)
        return self._sessions[name]

    def _guard(self, session: "boto3.Session", principal: _Principal) -> None:
        def before_call(model: "OperationModel", context: Json, **_sent: object) -> "tuple[AWSResponse, Json] | None":
            service, region = model.service_model.service_name, str(context.get("client_region", place.REGION))
            params = context.get(PARAMS, {})
            if service == "sts" and model.name == "AssumeRole":
                return self._assume(params)
            return self._judge(principal, self._requests.of(service, model.name, params, region))

        def before_send(request: "AWSPreparedRequest", event_name: str = "", **_: object) -> "AWSResponse | None":
            params = lane_request(request)
            if params is None:  # of a client, which was asked before the call
                return None
            asked = self._requests.of("s3", event_name.rpartition(".")[2], params, place.REGION)
            said = self._judge(principal, asked)
            return refusal_of(request, Declined("AccessDenied", "Access Denied", 403)) if said else None

        session.events.register_first("before-call", cast("Any", before_call), unique_id="sandbox-iam")
        # More particular than where the world's S3 answers, and so before it.
        session.events.register_first("before-send.s3.*", cast("Any", before_send), unique_id="sandbox-iam-s3")

    # -- judging -------------------------------------------------------------------------------

    def _judge(self, principal: _Principal, asked: Iterable[Asked]) -> "tuple[AWSResponse, Json] | None":
        for one in asked:
            if one.action in _FREE:
                continue
            if not allowed_by(principal.policies, one):
                return self._deny(f"{principal.role.value if principal.role else _ADVANCE} may not {one}")
            if not lets_in(one, principal.arn, self.world.bucket.key_policies):
                return self._deny(f"because no resource-based policy allows the {one.action} action on {one.resource}")
            self.used |= {grant for grant in self.grants if grant.role is principal.role and _is_by(grant, one)}
        return None

    def _deny(self, why: str) -> "tuple[AWSResponse, Json]":
        self.denied.append(why)
        return declined_with(Declined("AccessDeniedException", f"not authorized to perform: {why}", 403))

    def _assume(self, params: Mapping[str, Any]) -> "tuple[AWSResponse, Json]":
        """By both: Steward's own policy says whom it may become, the role's trust who may become it, and how."""
        arn, source = params["RoleArn"], params.get("SourceIdentity", "")
        context = {"sts:SourceIdentity": (source,), "sts:ExternalId": (params.get("ExternalId", ""),)}
        for action in ("sts:AssumeRole", "sts:SetSourceIdentity"):
            if not allowed_by(self._own.policies, Asked(action, arn)):
                return self._deny(f"{_ADVANCE} may not {action} on {arn}")
            said = [one for one in self._trust["Statement"] if one["Action"] == action]
            if not any(self._arn in one["Principal"]["AWS"] and holds(one["Condition"], context) for one in said):
                return self._deny(f"{arn} does not trust {_ADVANCE} for {action}")
        which = {self.stack.role: StackRole.ACT, self.stack.data_role: StackRole.DATA}.get(arn.rpartition("/")[2])
        if which is None or which not in self._policies:
            return self._deny(f"there is no role {arn}")
        narrowed = read_json(params["Policy"], "session policy")
        key = "ASIA" + content_hash([arn, params["Policy"]])[:16].upper()
        self._given[key] = _Principal(which, (_filled_in(self._policies[which]), narrowed), arn)
        return response(200), _credentials(key, arn, params["RoleSessionName"])

    def _tags_of(self, arn: str) -> Mapping[str, str]:
        region = arn.split(":")[3]
        tags = {one.arn: one.tags for one in self.world.rds.of_region(region)}
        tags |= {one.arn: one.tags for one in self.world.rds.restored.values()}
        return {tag["Key"]: tag["Value"] for tag in tags.get(arn, ())}


class _Keeping:
    """A session that keeps its clients: the same step asks again and again, and each client costs 10 ms."""

    def __init__(self, session: "boto3.Session") -> None:
        self._session = session
        self._kept: dict[str, Any] = {}

    def client(self, service: str, **given: Any) -> Any:  # noqa: ANN401 - a client of any service
        config = given.get("config")
        options = getattr(config, "_user_provided_options", None)
        name = f"{service} {sorted((key, str(value)) for key, value in given.items() if key != 'config')} {options}"
        if name not in self._kept:
            self._kept[name] = self._session.client(service, **given)  # type: ignore[call-overload]  # of any service
        return self._kept[name]


def _is_by(grant: Grant, asked: Asked) -> bool:
    same = matches(grant.action.lower(), asked.action.lower()) and matches(_filled(grant.resource), asked.resource)
    return same and holds(_filled_in(read_json(grant.condition, "condition")), asked.context)


def _filled(text: str) -> str:
    known = {"Partition": partition_of(place.REGION), "AccountId": place.ACCOUNT, "Region": place.REGION}
    for name, value in known.items():
        text = text.replace(f"${{AWS::{name}}}", value)
    return text


def _filled_in(policy: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(policy, dict):
        return {key: _filled_in(value) for key, value in policy.items()}
    if isinstance(policy, list):
        return [_filled_in(one) for one in policy]
    return _filled(policy) if isinstance(policy, str) else policy


def _credentials(key: str, role_arn: str, session_name: str) -> Json:
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    return {
        "Credentials": {"AccessKeyId": key, "SecretAccessKey": "sandbox", "SessionToken": "sandbox"},
        "AssumedRoleUser": {
            "AssumedRoleId": f"AROASANDBOX:{session_name}",
            "Arn": f"arn:{partition_of(place.REGION)}:sts::{account}:assumed-role/{name}/{session_name}",
        },
        "ResponseMetadata": {"RequestId": "sandbox", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0},
    }
