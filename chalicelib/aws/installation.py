"""How a deployed stage of Steward stands: its table, machine, functions, rules, schedules. Reads only.

Asked by `steward doctor` with the rights of whoever calls it; nobody in Lambda does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.aws.gateways import Aws, Session
from chalicelib.aws.translate import calling
from chalicelib.errors import AwsError, AwsInvalid, AwsNotFound


@dataclass(frozen=True)
class TableFacts:
    status: str
    indexes: frozenset[str]
    expires: bool
    """Whether DynamoDB deletes what is past its time."""
    recoverable: bool
    """Point-in-time recovery is on."""


@dataclass(frozen=True)
class FunctionFacts:
    state: str
    """Active, Inactive (not called for weeks), Pending, Failed."""
    environment: Mapping[str, str]
    code_sha256: str


class Installation:
    def __init__(self, session: Session, region: str) -> None:
        self.aws = Aws(session, region, read_only=True)
        self._clients: dict[str, Any] = {}

    def caller(self) -> tuple[str, str]:
        """Account and ARN."""
        with calling("sts:GetCallerIdentity"):
            said = self._client("sts").get_caller_identity()
        return said["Account"], said["Arn"]

    def table(self, name: str) -> TableFacts | None:
        dynamodb = self._client("dynamodb")
        try:
            with calling("dynamodb:DescribeTable"):
                raw = dynamodb.describe_table(TableName=name)["Table"]
        except AwsNotFound:
            return None
        with calling("dynamodb:DescribeTimeToLive"):
            ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        with calling("dynamodb:DescribeContinuousBackups"):
            backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        indexes = frozenset(index["IndexName"] for index in raw.get("GlobalSecondaryIndexes", []))
        return TableFacts(raw["TableStatus"], indexes, ttl.get("TimeToLiveStatus") == "ENABLED", recovery == "ENABLED")

    def dynamodb(self) -> Any:  # noqa: ANN401 - for the store's own table over it
        return self._client("dynamodb")

    def machine(self, arn: str) -> str | None:
        try:
            with calling("states:DescribeStateMachine"):
                return str(self._client("stepfunctions").describe_state_machine(stateMachineArn=arn)["status"])
        except AwsNotFound:
            return None

    def function(self, name: str) -> FunctionFacts | None:
        try:
            with calling("lambda:GetFunctionConfiguration"):
                found = self._client("lambda").get_function_configuration(FunctionName=name)
        except AwsNotFound:
            return None
        told = found.get("Environment", {}).get("Variables", {})
        return FunctionFacts(str(found.get("State", "Active")), told, str(found.get("CodeSha256", "")))

    def waiting(self, queue: str) -> int | None:
        """How many messages lie in it; None: there is no such queue."""
        sqs = self._client("sqs")
        try:
            with calling("sqs:GetQueueUrl"):
                url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        except AwsError as error:
            if isinstance(error, AwsNotFound) or error.code.endswith(("NonExistentQueue", "QueueDoesNotExist")):
                return None
            raise
        with calling("sqs:GetQueueAttributes"):
            said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(said["Attributes"]["ApproximateNumberOfMessages"])

    def listeners(self, topic: str) -> int:
        """Subscriptions that somebody has confirmed."""
        with calling("sns:ListSubscriptionsByTopic"):
            pages = self._client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
            return sum(each["SubscriptionArn"].startswith("arn:") for page in pages for each in page["Subscriptions"])

    def trust(self, role: str) -> Mapping[str, Any] | None:
        """The policy that says who may take a role; None: there is no such role."""
        try:
            with calling("iam:GetRole"):
                found: Mapping[str, Any] = self._client("iam").get_role(RoleName=role)["Role"]
        except AwsError as error:
            if isinstance(error, AwsNotFound) or error.code == "NoSuchEntity":
                return None
            raise
        trust: Mapping[str, Any] = found["AssumeRolePolicyDocument"]
        return trust

    def concurrency(self) -> int:
        """How many executions of functions the account may have at once."""
        with calling("lambda:GetAccountSettings"):
            return int(self._client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])

    def rules(self, prefix: str) -> dict[str, str]:
        """Name to ENABLED or DISABLED."""
        found: dict[str, str] = {}
        asked: dict[str, str] = {"NamePrefix": prefix}
        while True:
            with calling("events:ListRules"):
                page = self._client("events").list_rules(**asked)
            found |= {rule["Name"]: rule.get("State", "") for rule in page["Rules"]}
            if "NextToken" not in page:
                return found
            asked["NextToken"] = page["NextToken"]

    def schedules(self, group: str) -> dict[str, str]:
        with calling("scheduler:ListSchedules"):
            pages = self._client("scheduler").get_paginator("list_schedules").paginate(GroupName=group)
            return {each["Name"]: each.get("State", "") for page in pages for each in page["Schedules"]}

    def has_topic(self, arn: str) -> bool:
        try:
            with calling("sns:GetTopicAttributes"):
                self._client("sns").get_topic_attributes(TopicArn=arn)
        except AwsError as error:
            if isinstance(error, AwsNotFound) or error.code == "NotFound":
                return False
            raise
        return True

    def bucket_region(self, name: str) -> str | None:
        """None: there is no such bucket."""
        try:
            return self.aws.s3.region_of(name)
        except AwsNotFound:
            return None

    def simulated(self, principal: str, actions: Sequence[str]) -> Mapping[str, bool]:
        """Which actions the principal's own policies allow on anything at all. Asked of IAM, nothing is called."""
        found: dict[str, bool] = {}
        asked: dict[str, Any] = {"PolicySourceArn": principal, "ActionNames": list(actions)}
        while True:
            with calling("iam:SimulatePrincipalPolicy"):
                said = self._client("iam").simulate_principal_policy(**asked)
            if "EvaluationResults" not in said:
                raise AwsInvalid("iam:SimulatePrincipalPolicy", "Empty", "IAM gave no results")
            found |= {one["EvalActionName"]: one["EvalDecision"] == "allowed" for one in said["EvaluationResults"]}
            if not said.get("IsTruncated"):
                return found
            asked["Marker"] = said["Marker"]

    def _client(self, service: str) -> Any:  # noqa: ANN401 - of any service
        if service not in self._clients:
            self._clients[service] = self.aws._client(service)  # noqa: SLF001 - of the same room
        return self._clients[service]
