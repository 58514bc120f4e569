"""What people and tools see of a world's database."""

import base64
import json
from datetime import timedelta

from chalicelib.net.database_login import DatabaseRequest
from chalicelib.net.http import HttpRequest
from steward.sandbox import place

LOGIN = {"Authorization": "Basic " + base64.b64encode(f"admin:{place.ADMIN_PASSWORD}".encode()).decode()}
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
NAMES = {"cluster": place.CLUSTER, "service": place.SERVICE}


def ask(world, path, headers=LOGIN):
    allowed = (place.LOAD_BALANCER_HOST,)
    return world.http.ask(HttpRequest("GET", f"http://{place.URL_HOST}{path}", headers=headers, allow_hosts=allowed))


def lines(world, pattern=""):
    asked = {"logGroupName": place.LOG_GROUP, "filterPattern": pattern}
    return [each["message"] for each in world.session().client("logs").filter_log_events(**asked)["events"]]


def secret_password(world):
    client = world.session().client("secretsmanager")
    return json.loads(client.get_secret_value(SecretId=place.DATABASE_SECRET)["SecretString"])["password"]


def look(world, **changes):
    asked = {
        "engine": "postgres",
        "host": place.DATABASE_HOST,
        "port": 5432,
        "name": place.DATABASE_NAME,
        "username": place.DATABASE_USER,
        "password": secret_password(world),
    }
    return world.databases.look(DatabaseRequest(**(asked | changes)))


def instance(world):
    return world.session().client("rds").describe_db_instances(DBInstanceIdentifier=place.DATABASE)["DBInstances"][0]


def rds_events(world, **asked):
    rds = world.session().client("rds")
    return [
        each["Message"]
        for each in rds.describe_events(SourceIdentifier=place.DATABASE, SourceType="db-instance", **asked)["Events"]
    ]


def metric(world, name):
    answer = (
        world.session()
        .client("cloudwatch")
        .get_metric_statistics(
            Namespace="AWS/RDS",
            MetricName=name,
            Dimensions=[{"Name": "DBInstanceIdentifier", "Value": place.DATABASE}],
            StartTime=world.clock.now() - timedelta(minutes=10),
            EndTime=world.clock.now(),
            Period=60,
            Statistics=["Average"],
        )
    )
    return [each["Average"] for each in answer["Datapoints"]]


def trail(world, **asked):
    found = world.session().client("cloudtrail").lookup_events(**asked)["Events"]
    return [each["EventName"] for each in found]


def stopped(world):
    ecs = world.session().client("ecs")
    arns = ecs.list_tasks(cluster=place.CLUSTER, serviceName=place.SERVICE, desiredStatus="STOPPED")["taskArns"]
    return ecs.describe_tasks(cluster=place.CLUSTER, tasks=arns)["tasks"] if arns else []


def error_alarm(world):
    answer = world.session().client("cloudwatch").describe_alarms(AlarmNames=[place.ERRORS_ALARM])
    return answer["MetricAlarms"][0]["StateValue"]
