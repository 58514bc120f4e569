"""Reading, tying and matching one decoded alarm event against 50 runbooks, against json.loads of that event."""

import json
import time
from collections.abc import Callable
from typing import Any

from chalicelib.catalog.match import Matcher
from chalicelib.clock import RealClock
from chalicelib.models.runbook import AlarmTrigger, AlertmanagerTrigger, EcsServiceTrigger, Runbook, Step, Trigger
from chalicelib.signals.read import read_signals
from chalicelib.signals.tie import StackKeys, tie
from steward.bench.figures import Figure, median_ratio
from steward.sandbox import place

RUNBOOKS, ROUNDS, TIMES, LIMIT = 50, 31, 100, 8.0
SHOWS_AFTER_S = 240


def match_ratio() -> Figure:
    text = json.dumps(alarm_event())
    event, now = json.loads(text), RealClock().now()
    matcher, keys = Matcher.of(_runbooks()), StackKeys.of([place.stack()])

    def ours() -> int:
        return sum(len(matcher.matches(tie(signal, keys))) for signal in read_signals(event, received_at=now))

    matched = ours()
    pairs = [(_time(ours), _time(lambda: json.loads(text))) for _ in range(ROUNDS)]
    best = [min(side) / TIMES * 1e6 for side in zip(*pairs, strict=True)]
    reading = min(_time(lambda: read_signals(event, received_at=now)) for _ in range(5)) / TIMES * 1e6
    times = f"{best[0]:.1f} µs ({reading:.1f} of them reading) against {best[1]:.1f} µs at best"
    detail = f"{times}; {matched} of {RUNBOOKS} runbooks match"
    return Figure("match", median_ratio(pairs), "times json.loads", LIMIT, detail)


def _time(work: Callable[[], Any]) -> float:
    begun = time.process_time()
    for _ in range(TIMES):
        work()
    return time.process_time() - begun


def alarm_event() -> dict[str, Any]:
    """As EventBridge delivers it when a task hangs in the sandbox."""
    from steward.sandbox.world import World

    with World.create() as world:
        world.break_with("task-hangs")
        world.advance(SHOWS_AFTER_S)
        alarms = [event for event in world.take_events() if event["source"] == "aws.cloudwatch"]
    return alarms[0]


def _runbooks() -> list[Runbook]:
    steps = (Step(id="look", do="ecs.describe_service"),)
    found = []
    for number in range(RUNBOOKS):
        on = (
            Trigger(alarm=AlarmTrigger(name=f"*{'unhealthy' if number == 0 else f'thing-{number}'}*")),
            Trigger(ecs_service=EcsServiceTrigger(event=f"SERVICE_EVENT_{number}")),
            Trigger(alertmanager=AlertmanagerTrigger(alertname=f"Alert{number}")),
        )
        found.append(Runbook(runbook=f"runbook-{number}", title=f"Runbook {number}", on=on, steps=steps))
    return found
