"""Many workers at once, for what is too long for one: a Step Functions Distributed Map, or a twin of it."""

from enum import StrEnum
from typing import Any, Protocol


class Crowd(StrEnum):
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


class ManyHands(Protocol):
    def begin(self, name: str, items: list[dict[str, Any]]) -> None:
        """Starts once under this name, however often it is asked."""

    def state(self, name: str) -> Crowd: ...

    def stop(self, name: str, why: str) -> None:
        """What is in flight may end; nothing new begins."""
