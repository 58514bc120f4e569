"""Which part of the world answers which AWS service, operation by operation. What is not here, moto answers."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from steward.sandbox.answers import Answers
from steward.sandbox.bucket import BucketAnswers
from steward.sandbox.cloudwatch_answers import CloudwatchAnswers
from steward.sandbox.ecs_answers import ServiceAnswers
from steward.sandbox.ecs_more_answers import DefinitionAnswers, HistoryAnswers
from steward.sandbox.ecs_task_answers import TaskAnswers
from steward.sandbox.logs_answers import LogsAnswers
from steward.sandbox.network_answers import ElbAnswers, RdsAnswers
from steward.sandbox.rds_answers import KmsAnswers, SnapshotAnswers

if TYPE_CHECKING:
    from steward.sandbox.world import World


def answer_tables(world: "World", start: datetime) -> dict[str, Answers]:
    """By service, as boto3 names its client."""
    ecs = ServiceAnswers(world.service, world.definitions).table()
    ecs |= TaskAnswers(world.service, world.definitions).table()
    ecs |= DefinitionAnswers(world.definitions).table() | HistoryAnswers(world.service).table()
    rds = RdsAnswers(world.database, world.rds).table() | SnapshotAnswers(world.rds).table() | world.quotas.rds()
    return {
        "ecs": ecs,
        "elbv2": ElbAnswers(world.targets, start - timedelta(days=90)).table(),
        "cloudwatch": CloudwatchAnswers(world.alarms, world.metrics).table(),
        "rds": rds,
        "service-quotas": world.quotas.service_quotas(),
        "kms": KmsAnswers().table(),
        "application-autoscaling": world.scaling.table(),
        "s3": BucketAnswers(world.bucket).table() | world.bucket.leftovers.s3(),
        "backup": world.bucket.backup(),
        "secretsmanager": world.secrets.table(),
        "logs": LogsAnswers(world.logs).table() | world.bucket.leftovers.log_groups(),
        "cloudtrail": world.trail.table(),
    }
