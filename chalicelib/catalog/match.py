"""Which runbooks react to a signal. Compiled once, so that an event costs microseconds.

Triggers lie by signal kind; names without wildcards in a dict, patterns as the cheapest test that
does the same; other conditions are looked at only where the name fits. What should not be acted on
(muted, suppressed) still matches: that is for the guards to say, with a reason.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any

from chalicelib.models.runbook import (
    AlarmTrigger,
    AlertmanagerTrigger,
    EcsTaskTrigger,
    Runbook,
    Trigger,
)
from chalicelib.models.signal import Signal, SignalKind, SignalState

_WILD = re.compile(r"[*?\[]")
Facts = Mapping[str, Any]
Leaf = Callable[[Facts], bool]


def compile_glob(pattern: str) -> Callable[[str], object]:
    """Case-sensitive; `*word*`, `word*` and `*word` without a regular expression, which is five times faster."""
    inner = pattern.strip("*")
    stars = (pattern.startswith("*"), pattern.endswith("*"))
    if inner and not _WILD.search(inner) and pattern.count("*") == sum(stars):
        if stars == (True, True):
            return lambda name: inner in name
        if stars == (False, True):
            return lambda name: name.startswith(inner)
        return (lambda name: name.endswith(inner)) if stars == (True, False) else (lambda name: name == inner)
    return re.compile(translate(pattern)).match


@dataclass(frozen=True, slots=True)
class _Entry:
    """One trigger of one runbook. `rank` sorts the more specific first, then by runbook name."""

    rank: tuple[int, int, int, str]
    runbook: Runbook
    leaves: tuple[Leaf, ...] = ()

    def holds(self, facts: Facts) -> bool:
        return all(leaf(facts) for leaf in self.leaves)


@dataclass(slots=True)
class _Names:
    """Triggers of one kind by the name they want."""

    exact: dict[str, list[_Entry]] = field(default_factory=dict)
    contains: dict[str, list[_Entry]] = field(default_factory=dict)
    globs: dict[str, tuple[Callable[[str], object], list[_Entry]]] = field(default_factory=dict)

    def add(self, pattern: str, runbook: Runbook, leaves: tuple[Leaf, ...] = ()) -> None:
        is_exact = not _WILD.search(pattern)
        rank = (0 if is_exact else 1, -len(_WILD.sub("", pattern)), -len(leaves), runbook.runbook)
        entry = _Entry(rank, runbook, leaves)
        inner = pattern[1:-1]
        if is_exact:
            self.exact.setdefault(pattern, []).append(entry)
        elif inner and pattern == f"*{inner}*" and not _WILD.search(inner):  # the usual one gets its own loop
            self.contains.setdefault(inner, []).append(entry)
        else:
            self.globs.setdefault(pattern, (compile_glob(pattern), []))[1].append(entry)

    def find(self, name: str, facts: Facts) -> list[_Entry]:
        found = list(self.exact.get(name, ()))
        for word, entries in self.contains.items():
            if word in name:
                found += entries
        for is_match, entries in self.globs.values():
            if is_match(name):
                found += entries
        return [entry for entry in found if not entry.leaves or entry.holds(facts)]


_WEBHOOKS = frozenset({SignalKind.WEBHOOK_ALERTMANAGER, SignalKind.WEBHOOK_GRAFANA})
_ALARM_STATES = {"ALARM": SignalState.FIRING, "OK": SignalState.RESOLVED}


@dataclass(frozen=True, slots=True)
class Matcher:
    alarms: dict[str, _Names]
    """By the state that the trigger wants."""
    kinds: dict[SignalKind, _Names]

    @classmethod
    def of(cls, runbooks: Iterable[Runbook]) -> "Matcher":
        matcher = cls({}, {})
        for runbook in sorted(runbooks, key=lambda r: r.runbook):
            for trigger in runbook.on:
                matcher._add(runbook, trigger)
        return matcher

    def matches(self, signal: Signal) -> tuple[Runbook, ...]:
        """Best first, each runbook once, the same order every time."""
        if signal.kind is SignalKind.ALARM:
            state = signal.facts.get("state_value", "")
            if _ALARM_STATES.get(state, signal.state) is not signal.state:
                return ()  # a reader that says otherwise than the event is not to be acted on
            names = self.alarms.get(state)
        elif signal.kind in _WEBHOOKS and signal.state is not SignalState.FIRING:
            return ()
        else:
            names = self.kinds.get(signal.kind)
        found = names.find(signal.name or "", signal.facts) if names else []
        found.sort(key=lambda entry: entry.rank)
        return tuple({entry.runbook.runbook: entry.runbook for entry in found}.values())

    def _add(self, runbook: Runbook, trigger: Trigger) -> None:
        if trigger.alarm:
            names = self.alarms.setdefault(trigger.alarm.state, _Names())
            names.add(trigger.alarm.name, runbook, _alarm_leaves(trigger.alarm))
        elif trigger.ecs_service:
            self._named(SignalKind.ECS_SERVICE).add(trigger.ecs_service.event, runbook)
        elif trigger.ecs_task:
            self._named(SignalKind.ECS_TASK).add("*", runbook, _task_leaves(trigger.ecs_task))
        elif trigger.ecs_deployment:
            self._named(SignalKind.ECS_DEPLOYMENT).add(trigger.ecs_deployment.event, runbook)
        elif trigger.secrets_rotation:
            self._named(SignalKind.SECRETS_ROTATION).add(trigger.secrets_rotation.event, runbook)
        elif trigger.alertmanager:
            leaves = _alert_leaves(trigger.alertmanager)
            self._named(SignalKind.WEBHOOK_ALERTMANAGER).add(trigger.alertmanager.alertname, runbook, leaves)
            # Grafana's unified alerting names its rules by the same label and writes the same shape.
            self._named(SignalKind.WEBHOOK_GRAFANA).add(trigger.alertmanager.alertname, runbook, leaves)
        elif trigger.schedule:
            self._named(SignalKind.SCHEDULE).add(runbook.runbook, runbook)
        else:
            self._named(SignalKind.MANUAL).add(runbook.runbook, runbook)

    def _named(self, kind: SignalKind) -> _Names:
        return self.kinds.setdefault(kind, _Names())


def _equals(fact: str, wanted: object) -> Leaf:
    return lambda facts: facts.get(fact) == wanted


def _alarm_leaves(trigger: AlarmTrigger) -> tuple[Leaf, ...]:
    wanted = {"metric": trigger.metric, "namespace": trigger.namespace}
    return tuple(_equals(fact, value) for fact, value in wanted.items() if value is not None)


def _task_leaves(trigger: EcsTaskTrigger) -> tuple[Leaf, ...]:
    leaves: list[Leaf] = [_is_stopped]
    if trigger.stop_code is not None:
        leaves.append(_equals("stop_code", trigger.stop_code))
    if trigger.cause is not None:
        leaves.append(_equals("cause", trigger.cause))
    if trigger.exit_code is not None:
        leaves.append(_exited_with(trigger.exit_code))
    if trigger.stopped_reason is not None:
        leaves.append(_reads("stopped_reason", trigger.stopped_reason))
    return tuple(leaves)


def _is_stopped(facts: Facts) -> bool:
    """A task that is still provisioning has no exit code yet and must not look like one that failed."""
    return bool(facts.get("last_status", "STOPPED") == "STOPPED")


def _exited_with(code: int) -> Leaf:
    """Any container of the task; the fact is one code or a list of them."""

    def leaf(facts: Facts) -> bool:
        codes = facts.get("exit_codes", facts.get("exit_code"))
        return bool(code in (codes if isinstance(codes, list | tuple) else [codes]))

    return leaf


def _reads(fact: str, pattern: str) -> Leaf:
    is_match = compile_glob(pattern)
    return lambda facts: bool(is_match(str(facts.get(fact) or "")))


def _alert_leaves(trigger: AlertmanagerTrigger) -> tuple[Leaf, ...]:
    wanted = trigger.labels.items()
    return (lambda facts: wanted <= (facts.get("labels") or {}).items(),) if wanted else ()
