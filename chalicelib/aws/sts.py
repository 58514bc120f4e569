"""STS: who Steward is, and the narrowed rights it acts with (S21)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.aws.translate import calling

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

_SHORTEST_S = 900
"""The shortest STS gives: one Move never needs more."""


@dataclass(frozen=True)
class Credentials:
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    account: str


class Sts:
    def __init__(self, client: "STSClient") -> None:
        self._client = client

    def account(self) -> str:
        with calling("sts:GetCallerIdentity"):
            return self._client.get_caller_identity()["Account"]

    def assume_role(
        self, role_arn: str, *, session_name: str, source_identity: str, policy: str, external_id: str | None = None
    ) -> Credentials:
        agreed: dict[str, Any] = {"ExternalId": external_id} if external_id else {}
        with calling("sts:AssumeRole"):
            answer = self._client.assume_role(
                RoleArn=role_arn,
                RoleSessionName=session_name,
                SourceIdentity=source_identity,
                Policy=policy,
                DurationSeconds=_SHORTEST_S,
                **agreed,
            )
        given = answer["Credentials"]
        return Credentials(
            access_key=given["AccessKeyId"],
            secret_key=given["SecretAccessKey"],
            token=given["SessionToken"],
            account=answer["AssumedRoleUser"]["Arn"].split(":")[4],
        )
