"""Task definitions: the one of the deployment, and whatever revisions are registered later."""

import base64
import copy
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from steward.sandbox import place
from steward.sandbox.task import Task

USERS_IN_DATABASE = f"postgresql+psycopg2://mlflow@{place.DATABASE_HOST}:5432/mlflow_auth"
USERS_ON_DISK = "sqlite:////tmp/mlflow-auth.db"
"""As the guides have it: one file of users a task, gone with the task."""
_AUTH_INI = """[mlflow]
default_permission = READ
database_uri = {users}
admin_username = admin
"""
LDAP_PLUGIN = "mlflow_directory"
"""The module that asks the directory, where there is one."""
_ANY_HOST = " --allowed-hosts '*'"
_STORE = f" --backend-store-uri postgresql+psycopg2://$DB_USER:$DB_PASSWORD@$DB_HOST:5432/{place.DATABASE_NAME}"
STORE_VARIABLE = "MLFLOW_BACKEND_STORE_URI"
_PINNED = re.compile(r"mlflow(?:\[[\w,]+\])?==([\w.]+)")
_TAGGED = re.compile(r"mlflow[^:]*:v?(\d+\.\d+\.\d+)")
_SERVE = (
    "mlflow server --host 0.0.0.0 --port 5000"
    f"{_ANY_HOST}{_STORE}"
    f" --artifacts-destination s3://{place.BUCKET}/{place.PREFIX} --serve-artifacts --expose-prometheus /tmp/metrics"
)
SECRET_ARN = place.arn("secretsmanager", f"secret:{place.DATABASE_SECRET}-x7Kq2p")
ADMIN_SECRET_ARN = place.arn("secretsmanager", f"secret:{place.ADMIN_SECRET}-m4Tz9w")

DIRECTORY_SECRET_ARN = place.arn("secretsmanager", f"secret:{place.DIRECTORY_SECRET}-c2Rv8d")


def install_and_serve(
    version: str = place.MLFLOW_VERSION,
    users: str = USERS_IN_DATABASE,
    *,
    any_host: bool = True,
    store: bool = True,
    directory: bool = False,
) -> str:
    """The start command of the guides: write the auth config, install MLflow, serve.

    Without `any_host` and `store` their variables say which hosts are served, and where the store is.
    """
    text = _AUTH_INI.format(users=users)
    if directory:
        text += f"authorization_function = {LDAP_PLUGIN}:authenticate\n"
    ini = base64.b64encode(text.encode()).decode()
    serve = _SERVE if any_host else _SERVE.replace(_ANY_HOST, "")
    serve = serve if store else serve.replace(_STORE, "")
    install = f"pip install 'mlflow[auth]=={version}' psycopg2-binary boto3 prometheus-flask-exporter"
    return f"echo {ini} | base64 -d > /tmp/basic_auth.ini && {install} && {serve} --app-name basic-auth"


_ENVIRONMENT = {
    "DB_HOST": place.DATABASE_HOST,
    "AWS_DEFAULT_REGION": place.REGION,
    "MLFLOW_AUTH_CONFIG_PATH": "/tmp/basic_auth.ini",  # noqa: S108 - in the task, as in the guides
}
_SECRETS = {
    "DB_USER": f"{SECRET_ARN}:username::",
    "DB_PASSWORD": f"{SECRET_ARN}:password::",
    "PGPASSWORD": f"{SECRET_ARN}:password::",
    "MLFLOW_AUTH_ADMIN_PASSWORD": f"{ADMIN_SECRET_ARN}:password::",
    "MLFLOW_FLASK_SERVER_SECRET_KEY": f"{ADMIN_SECRET_ARN}:flask::",
}
_LOGS = {
    "awslogs-group": place.LOG_GROUP,
    "awslogs-region": place.REGION,
    "awslogs-stream-prefix": "mlflow",
}


def definition_of(
    command: str, *, image: str = place.IMAGE, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Parameters of RegisterTaskDefinition. `environment` is laid over the usual one."""
    variables = _ENVIRONMENT | dict(environment or {})
    container = {
        "name": place.CONTAINER,
        "image": image,
        "cpu": 0,
        "essential": True,
        "portMappings": [{"containerPort": place.PORT, "hostPort": place.PORT, "protocol": "tcp"}],
        "command": ["/bin/sh", "-c", command],
        "environment": [{"name": name, "value": value} for name, value in variables.items()],
        "secrets": [{"name": name, "valueFrom": value} for name, value in _SECRETS.items()],
        "mountPoints": [],
        "volumesFrom": [],
        "logConfiguration": {"logDriver": "awslogs", "options": _LOGS},
    }
    return {
        "family": place.FAMILY,
        "taskRoleArn": place.TASK_ROLE_ARN,
        "executionRoleArn": place.EXECUTION_ROLE_ARN,
        "networkMode": "awsvpc",
        "containerDefinitions": [container],
        "volumes": [],
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "512",
        "memory": "1024",
    }


def version_of(command: str, image: str) -> str:
    match = _PINNED.search(command) or _TAGGED.search(image)
    return match[1] if match else place.MLFLOW_VERSION


class TaskDefinitions:
    def __init__(self) -> None:
        self._families: dict[str, list[dict[str, Any]]] = {}
        self._tags: dict[str, list[dict[str, str]]] = {}

    def register(self, params: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        definition = copy.deepcopy(dict(params))
        tags = definition.pop("tags", [])
        revisions = self._families.setdefault(definition["family"], [])
        revision = len(revisions) + 1
        definition |= {
            "taskDefinitionArn": place.arn("ecs", f"task-definition/{definition['family']}:{revision}"),
            "revision": revision,
            "status": "ACTIVE",
            "compatibilities": ["EC2", "FARGATE"],
            "placementConstraints": definition.get("placementConstraints", []),
            "volumes": definition.get("volumes", []),
            "registeredAt": now,
            "registeredBy": f"arn:aws:iam::{place.ACCOUNT}:user/deployer",
        }
        revisions.append(definition)
        self._tags[definition["taskDefinitionArn"]] = tags
        return definition

    def find(self, name: str) -> dict[str, Any] | None:
        """By ARN, `family:revision`, or `family` for its newest active revision."""
        family, _, revision = name.rsplit("/", 1)[-1].partition(":")
        revisions = self._families.get(family, [])
        if revision:
            number = int(revision) if revision.isdigit() else 0
            return revisions[number - 1] if 0 < number <= len(revisions) else None
        return next((each for each in reversed(revisions) if each["status"] == "ACTIVE"), None)

    def equip(self, task: Task) -> None:
        """What its revision gives a task."""
        definition = self.find(task.definition)
        if definition is None:
            return
        named = [each for each in definition.get("containerDefinitions", []) if each["name"] == place.CONTAINER]
        container: dict[str, Any] = named[0] if named else {}
        task.image = container.get("image", task.image)
        task.mlflow = version_of(" ".join(container.get("command", [])), task.image)
        task.cpu = int(definition.get("cpu", task.cpu))
        task.memory_mib = int(definition.get("memory", task.memory_mib))
        task.environment = {each["name"]: each["value"] for each in container.get("environment", [])}

    def tags(self, arn: str) -> list[dict[str, str]]:
        return self._tags.get(arn, [])

    def arns(self, prefix: str | None, status: str) -> list[str]:
        return [
            each["taskDefinitionArn"]
            for family, revisions in self._families.items()
            for each in revisions
            if (prefix is None or family == prefix) and each["status"] == status
        ]

    def families(self, prefix: str) -> list[str]:
        return [family for family in self._families if family.startswith(prefix)]
