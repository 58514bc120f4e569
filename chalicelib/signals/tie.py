"""Which stack a signal is about.

A signal has keys and a stack has keys; where they meet, the surest kind decides and the vaguer ones
only break a tie. Nothing is guessed: two stacks that fit equally, another account or region (S2), or
a topic that the stack does not list, and the signal stays untied and says why.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from fnmatch import translate
from typing import NamedTuple

from chalicelib.models.signal import Signal, SignalKind
from chalicelib.models.stack import Stack
from chalicelib.signals.fields import REASON_LIMIT, text
from chalicelib.signals.keys import arn_keys, key, load_balancer_name, secret_name, service_key, target_group_keys

# Surest first. `cluster` is not among them: many services live in one cluster.
_RANK = {
    "stack": 0,
    "arn": 1,
    "alarm": 2,  # "belongs to this stack whatever the dimensions say"
    "service": 3,
    "targetgroup": 3,
    "db": 3,
    "dbcluster": 3,
    "secret": 4,
    "loggroup": 4,
    "bucket": 4,
    "loadbalancer": 5,  # often shared
    "topic": 6,
}


_TOLD = ("stack:", "topic:")


class Home(NamedTuple):
    """What tying needs to know of a stack."""

    stack: str
    account: str | None
    region: str
    topics: frozenset[str]


class StackKeys:
    """The index of what belongs to whom. Built once and used for every event."""

    def __init__(
        self,
        exact: dict[str, tuple[int, tuple[Home, ...]]],
        globs: tuple[tuple[re.Pattern[str], Home], ...],
        names: frozenset[str],
    ) -> None:
        self._exact = exact
        self._globs = globs
        self.names = names

    @classmethod
    def of(cls, stacks: Iterable[Stack]) -> "StackKeys":
        exact: dict[str, dict[str, Home]] = {}
        globs = []
        for stack in stacks:
            home = Home(stack.stack, stack.account, stack.region, frozenset(stack.topics))
            for one in stack_keys(stack):
                exact.setdefault(one, {})[home.stack] = home
            globs += [(re.compile(translate(glob)), home) for glob in stack.alarms]
        found = {one: (_RANK[one.partition(":")[0]], tuple(homes.values())) for one, homes in exact.items()}
        return cls(found, tuple(globs), frozenset(homes[0].stack for _, homes in found.values()))

    def pointed_at(self, keys: Iterable[str]) -> list[list[Home]]:
        """Whom the keys point to, the surest first. A name in the event leaves nothing to the other keys."""
        found: dict[int, list[Home]] = {}
        for one in keys:
            if one in self._exact:
                rank, homes = self._exact[one]
                _add(found, rank, homes)
            elif one.startswith("alarm:"):
                name = one[6:]
                # Two globs of one stack may fit the same name.
                fitting = {home.stack: home for glob, home in self._globs if glob.match(name)}
                _add(found, _RANK["alarm"], fitting.values())
        return [found[0]] if 0 in found else [found[rank] for rank in sorted(found)]


def _add(found: dict[int, list[Home]], rank: int, homes: Collection[Home]) -> None:
    if rank in found:
        found[rank] += [home for home in homes if home not in found[rank]]
    elif homes:
        found[rank] = list(homes)


def stack_keys(stack: Stack) -> Iterator[str]:
    yield from key("stack", stack.stack)
    yield from (one for one in service_key(stack.ecs.cluster, stack.ecs.service) if not one.startswith("cluster:"))
    if part := stack.load_balancer:
        # Given by ARN, the name alone is not this one's: that is why somebody wrote the ARN.
        yield from target_group_keys(part.target_group)[:1]
        yield from (one for one in arn_keys(part.target_group) if one.startswith("arn:"))
        yield from key("loadbalancer", load_balancer_name(part.name))
    if database := stack.database:
        yield from key("db", database.instance)
        yield from key("dbcluster", database.cluster)
        yield from key("secret", secret_name(database.secret))
    if artifacts := stack.artifacts:
        yield from key("bucket", artifacts.bucket)
        yield from key("bucket", artifacts.backup_bucket)
        yield from key("secret", secret_name(artifacts.secret))
    if stack.ldap:
        yield from key("secret", secret_name(stack.ldap.bind_secret))
    if stack.logs:
        yield from key("loggroup", stack.logs.group)
    yield from key("secret", secret_name(stack.mlflow.admin_secret))
    for topic in stack.topics:
        yield from key("topic", topic)


def tie(signal: Signal, stacks: StackKeys | Iterable[Stack]) -> Signal:
    """The signal with its stack, or without and with the reason, where one could be suspected."""
    index = stacks if isinstance(stacks, StackKeys) else StackKeys.of(stacks)
    if signal.kind is SignalKind.INVALID or not signal.keys:
        return signal
    named, topic = _told(signal.keys)
    if named is not None and named not in index.names:
        return _untied(signal, f"it names the stack {named!r}, which is not known here")
    ranked = index.pointed_at(signal.keys)
    if not ranked:
        return signal
    left = _narrowed(signal, topic, ranked)
    if len(left) == 1:
        return signal.of_stack(left[0].stack)
    if left:
        return _untied(signal, f"it fits several stacks: {', '.join(sorted(home.stack for home in left))}")
    suspect = ranked[0][0]
    return _untied(signal, f"it looks like {suspect.stack}, but {_stranger(signal, topic, suspect)} (S2)")


def _told(keys: Iterable[str]) -> tuple[str | None, str | None]:
    """The stack that the event names and the topic it came over."""
    told = [one for one in keys if one.startswith(_TOLD)]
    if not told:
        return None, None
    named = next((one[6:] for one in told if one.startswith("stack:")), None)
    return named, next((one[6:] for one in told if one.startswith("topic:")), None)


def _narrowed(signal: Signal, topic: str | None, ranked: list[list[Home]]) -> list[Home]:
    """Of those that can be believed, the ones that the surest keys leave."""
    left: list[Home] = []
    for homes in ranked:
        fitting = [home for home in homes if _stranger(signal, topic, home) is None]
        left = [home for home in left if home in fitting] or left if left else fitting
        if len(left) == 1:
            break
    return left


def _stranger(signal: Signal, topic: str | None, home: Home) -> str | None:
    """Why an event that points to this stack is not believed for it (S2)."""
    if signal.region and signal.region != home.region:
        return f"it comes from region {signal.region}, not {home.region}"
    if signal.account and home.account and signal.account != home.account:
        return f"it comes from account {signal.account}, not {home.account}"
    if topic is not None and topic not in home.topics:
        return f"it came over the topic {topic}, which the stack does not list"
    return None


def _untied(signal: Signal, why: str) -> Signal:
    reason = f"not tied to a stack: {why}" + (f"; the event says: {signal.reason}" if signal.reason else "")
    return signal.model_copy(update={"actionable": False, "reason": text(reason, REASON_LIMIT)})
