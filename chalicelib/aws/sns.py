"""SNS: telling people. Publishes to a topic, and that is all."""

from typing import TYPE_CHECKING

from chalicelib.aws.translate import calling

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef

_SUBJECT = 100
"""SNS refuses longer subjects, and control characters in them."""


class Sns:
    def __init__(self, client: "SNSClient") -> None:
        self._client = client

    def publish(
        self, topic_arn: str, message: str, *, subject: str | None = None, attributes: dict[str, str] | None = None
    ) -> str:
        """Returns the message id."""
        line = " ".join((subject or "MLflow Steward").split()).encode("ascii", "replace").decode()[:_SUBJECT]
        typed: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()
        }
        with calling("sns:Publish"):
            answer = self._client.publish(TopicArn=topic_arn, Message=message, Subject=line, MessageAttributes=typed)
        return answer["MessageId"]


def by_name(sns: Sns, region: str, account: str) -> "Callable[[str, str | None, str], None]":
    """Stack files name topics; SNS wants the ARN: of this account and region, as packaging gives the right to it."""
    from chalicelib.aws.resources import partition_of

    here = f"arn:{partition_of(region)}:sns:{region}:{account}"

    def publish(topic: str, subject: str | None, message: str) -> None:
        sns.publish(topic if topic.startswith("arn:") else f"{here}:{topic}", message, subject=subject)

    return publish
