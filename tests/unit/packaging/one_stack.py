"""One stack with one runbook, for what is generated from them."""

from chalicelib.catalog.load import load_runbook, load_stack
from chalicelib.models.stack import Stack
from steward.packaging.names import Names

NAMES = Names("dev")
STACK = """
stack: one
region: eu-west-2
account: "123456789012"
ecs: {cluster: c, service: s}
loadBalancer: {targetGroup: tg}
database: {engine: postgres, instance: db-one, secret: mlflow/db}
artifacts: {bucket: artifacts-one, backupBucket: backup-one}
alarms: ["one-*"]
topics: ["arn:aws:sns:eu-west-2:123456789012:alerts"]
"""
RUNBOOK = """
runbook: nightly
title: Looks every night
on:
  - schedule: {expression: "cron(0 2 * * ? *)", timezone: Europe/London, window: 15m}
steps: [{id: look, do: ecs.describe_service}]
"""


def stack(**more) -> Stack:
    return load_stack(STACK, "one.yml").model_copy(update=more)


def runbooks():
    return {"nightly": load_runbook(RUNBOOK, "nightly.yml")}


def of_type(resources, kind):
    return [body["Properties"] for body in resources.values() if body.get("Type") == kind]
