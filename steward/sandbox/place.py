"""What the world is: names, ARNs and the Stack of the deployment `fraud-scoring-mlflow`. Only data."""

from typing import Any

from chalicelib.models.stack import Stack
from chalicelib.models.webhook import SecretPair, Source, WebhookCredential

ACCOUNT = "123456789012"
REGION = "eu-west-2"
USERS = {role: f"arn:aws:iam::{ACCOUNT}:user/{role}" for role in ("viewer", "operator", "approver", "admin")}
"""Who calls the API here: one made-up user a role."""
ROLES = {role: [arn] for role, arn in USERS.items()}
WEBHOOK_TOKENS = {source: f"sandbox-webhook-token-of-{source}" for source in ("alertmanager", "grafana", "slack")}
"""Known to everybody, good for nothing but this machine. Slack's is its signing secret."""
OFFSITE_REGION = "eu-west-1"
"""Where copies of snapshots go."""
ZONES = ("eu-west-2a", "eu-west-2b")
SUBNETS = ("subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002")
VPC = "vpc-0a1b2c3d4e5f60000"
SECURITY_GROUP = "sg-0a1b2c3d4e5f60000"
DRILL_SECURITY_GROUP = "sg-0a1b2c3d4e5f60003"
"""Of the throw-away instances that a drill restores."""

NAME = "fraud-scoring-mlflow"
CLUSTER = f"{NAME}-cluster"
SERVICE = NAME
CONTAINER = "mlflow"
PORT = 5000
FAMILY = NAME
IMAGE = "public.ecr.aws/docker/library/python:3.11-slim"
IMAGE_DIGEST = "sha256:1d6131b5d479888b43200645e03a78443c7157efbdb730e6b48129740727c312"
DOCKER_HUB_IMAGE = "docker.io/library/python:3.11-slim"
MLFLOW_VERSION = "3.17.2"
LOG_GROUP = f"/ecs/{NAME}"

TARGET_GROUP = f"{NAME}-tg"
LOAD_BALANCER = f"{NAME}-alb"
LOAD_BALANCER_HOST = f"{LOAD_BALANCER}-1873420561.{REGION}.elb.amazonaws.com"
URL_HOST = f"{LOAD_BALANCER}.example.com"
"""The name people use; it resolves to the load balancer."""
DATABASE = f"{NAME}-db"
SUBNET_GROUP = f"{NAME}-db-subnets"
DATABASE_NAME = "mlflow_db"
BUCKET = "fraud-models-test"
BACKUP_BUCKET = "fraud-models-backup"
PREFIX = "mlflow-artifacts"
DATABASE_SECRET = "mlflow/db"  # noqa: S105 - the name of a secret
ADMIN_SECRET = "mlflow/admin"  # noqa: S105 - the name of a secret
DIRECTORY_SECRET = "mlflow/ldap"  # noqa: S105 - the name of a secret
DATABASE_PORT = 5432
DATABASE_USER = "mlflow"
DATABASE_PASSWORD = "sandbox-database-password"  # noqa: S105 - a world that nobody can reach
ADMIN_PASSWORD = "sandbox-admin-password"  # noqa: S105 - the same
MAC_KEY = "alias/mlflow-steward-manifests"
TOPIC = "ops-topic"
QUEUE = "ops-topic-deliveries"

UNHEALTHY_ALARM = f"{NAME}-unhealthy-hosts"
ERRORS_ALARM = f"{NAME}-5xx"
REFUSALS_ALARM = f"{NAME}-4xx"
LATENCY_ALARM = f"{NAME}-latency"
CONNECTIONS_ALARM = f"{NAME}-db-connections"


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


CLUSTER_ARN = arn("ecs", f"cluster/{CLUSTER}")
SERVICE_ARN = arn("ecs", f"service/{CLUSTER}/{SERVICE}")
TARGET_GROUP_DIMENSION = f"targetgroup/{TARGET_GROUP}/6d0ecf831eec9f09"
LOAD_BALANCER_DIMENSION = f"app/{LOAD_BALANCER}/50dc6c495c0c9188"
TARGET_GROUP_ARN = arn("elasticloadbalancing", TARGET_GROUP_DIMENSION)
LOAD_BALANCER_ARN = arn("elasticloadbalancing", f"loadbalancer/{LOAD_BALANCER_DIMENSION}")
LISTENER_ARN = arn("elasticloadbalancing", f"listener/{LOAD_BALANCER_DIMENSION}/f2f7dc8efc522ab2")
DATABASE_ARN = arn("rds", f"db:{DATABASE}")
DATABASE_HOST = f"{DATABASE}.c9akciq32rmk.{REGION}.rds.amazonaws.com"
DATABASE_DIMENSIONS = {"DBInstanceIdentifier": DATABASE}
TOPIC_ARN = arn("sns", TOPIC)
DATABASE_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/5e3a0f0c-0000-4000-8000-000000000001"
OFFSITE_KEY = f"arn:aws:kms:{OFFSITE_REGION}:{ACCOUNT}:key/5e3a0f0c-0000-4000-8000-000000000002"
EXECUTION_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{NAME}-execution"
TASK_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{NAME}-task"

SERVICE_TAGS = ({"key": "team", "value": "ml-platform"},)

ALB_DIMENSIONS = {"TargetGroup": TARGET_GROUP_DIMENSION, "LoadBalancer": LOAD_BALANCER_DIMENSION}
ECS_DIMENSIONS = {"ClusterName": CLUSTER, "ServiceName": SERVICE}

STACK_DOCUMENT: dict[str, Any] = {
    "stack": NAME,
    "region": REGION,
    "url": f"http://{URL_HOST}",
    "allowPlainHttp": True,
    "autonomy": "auto",
    "mlflow": {"auth": "basic", "adminSecret": ADMIN_SECRET, "metrics": "/metrics"},
    "ecs": {
        "cluster": CLUSTER,
        "service": SERVICE,
        "container": CONTAINER,
        "taskRole": TASK_ROLE_ARN,
        "executionRole": EXECUTION_ROLE_ARN,
    },
    "loadBalancer": {"targetGroup": TARGET_GROUP},
    "database": {"engine": "postgres", "instance": DATABASE, "name": DATABASE_NAME, "secret": DATABASE_SECRET},
    "artifacts": {"bucket": BUCKET, "prefix": PREFIX, "backupBucket": BACKUP_BUCKET},
    "backup": {
        "macKey": MAC_KEY,
        "offsite": {"region": OFFSITE_REGION, "kmsKey": OFFSITE_KEY},
        "restoreSecurityGroups": [DRILL_SECURITY_GROUP],
    },
    "logs": {"group": LOG_GROUP},
    "alarms": [f"{NAME}-*"],
    "channels": {"default": ["log"]},
    "owners": ["ml-platform"],
}
"""What stacks/fraud-scoring-mlflow.yml says; a test compares them."""


WEBHOOKS = {
    source: WebhookCredential(
        source=Source(source),
        secret=f"steward/webhooks/{source}",
        stacks=(NAME,),
        people={"T0SANDBOX/U0APPROVER": USERS["approver"]} if source == "slack" else {},
    )
    for source in WEBHOOK_TOKENS
}


def webhook_secret(name: str) -> SecretPair:
    return SecretPair(WEBHOOK_TOKENS[name.rpartition("/")[-1]])


def stack(ldap: dict[str, str] | None = None) -> Stack:
    return Stack.model_validate(STACK_DOCUMENT | ({"ldap": ldap} if ldap else {}))
