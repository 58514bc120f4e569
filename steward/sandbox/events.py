"""What EventBridge would deliver: envelopes exactly as AWS shapes them, kept until somebody takes them."""

from datetime import datetime
from typing import Any

from steward.sandbox import place
from steward.sandbox.ids import Ids
from steward.sandbox.times import in_event, millis_z, seconds_z

Event = dict[str, Any]


class EventLog:
    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._waiting: list[Event] = []
        self.all: list[Event] = []
        """Everything since the world began, also what was taken."""

    def take(self) -> list[Event]:
        taken, self._waiting = self._waiting, []
        return taken

    def emit(self, source: str, detail_type: str, now: datetime, resource: str, detail: dict[str, Any]) -> None:
        event: Event = {
            "version": "0",
            "id": self._ids.uuid(),
            "detail-type": detail_type,
            "source": source,
            "account": place.ACCOUNT,
            "time": seconds_z(now),
            "region": place.REGION,
            "resources": [resource],
            "detail": in_event(detail),
        }
        self._waiting.append(event)
        self.all.append(event)

    def task_changed(self, now: datetime, view: dict[str, Any]) -> None:
        self.emit("aws.ecs", "ECS Task State Change", now, view["taskArn"], view)

    def service_action(self, now: datetime, name: str, severity: str) -> None:
        detail = {
            "eventType": severity,
            "eventName": name,
            "clusterArn": place.CLUSTER_ARN,
            "createdAt": now,
        }
        self.emit("aws.ecs", "ECS Service Action", now, place.SERVICE_ARN, detail)

    def deployment_changed(self, now: datetime, name: str, deployment_id: str, reason: str) -> None:
        detail = {
            "eventType": "ERROR" if name == "SERVICE_DEPLOYMENT_FAILED" else "INFO",
            "eventName": name,
            "deploymentId": deployment_id,
            "updatedAt": now,
            "reason": reason,
        }
        self.emit("aws.ecs", "ECS Deployment State Change", now, place.SERVICE_ARN, detail)

    def database_event(self, now: datetime, event_id: str, categories: list[str], message: str) -> None:
        detail = {
            "EventCategories": categories,
            "SourceType": "DB_INSTANCE",
            "SourceArn": place.DATABASE_ARN,
            "Date": millis_z(now),
            "Message": message,
            "SourceIdentifier": place.DATABASE,
            "EventID": event_id,
        }
        self.emit("aws.rds", "RDS DB Instance Event", now, place.DATABASE_ARN, detail)
