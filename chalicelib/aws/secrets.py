"""Secrets Manager: a login for a probe, and how a secret stands."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import unquote

from chalicelib.aws.translate import calling
from chalicelib.errors import AwsInvalid, AwsNotFound
from chalicelib.models.webhook import SecretPair


class _Client(Protocol):
    """No typed client of this service is among the pinned stubs; this is the part that is used."""

    def get_secret_value(self, **asked: object) -> dict[str, Any]: ...

    def describe_secret(self, **asked: object) -> dict[str, Any]: ...

    def put_secret_value(self, **asked: object) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Login:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class DatabaseSecret:
    """What a secret of a database says; where it says nothing, RDS knows better anyway."""

    login: Login
    host: str | None
    port: int | None


@dataclass(frozen=True)
class SecretFacts:
    name: str
    deleted: bool
    """It waits for its deletion: nobody can read it."""
    rotates: bool
    changed_at: datetime | None
    rotated_at: datetime | None
    kms_key: str | None
    """None: the account's own key for secrets."""


_ADDRESS = re.compile(
    r"^[a-z0-9+]+://(?P<user>[^:/?#]+):(?P<password>.+)@(?P<host>[^:/?#@]+)(?::(?P<port>\d+))?(?:[/?]|$)"
)
_ADDRESS_KEYS = ("uri", "url", "connection_string", "connectionString", "MLFLOW_BACKEND_STORE_URI")


class Secrets:
    def __init__(self, client: _Client) -> None:
        self._client = client

    def text(self, name: str) -> str:
        """As it is: a webhook's address, a key."""
        with calling("secretsmanager:GetSecretValue"):
            value: str = self._client.get_secret_value(SecretId=name).get("SecretString", "")
        return value

    def pair(self, name: str) -> SecretPair:
        """What counts now and, after a rotation, what counted before it."""
        with calling("secretsmanager:GetSecretValue"):
            now = self._client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
        try:
            with calling("secretsmanager:GetSecretValue"):
                before = self._client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS").get("SecretString")
        except AwsNotFound:
            before = None  # it was never rotated
        return SecretPair(str(now.get("SecretString", "")), before, _utc(now.get("CreatedDate")))

    def login(self, name: str, version: str | None = None) -> Login:
        """A secret of the usual shape `{"username": …, "password": …}`. `version` is a version's id."""
        asked = {"SecretId": name, **({"VersionId": version} if version else {})}
        with calling("secretsmanager:GetSecretValue"):
            text = self._client.get_secret_value(**asked).get("SecretString", "")
        try:
            value = json.loads(text)
            return Login(str(value["username"]), str(value["password"]))
        except (ValueError, KeyError, TypeError):
            # `from None`: the cause would carry the secret's text into a log.
            reason = f"secret {name} is not JSON with username and password"
            raise AwsInvalid("secretsmanager:GetSecretValue", "Shape", reason) from None

    def database(self, name: str, version: str | None = None) -> DatabaseSecret:
        """As RDS writes it (`username`, `password`, `host`, `port`), or as one address like MLflow wants it.
        `version` is a version's id; without it the current one."""
        asked = {"SecretId": name, **({"VersionId": version} if version else {})}
        with calling("secretsmanager:GetSecretValue"):
            text = self._client.get_secret_value(**asked).get("SecretString", "")
        found = _database_secret(text)
        if found is None:
            reason = f"secret {name} is neither JSON with username and password nor a database address"
            raise AwsInvalid("secretsmanager:GetSecretValue", "Shape", reason)
        return found

    def point_at(self, name: str, former: str, host: str, token: str) -> bool:
        """A new version in which `host` stands where `former` stood; nothing else differs, and its text leaves
        this method for nowhere but Secrets Manager. False: `former` is not in it. `token` makes it one version,
        however often it is asked for."""
        with calling("secretsmanager:GetSecretValue"):
            text = str(self._client.get_secret_value(SecretId=name).get("SecretString", ""))
        pointed = re.sub(rf"(?<![\w.-]){re.escape(former)}(?![\w.-])", host, text)
        if pointed == text:
            return False
        with calling("secretsmanager:PutSecretValue"):
            self._client.put_secret_value(SecretId=name, SecretString=pointed, ClientRequestToken=token)
        return True

    def versions(self, name: str) -> dict[str, str]:
        """Stage (AWSCURRENT, AWSPREVIOUS, AWSPENDING) to the id of the version that has it."""
        with calling("secretsmanager:DescribeSecret"):
            listed = self._client.describe_secret(SecretId=name).get("VersionIdsToStages", {})
        return {stage: version for version, stages in listed.items() for stage in stages}

    def facts(self, name: str) -> SecretFacts | None:
        """None: there is no such secret. Never its value."""
        try:
            with calling("secretsmanager:DescribeSecret"):
                raw = self._client.describe_secret(SecretId=name)
        except AwsNotFound:
            return None
        return SecretFacts(
            name=raw.get("Name", name),
            deleted="DeletedDate" in raw,
            rotates=bool(raw.get("RotationEnabled")),
            changed_at=_utc(raw.get("LastChangedDate")),
            rotated_at=_utc(raw.get("LastRotatedDate")),
            kms_key=raw.get("KmsKeyId"),
        )

    def exists(self, name: str) -> bool:
        """A secret that waits for its deletion is gone: tasks cannot read it."""
        try:
            with calling("secretsmanager:DescribeSecret"):
                return "DeletedDate" not in self._client.describe_secret(SecretId=name)
        except AwsNotFound:
            return False


def _utc(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def _database_secret(text: str) -> DatabaseSecret | None:
    try:
        value = json.loads(text)
    except ValueError:
        value = {"uri": text.strip()}
    if not isinstance(value, dict):
        return None
    if "username" in value and "password" in value:
        port = str(value.get("port", ""))
        login = Login(str(value["username"]), str(value["password"]))
        return DatabaseSecret(login, value.get("host"), int(port) if port.isdigit() else None)
    address = next((str(value[key]) for key in _ADDRESS_KEYS if value.get(key)), "")
    match = _ADDRESS.match(address)
    if match is None:
        return None
    login = Login(unquote(match["user"]), unquote(match["password"]))
    return DatabaseSecret(login, match["host"], int(match["port"]) if match["port"] else None)
