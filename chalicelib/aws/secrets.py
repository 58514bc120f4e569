"""Secrets Manager: a login for a probe, and whether a secret exists."""

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsInvalid, AwsNotFound


class _Client(Protocol):
    """No typed client of this service is among the pinned stubs; this is the part that is used."""

    def get_secret_value(self, **asked: object) -> dict[str, Any]: ...

    def describe_secret(self, **asked: object) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Login:
    username: str
    password: str = field(repr=False)


class Secrets:
    def __init__(self, client: _Client) -> None:
        self._client = client

    def login(self, name: str) -> Login:
        """A secret of the usual shape `{"username": …, "password": …}`."""
        with calling("secretsmanager:GetSecretValue"):
            text = self._client.get_secret_value(SecretId=name).get("SecretString", "")
        try:
            value = json.loads(text)
            return Login(str(value["username"]), str(value["password"]))
        except (ValueError, KeyError, TypeError):
            # `from None`: the cause would carry the secret's text into a log.
            reason = f"secret {name} is not JSON with username and password"
            raise AwsInvalid("secretsmanager:GetSecretValue", "Shape", reason) from None

    def exists(self, name: str) -> bool:
        """A secret that waits for its deletion is gone: tasks cannot read it."""
        try:
            with calling("secretsmanager:DescribeSecret"):
                return "DeletedDate" not in self._client.describe_secret(SecretId=name)
        except AwsNotFound:
            return False
