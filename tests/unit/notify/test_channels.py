"""Channels try once and say whether trying again can help; a webhook's address never shows."""

import json

import pytest

from chalicelib.errors import AwsDenied, AwsThrottled, DeliveryFailed
from chalicelib.models.summary import Severity, Summary
from chalicelib.models.words import utc
from chalicelib.net.http import HttpAnswer, HttpFailure, HttpRequest
from chalicelib.notify.channels import LogChannel, SlackChannel, SnsChannel, build_channel
from chalicelib.observability import MemoryTelemetry

WEBHOOK = "https://hooks.slack.com/services/T0/B0/canary"
SUMMARY = Summary(
    id="r:end", occasion="end", severity=Severity.CRITICAL, title="s: down", stack="s", at=utc("2026-11-20T02:00:00Z")
)


class Web:
    def __init__(self, answer: int | HttpFailure = 200) -> None:
        self.asked: list[HttpRequest] = []
        self._answer = answer

    def ask(self, request: HttpRequest) -> HttpAnswer:
        self.asked.append(request)
        if isinstance(self._answer, HttpFailure):
            raise self._answer
        return HttpAnswer(self._answer, {}, b"ok", 0.1)


class Topics:
    def __init__(self, failure: Exception | None = None) -> None:
        self.published: list[tuple[str, str | None, str]] = []
        self._failure = failure

    def publish(self, topic: str, subject: str | None, message: str) -> None:
        if self._failure:
            raise self._failure
        self.published.append((topic, subject, message))


def slack(web: Web, secret: str = WEBHOOK) -> SlackChannel:
    return SlackChannel("ops", lambda name: secret if name == "ops" else "", web)


def test_the_log_gets_one_line_as_bad_as_the_news() -> None:
    telemetry = MemoryTelemetry()
    LogChannel(telemetry).send(SUMMARY)
    (note,) = telemetry.notes
    assert note["level"] == "error"
    assert note["message"] == "s: down"


def test_an_sns_topic_gets_plain_text_with_a_subject() -> None:
    topics = Topics()
    SnsChannel("ops-topic", topics.publish).send(SUMMARY)
    ((topic, subject, message),) = topics.published
    assert (topic, subject) == ("ops-topic", "[CRITICAL] s: down")
    assert message.startswith("[CRITICAL] s: down\n")


def test_a_chat_topic_gets_aws_chat_s_json_as_the_whole_message() -> None:
    topics = Topics()
    SnsChannel("ops-chat", topics.publish, as_chat=True).send(SUMMARY)
    ((_, subject, message),) = topics.published
    assert subject is None
    assert json.loads(message)["source"] == "custom"


@pytest.mark.parametrize(
    ("failure", "retryable"),
    [
        (AwsThrottled("sns:Publish", "Throttling", "slow"), True),
        (AwsDenied("sns:Publish", "AccessDenied", "no"), False),
    ],
)
def test_an_sns_failure_says_whether_trying_again_can_help(failure: Exception, retryable: bool) -> None:
    with pytest.raises(DeliveryFailed) as error:
        SnsChannel("t", Topics(failure).publish).send(SUMMARY)
    assert error.value.retryable is retryable
    assert error.value.channel == "sns:t"


def test_slack_gets_blocks_at_the_address_from_the_secret_and_no_other_host() -> None:
    web = Web()
    slack(web).send(SUMMARY)
    (request,) = web.asked
    assert (request.method, request.url) == ("POST", WEBHOOK)
    assert request.allow_hosts == ("hooks.slack.com",)
    assert json.loads(request.body or b"")["blocks"]


@pytest.mark.parametrize(
    "secret",
    ["", "http://hooks.slack.com/x", "https://evil.example/x", "https://hooks.slack.com.evil.example/x", "not a url"],
)
def test_an_address_that_is_not_slack_s_is_never_asked_s25(secret: str) -> None:
    web = Web()
    with pytest.raises(DeliveryFailed) as error:
        slack(web, secret).send(SUMMARY)
    assert web.asked == []
    assert error.value.retryable is False


@pytest.mark.parametrize(
    ("status", "retryable"), [(429, True), (500, True), (503, True), (302, False), (404, False), (400, False)]
)
def test_an_answer_of_slack_says_whether_trying_again_can_help(status: int, retryable: bool) -> None:
    with pytest.raises(DeliveryFailed) as error:
        slack(Web(status)).send(SUMMARY)
    assert error.value.retryable is retryable


@pytest.mark.parametrize(("kind", "retryable"), [("timeout", True), ("refused", True), ("forbidden_address", False)])
def test_a_failure_to_reach_slack_does_not_repeat_its_address_s29(kind: str, retryable: bool) -> None:
    with pytest.raises(DeliveryFailed) as error:
        slack(Web(HttpFailure(kind, f"POST {WEBHOOK}"))).send(SUMMARY)
    assert error.value.retryable is retryable
    assert "canary" not in str(error.value)


def test_a_secret_that_cannot_be_read_is_a_failed_delivery() -> None:
    def denied(_: str) -> str:
        raise AwsDenied("secretsmanager:GetSecretValue", "AccessDeniedException", "no")

    with pytest.raises(DeliveryFailed, match="AccessDeniedException"):
        SlackChannel("ops", denied, Web()).send(SUMMARY)


@pytest.mark.parametrize(
    ("name", "kind"), [("log", LogChannel), ("sns:t", SnsChannel), ("chat:t", SnsChannel), ("slack:s", SlackChannel)]
)
def test_a_channel_is_built_from_its_name_in_the_stack_file(name: str, kind: type) -> None:
    built = build_channel(name, telemetry=MemoryTelemetry(), publish=Topics().publish, read_secret=str, http=Web())
    assert isinstance(built, kind)


def test_a_kind_of_channel_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(DeliveryFailed, match="pigeon:x"):
        build_channel("pigeon:x", telemetry=MemoryTelemetry(), publish=Topics().publish, read_secret=str, http=Web())
