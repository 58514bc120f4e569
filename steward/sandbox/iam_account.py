"""IAM of one account in small: whose key it is, what they may, whom they may become, and by which right.

Knows nothing of botocore: whoever carries calls (a session, an endpoint) asks here before each.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws.resources import partition_of
from chalicelib.documents import read_json
from chalicelib.models.rights import StackRole
from chalicelib.models.shape import content_hash
from steward.packaging.rights_grants import Grant
from steward.sandbox import place
from steward.sandbox.answers import Declined
from steward.sandbox.iam_policy import Asked, Right, allowed_by, holds, is_by, rights_in

Json = dict[str, Any]
_FREE = {"sts:GetCallerIdentity"}
"""AWS asks nobody's leave for it."""
_SAYS_ACCESS_DENIED = {"s3", "sts", "rds", "elasticloadbalancing", "monitoring"}
"""By the prefix of the action; the others say AccessDeniedException."""
TELL_WHAT_IS_MISSING = ("GetObject", "HeadObject")
"""S3's operations that answer that there is no such object."""


@dataclass(frozen=True)
class Principal:
    """Whose session it is: a function's own, or that of a stack's role, which is narrowed by its session's policy."""

    name: str
    policies: tuple[Json, ...]
    role: StackRole | None = None
    arn: str = ""
    """Of the role that it has."""


@dataclass(frozen=True)
class Role:
    """One that can be assumed."""

    which: StackRole
    policy: Json
    trust: Json


@dataclass
class IamAccount:
    """`used` are the grants by which a stack's role was allowed something, `unused_of` what a function never needed;
    `denied` is what was refused."""

    functions: Mapping[str, tuple[str, Json]]
    """Name to the ARN of its role, and its policy."""
    roles: Mapping[str, Role]
    """By ARN."""
    grants: tuple[Grant, ...] = ()
    """What the roles' policies are made of."""
    lets_in: Callable[[Asked, str], bool] = lambda _asked, _who: True
    """What the policy of a bucket or key of another account says of whoever has this role."""
    used: set[Grant] = field(default_factory=set)
    denied: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._by_key = {
            key_of(name): Principal(name, (policy,), arn=arn) for name, (arn, policy) in self.functions.items()
        }
        self._unused = {name: set(rights_in(policy)) for name, (_, policy) in self.functions.items()}

    def by_key(self, key: str) -> Principal | None:
        return self._by_key.get(key)

    def function(self, name: str) -> Principal:
        return self._by_key[key_of(name)]

    def unused_of(self, name: str) -> set[Right]:
        """Rights of a function that nothing needed until now."""
        return set(self._unused[name])

    def judge(self, principal: Principal, asked: Iterable[Asked]) -> Declined | None:
        """None: allowed."""
        for one in asked:
            if one.action in _FREE:
                continue
            if not allowed_by(principal.policies, one):
                return self._deny(f"{principal.name} may not {one}", one.action)
            if not self.lets_in(one, principal.arn):
                return self._deny(
                    f"because no resource-based policy allows the {one.action} action on {one.resource}", one.action
                )
            self._note(principal, one)
        return None

    def refusal_to_miss(self, principal: Principal, bucket: str) -> Declined | None:
        """Only who may list a bucket is told that there is no such object; others hear that it is denied (S3)."""
        return self.judge(principal, [Asked("s3:ListBucket", f"arn:aws:s3:::{bucket}")])

    def assume(self, who: Principal, params: Mapping[str, Any]) -> Json:
        """By both: a function's own policy says whom it may become, the role's trust who may become it, and how.
        Raises Declined."""
        arn = params["RoleArn"]
        context = {
            "sts:SourceIdentity": (params.get("SourceIdentity", ""),),
            "sts:ExternalId": (params.get("ExternalId", ""),),
        }
        role = self.roles.get(arn)
        for action in ("sts:AssumeRole", "sts:SetSourceIdentity"):
            if refused := self.judge(who, (Asked(action, arn),)):
                raise refused
            if role is None:
                raise self._deny(f"there is no role {arn}", action)
            said = [one for one in role.trust["Statement"] if one["Action"] == action]
            if not any(who.arn in one["Principal"]["AWS"] and holds(one["Condition"], context) for one in said):
                raise self._deny(f"{arn} does not trust {who.name} for {action}", action)
        assert role is not None  # noqa: S101 - refused above
        key = "ASIA" + content_hash([arn, params["Policy"]])[:16].upper()
        narrowed = read_json(params["Policy"], "session policy")
        self._by_key[key] = Principal(role.which.value, (role.policy, narrowed), role.which, arn)
        return _credentials(key, arn, params["RoleSessionName"])

    def _note(self, principal: Principal, asked: Asked) -> None:
        if principal.role is None:
            self._unused[principal.name] -= {one for one in self._unused[principal.name] if is_by(one, asked)}
            return
        for grant in self.grants:
            if grant.role is principal.role and grant not in self.used and is_by(grant, asked):
                self.used.add(grant)

    def _deny(self, why: str, action: str) -> Declined:
        self.denied.append(why)
        code = "AccessDenied" if action.partition(":")[0] in _SAYS_ACCESS_DENIED else "AccessDeniedException"
        return Declined(code, f"not authorized to perform: {why}", 403)


def key_of(function: str) -> str:
    """The access key that a function has in the world."""
    return "AKIA" + content_hash(["function", function])[:16].upper()


def _credentials(key: str, role_arn: str, session_name: str) -> Json:
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    return {
        "Credentials": {"AccessKeyId": key, "SecretAccessKey": "sandbox", "SessionToken": "sandbox"},
        "AssumedRoleUser": {
            "AssumedRoleId": f"AROASANDBOX:{session_name}",
            "Arn": f"arn:{partition_of(place.REGION)}:sts::{account}:assumed-role/{name}/{session_name}",
        },
    }
