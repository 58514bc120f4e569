"""Secrets Manager, the deployment's two secrets: answered from the world, in its own time."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from steward.sandbox import directory, place
from steward.sandbox.answers import Answers, Declined, Params
from steward.sandbox.task import Task
from steward.sandbox.task_definitions import ADMIN_SECRET_ARN, DIRECTORY_SECRET_ARN, SECRET_ARN

FIRST_VALUES: dict[str, dict[str, str]] = {
    place.DATABASE_SECRET: {"username": place.DATABASE_USER, "password": place.DATABASE_PASSWORD},
    place.ADMIN_SECRET: {"username": "admin", "password": place.ADMIN_PASSWORD, "flask": "sandbox-flask-key"},
    place.DIRECTORY_SECRET: {"username": directory.BIND_DN, "password": directory.PASSWORD},
}
ARNS = {
    place.DATABASE_SECRET: SECRET_ARN,
    place.ADMIN_SECRET: ADMIN_SECRET_ARN,
    place.DIRECTORY_SECRET: DIRECTORY_SECRET_ARN,
}


@dataclass
class _Secret:
    name: str
    arn: str
    value: str = field(repr=False)
    created_at: datetime
    changed_at: datetime
    rotated_at: datetime | None = None
    version: int = 1
    former: str | None = field(default=None, repr=False)
    """AWSPREVIOUS."""
    pending: str | None = field(default=None, repr=False)

    @property
    def version_id(self) -> str:
        return f"00000000-0000-4000-8000-{self.version:012d}"

    def put(self, now: datetime, value: str) -> None:
        self.former, self.value, self.pending = self.value, value, None
        self.changed_at, self.version = now, self.version + 1

    def versions(self) -> dict[str, tuple[str, str]]:
        """Stage to the id and the value of its version."""
        values = {"AWSCURRENT": (0, self.value), "AWSPREVIOUS": (-1, self.former), "AWSPENDING": (1, self.pending)}
        return {
            stage: (f"00000000-0000-4000-8000-{self.version + step:012d}", value)
            for stage, (step, value) in values.items()
            if value is not None
        }


class SecretsAnswers:
    def __init__(self, since: datetime) -> None:
        self._secrets = [
            _Secret(name, ARNS[name], json.dumps(value), since, since) for name, value in FIRST_VALUES.items()
        ]

    def table(self) -> Answers:
        return {"DescribeSecret": self._describe, "GetSecretValue": self._get, "PutSecretValue": self._put}

    @property
    def database_password(self) -> str:
        """What a task gets that starts now."""
        return str(json.loads(self._secrets[0].value)["password"])

    def equip(self, task: Task) -> None:
        """The password, and the host where the secret says it and no variable of the task's own does."""
        task.database_password = self.database_password
        host = json.loads(self._secrets[0].value).get("host")
        if host:
            task.environment.setdefault("DB_HOST", str(host))

    def always_named(self, host: str) -> None:
        """The database's secret has named its host from the beginning, as those that RDS makes do."""
        secret = self._secrets[0]
        secret.value = json.dumps(json.loads(secret.value) | {"host": host})

    def rotate(self, now: datetime, password: str) -> None:
        secret = self._secrets[0]
        secret.put(now, json.dumps(json.loads(secret.value) | {"password": password}))
        secret.rotated_at = now

    def leave_pending(self, password: str) -> None:
        """A rotation that did not come to its end."""
        secret = self._secrets[0]
        secret.pending = json.dumps(json.loads(secret.value) | {"password": password})

    def _find(self, params: Params) -> _Secret | None:
        """None: one that somebody made, which moto keeps."""
        asked = params["SecretId"]
        return next((each for each in self._secrets if asked in {each.name, each.arn}), None)

    def _describe(self, params: Params, _now: datetime) -> dict[str, Any] | None:
        secret = self._find(params)
        if secret is None:
            return None
        rotated = {"LastRotatedDate": secret.rotated_at} if secret.rotated_at else {}
        return {
            "ARN": secret.arn,
            "Name": secret.name,
            "RotationEnabled": bool(rotated),
            "LastChangedDate": secret.changed_at,
            "CreatedDate": secret.created_at,
            "VersionIdsToStages": {version: [stage] for stage, (version, _) in secret.versions().items()},
            **rotated,
        }

    def _get(self, params: Params, _now: datetime) -> dict[str, Any] | None:
        secret = self._find(params)
        if secret is None:
            return None
        asked, wanted = params.get("VersionId"), params.get("VersionStage", "AWSCURRENT")
        for stage, (version, value) in secret.versions().items():
            if version == asked if asked else stage == wanted:
                return {
                    "ARN": secret.arn,
                    "Name": secret.name,
                    "VersionId": version,
                    "SecretString": value,
                    "VersionStages": [stage],
                    "CreatedDate": secret.changed_at,
                }
        raise Declined("ResourceNotFoundException", "Secrets Manager can't find the specified secret value.")

    def _put(self, params: Params, now: datetime) -> dict[str, Any] | None:
        secret = self._find(params)
        if secret is None:
            return None
        secret.put(now, params["SecretString"])
        return {"ARN": secret.arn, "Name": secret.name, "VersionId": secret.version_id, "VersionStages": ["AWSCURRENT"]}
