"""A channel that fails is tried again, recorded, and holds nothing."""

import pytest

from chalicelib.errors import DeliveryFailed
from chalicelib.models.stack import Stack
from chalicelib.models.summary import Severity, Summary
from chalicelib.models.words import utc
from chalicelib.notify.channels import MemoryChannel, PermanentlyUndeliverable
from chalicelib.notify.deliver import channels_for, deliver

SUMMARY = Summary(
    id="r:end", occasion="end", severity=Severity.GOOD, title="t", stack="s", at=utc("2026-11-20T02:00:00Z")
)


class Waits(list[float]):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def flaky(times: int) -> MemoryChannel:
    return MemoryChannel([DeliveryFailed("x", f"try {n}") for n in range(1, times + 1)])


def half() -> float:
    return 0.5


def test_a_channel_that_recovers_is_delivered_with_its_attempts_counted() -> None:
    channel, waits = flaky(2), Waits()
    (result,) = deliver(SUMMARY, {"x": channel}, ["x"], wait=waits, jitter=half)
    assert (result.ok, result.attempts, result.error) == (True, 3, None)
    assert channel.sent == [SUMMARY]
    assert waits == [0.375, 0.75]


def test_a_channel_that_keeps_failing_is_recorded_and_never_raises() -> None:
    (result,) = deliver(SUMMARY, {"x": flaky(9)}, ["x"], wait=Waits(), jitter=half)
    assert (result.ok, result.attempts, result.error) == (False, 3, "try 3")


def test_what_cannot_succeed_is_not_tried_again() -> None:
    waits = Waits()
    channel = MemoryChannel([PermanentlyUndeliverable("x", "no such topic")])
    (result,) = deliver(SUMMARY, {"x": channel}, ["x"], wait=waits, jitter=half)
    assert (result.ok, result.attempts) == (False, 1)
    assert waits == []


def test_a_failing_channel_does_not_delay_the_others() -> None:
    order: list[str] = []

    class Noting(MemoryChannel):
        def __init__(self, name: str, failures: int) -> None:
            super().__init__([DeliveryFailed(name, "no")] * failures)
            self._name = name

        def send(self, summary: Summary) -> None:
            order.append(self._name)
            super().send(summary)

    results = deliver(
        SUMMARY, {"bad": Noting("bad", 9), "good": Noting("good", 0)}, ["bad", "good"], wait=Waits(), jitter=half
    )
    assert order == ["bad", "good", "bad", "bad"]
    assert [(r.channel, r.ok) for r in results] == [("bad", False), ("good", True)]


def test_a_bug_in_a_channel_is_a_failed_delivery_and_shows_no_data_s29() -> None:
    class Broken:
        def send(self, summary: Summary) -> None:
            raise KeyError("canary")

    good = MemoryChannel()
    results = deliver(SUMMARY, {"b": Broken(), "g": good}, ["b", "g"], wait=Waits(), jitter=half)
    assert [r.ok for r in results] == [False, True]
    assert results[0].error == "KeyError"


def test_a_name_without_a_channel_is_recorded_and_a_name_twice_is_told_once() -> None:
    channel = MemoryChannel()
    results = deliver(SUMMARY, {"a": channel}, ["a", "gone", "a"], wait=Waits(), jitter=half)
    assert [(r.channel, r.ok) for r in results] == [("a", True), ("gone", False)]
    assert len(channel.sent) == 1


def stack(**channels: tuple[str, ...]) -> Stack:
    return Stack.model_validate(
        {"stack": "s", "region": "eu-west-2", "ecs": {"cluster": "c", "service": "s"}, "channels": channels}
    )


@pytest.mark.parametrize(
    ("severity", "tell", "expected"),
    [
        (Severity.GOOD, "default", ("log",)),
        (Severity.CRITICAL, "default", ("log", "slack:ops")),
        (Severity.CRITICAL, "data", ("sns:data", "slack:ops")),
        (Severity.WARNING, "not-there", ("log",)),
    ],
)
def test_channels_follow_the_runbook_and_bad_news_reaches_more_people(severity, tell, expected) -> None:
    chosen = channels_for(stack(default=("log",), critical=("slack:ops",), data=("sns:data",)), severity, tell)
    assert chosen == expected


def test_a_stack_can_keep_good_news_to_a_list_of_its_own() -> None:
    quiet = stack(default=("sns:all",), info=("log",))
    assert channels_for(quiet, Severity.GOOD) == ("log",)
    assert channels_for(quiet, Severity.WARNING) == ("sns:all",)


def test_a_stack_may_name_a_topic_of_aws_chat() -> None:
    assert channels_for(stack(default=("chat:ops-chat", "log")), Severity.INFO) == ("chat:ops-chat", "log")
