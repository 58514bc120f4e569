"""Channels: the roads a Summary takes to people. One try each; `deliver` does the trying again.

    log            one JSON line through telemetry; never fails
    sns:TOPIC      plain text, for mail and whatever else subscribes
    chat:TOPIC     AWS chat's custom notification; AWS chat silently drops anything else, and a mail
                   subscriber would get raw JSON, so it is a topic of its own and said in the stack file
    slack:SECRET   blocks to an incoming webhook whose address is in the secret of that name

Nothing outside is reached but through what is handed in: a publisher, a secret reader, an HttpPort.
"""

import json
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from chalicelib.errors import AwsError, DeliveryFailed
from chalicelib.models.summary import Severity, Summary
from chalicelib.net.http import HttpFailure, HttpPort, HttpRequest
from chalicelib.notify.render import chat_json, plain, subject
from chalicelib.notify.slack_blocks import slack_message
from chalicelib.observability import Level, Telemetry

SLACK_HOSTS = ("hooks.slack.com",)

Publish = Callable[[str, str | None, str], None]
"""(topic name or ARN, subject, message); raises AwsError."""

ReadSecret = Callable[[str], str]
"""Secret by name; raises AwsError."""

_FIRST_NOT_OK, _TOO_MANY, _SERVER_ERROR = 300, 429, 500
_LEVELS = {Severity.WARNING: Level.WARNING, Severity.CRITICAL: Level.ERROR}


class PermanentlyUndeliverable(DeliveryFailed):
    """Trying again cannot help: a wrong address, a missing right, a message that the channel refuses."""

    retryable = False


class Channel(Protocol):
    def send(self, summary: Summary) -> None:
        """Raises DeliveryFailed."""


class LogChannel:
    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def send(self, summary: Summary) -> None:
        level = _LEVELS.get(summary.severity, Level.INFO)
        self._telemetry.note(
            summary.title, level=level, summary_id=summary.id, occasion=summary.occasion, text=plain(summary)
        )


class SnsChannel:
    def __init__(self, topic: str, publish: Publish, *, as_chat: bool = False) -> None:
        self._topic, self._publish, self._as_chat = topic, publish, as_chat

    def send(self, summary: Summary) -> None:
        try:
            if self._as_chat:
                self._publish(self._topic, None, chat_json(summary))
            else:
                self._publish(self._topic, subject(summary), plain(summary))
        except AwsError as exc:
            raise failed(self._name, str(exc), retryable=exc.retryable) from exc

    @property
    def _name(self) -> str:
        return f"{'chat' if self._as_chat else 'sns'}:{self._topic}"


class SlackChannel:
    def __init__(
        self,
        secret: str,
        read_secret: ReadSecret,
        http: HttpPort,
        *,
        hosts: tuple[str, ...] = SLACK_HOSTS,
        buttons: bool = False,
    ) -> None:
        self._secret, self._read_secret, self._http, self._hosts = secret, read_secret, http, hosts
        self._buttons = buttons
        self._name = f"slack:{secret}"

    def send(self, summary: Summary) -> None:
        request = HttpRequest(
            method="POST",
            url=self._address(),
            headers={"Content-Type": "application/json; charset=utf-8"},
            body=json.dumps(slack_message(summary, buttons=self._buttons)).encode(),
            timeout_s=5.0,
            max_bytes=4096,
            allow_hosts=self._hosts,
        )
        try:
            answer = self._http.ask(request)
        except HttpFailure as exc:
            # Only the kind: a webhook's address is its credential, and a failure's detail may repeat it.
            raise failed(self._name, exc.kind, retryable=exc.kind != "forbidden_address") from exc
        if answer.status >= _FIRST_NOT_OK:
            passing = answer.status == _TOO_MANY or answer.status >= _SERVER_ERROR
            raise failed(self._name, f"answered {answer.status}", retryable=passing)

    def _address(self) -> str:
        try:
            url = self._read_secret(self._secret).strip()
        except AwsError as exc:
            raise failed(self._name, f"cannot read its secret: {exc.code}", retryable=exc.retryable) from exc
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.hostname not in self._hosts:
            raise PermanentlyUndeliverable(self._name, f"its secret holds no https address on {', '.join(self._hosts)}")
        return url


def failed(channel: str, why: str, *, retryable: bool) -> DeliveryFailed:
    return DeliveryFailed(channel, why) if retryable else PermanentlyUndeliverable(channel, why)


def build_channel(
    name: str,
    *,
    telemetry: Telemetry,
    publish: Publish,
    read_secret: ReadSecret,
    http: HttpPort,
    slack_hosts: tuple[str, ...] = SLACK_HOSTS,
    slack_buttons: bool = False,
) -> Channel:
    """From the name as stack files write it; the model has checked its form."""
    kind, _, target = name.partition(":")
    match kind:
        case "sns" | "chat":
            return SnsChannel(target, publish, as_chat=kind == "chat")
        case "slack":
            return SlackChannel(target, read_secret, http, hosts=slack_hosts, buttons=slack_buttons)
        case "log":
            return LogChannel(telemetry)
        case _:
            raise PermanentlyUndeliverable(name, "no such kind of channel; known: log, sns:, chat:, slack:")


class MemoryChannel:
    """The twin for tests and the sandbox: keeps what it was sent, and fails when told to."""

    def __init__(self, failures: list[DeliveryFailed] | None = None) -> None:
        self.sent: list[Summary] = []
        self._failures = list(failures or [])

    def send(self, summary: Summary) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.sent.append(summary)
