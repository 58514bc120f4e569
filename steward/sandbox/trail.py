"""CloudTrail: who changed what, as LookupEvents tells it. Faults that begin with somebody's call are in it."""

import json
from datetime import datetime
from typing import Any

from steward.sandbox import place
from steward.sandbox.answers import Answers, Params
from steward.sandbox.ids import Ids
from steward.sandbox.times import seconds_z

_MOST = 50
SOMEBODY = "dana"
_ATTRIBUTES = {
    "EventId": "EventId",
    "EventName": "EventName",
    "EventSource": "EventSource",
    "Username": "Username",
    "ReadOnly": "ReadOnly",
    "AccessKeyId": "AccessKeyId",
}


class Trail:
    def __init__(self, seed: int) -> None:
        self._ids = Ids(seed + 1)
        """Its own, so that noting a call changes nothing else."""
        self.events: list[dict[str, Any]] = []
        """Oldest first."""

    def table(self) -> Answers:
        return {"LookupEvents": self._lookup}

    def note(
        self, at: datetime, source: str, name: str, resources: dict[str, str], parameters: dict[str, Any] | None = None
    ) -> None:
        """`resources` is type by name: `{"fraud-models-test": "AWS::S3::Bucket"}`."""
        identity = {
            "type": "IAMUser",
            "arn": f"arn:aws:iam::{place.ACCOUNT}:user/{SOMEBODY}",
            "accountId": place.ACCOUNT,
            "userName": SOMEBODY,
        }
        event_id = self._ids.uuid()
        record = {
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventTime": seconds_z(at),
            "eventSource": f"{source}.amazonaws.com",
            "eventName": name,
            "awsRegion": place.REGION,
            "sourceIPAddress": "203.0.113.20",
            "userAgent": "aws-cli/2.31.0",
            "requestParameters": parameters,
            "responseElements": None,
            "eventID": event_id,
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": place.ACCOUNT,
        }
        event = {
            "EventId": event_id,
            "EventName": name,
            "ReadOnly": "false",
            "AccessKeyId": "AKIAEXAMPLE000000000",
            "EventTime": at,
            "EventSource": f"{source}.amazonaws.com",
            "Username": SOMEBODY,
            "Resources": [{"ResourceType": kind, "ResourceName": each} for each, kind in resources.items()],
            "CloudTrailEvent": json.dumps(record, separators=(",", ":")),
        }
        self.events.append(event)

    def _lookup(self, params: Params, now: datetime) -> dict[str, Any]:
        start, end = params.get("StartTime"), params.get("EndTime", now)
        found = [
            event
            for event in reversed(self.events)
            if (start is None or event["EventTime"] >= start)
            and event["EventTime"] <= end
            and all(_has(event, each) for each in params.get("LookupAttributes", []))
        ]
        begins = int(params.get("NextToken") or 0)
        most = min(params.get("MaxResults", _MOST), _MOST)
        page = found[begins : begins + most]
        more = {"NextToken": str(begins + most)} if begins + most < len(found) else {}
        return {"Events": page, **more}


def _has(event: dict[str, Any], attribute: dict[str, str]) -> bool:
    key, value = attribute["AttributeKey"], attribute["AttributeValue"]
    if key == "ResourceName":
        return any(each["ResourceName"] == value for each in event["Resources"])
    if key == "ResourceType":
        return any(each["ResourceType"] == value for each in event["Resources"])
    return bool(event[_ATTRIBUTES[key]] == value)
