"""How a guard answers: passed or not, always with a because, and when it may pass if time heals it."""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.models.decision import GuardResult


def passes(guard: str, because: str) -> GuardResult:
    return GuardResult(guard=guard, passed=True, because=because)


def refuses(guard: str, because: str, retry_at: datetime | None = None) -> GuardResult:
    return GuardResult(guard=guard, passed=False, because=because, retry_at=retry_at)


def lacks_answer(guard: str, why: str) -> GuardResult:
    return GuardResult(guard=guard, passed=False, because=f"lacks an answer: {why}", unsure=True)


def all_pass(results: Iterable[GuardResult]) -> bool:
    return all(result.passed for result in results)


def at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
