"""IAM of a stage as it would be deployed: the roles of the packaged template, for whoever comes with a key of theirs.

A function's key is made from its logical id, as Lambda makes its keys from its role; a stack's role gives its own keys
to whom it lets in.
"""

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.models.rights import StackRole
from steward.sandbox import place
from steward.sandbox.answers import Declined
from steward.sandbox.enforcement import requests_of
from steward.sandbox.iam_account import TELL_WHAT_IS_MISSING, IamAccount, Principal, Role
from steward.sandbox.intrinsics import filled_in
from steward.sandbox.other_account import lets_in

if TYPE_CHECKING:
    from steward.sandbox.world import World

Json = dict[str, Any]


class DeployedIam:
    """`account.denied` is what was refused."""

    def __init__(self, world: "World", resources: Json) -> None:
        keys = world.bucket.key_policies
        self.account = IamAccount(
            _functions(resources), _roles(resources), (), lambda one, who: lets_in(one, who, keys)
        )
        self._requests = requests_of(world)
        self._lock = threading.Lock()  # the functions ask all at once

    def refusal(
        self, key: str, service: str, operation: str, params: Mapping[str, Any], region: str
    ) -> Declined | None:
        """None: allowed."""
        asked = self._requests.of(service, operation, params, region)
        with self._lock:
            try:
                return self.account.judge(self._who(key), asked)
            except Declined as unknown:
                return unknown

    def refusal_to_miss(self, key: str, operation: str, bucket: str) -> Declined | None:
        """What the key hears instead of `there is none`, where it does."""
        if operation not in TELL_WHAT_IS_MISSING:
            return None
        with self._lock:
            return self.account.refusal_to_miss(self._who(key), bucket)

    def assume(self, key: str, params: Mapping[str, Any]) -> Json:
        """Raises Declined."""
        with self._lock:
            return self.account.assume(self._who(key), params)

    def _who(self, key: str) -> Principal:
        found = self.account.by_key(key)
        if found is None:
            raise Declined("UnrecognizedClientException", "The security token included in the request is invalid.", 403)
        return found


def _functions(resources: Json) -> dict[str, tuple[str, Json]]:
    """Those with a role of this template: logical id to the ARN of the role, and its policy."""
    found = {}
    for name, body in resources.items():
        if body["Type"] == "AWS::Serverless::Function":
            role = resources[body["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]
            found[name] = (_arn(filled_in(role["RoleName"])), _policy(role))
    return found


def _roles(resources: Json) -> dict[str, Role]:
    """Those that the deployed stacks name as theirs."""
    which: dict[str | None, StackRole] = {}
    for body in resources.values():
        if body["Type"] == "AWS::SSM::Parameter" and "/stacks/" in str(body["Properties"]["Name"]):
            stack = json.loads(body["Properties"]["Value"])
            which |= {stack.get("role"): StackRole.ACT, stack.get("dataRole"): StackRole.DATA}
    made = [body["Properties"] for body in resources.values() if body["Type"] == "AWS::IAM::Role"]
    return {
        _arn(role["RoleName"]): Role(
            which[role["RoleName"]], _policy(role), filled_in(role["AssumeRolePolicyDocument"])
        )
        for role in made
        if isinstance(role["RoleName"], str) and role["RoleName"] in which
    }


def _policy(role: Json) -> Json:
    said = [statement for each in role["Policies"] for statement in each["PolicyDocument"]["Statement"]]
    return {"Statement": filled_in(said)}


def _arn(role: str) -> str:
    return f"arn:aws:iam::{place.ACCOUNT}:role/{role}"
