"""How a check is made of a probe's output and a pure predicate over it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.models.check import Answer, CheckResult
from chalicelib.steps.step import Output

Judged = tuple[Answer, str]
O = TypeVar("O", bound=Output)  # noqa: E741 - the letter of step.py


@dataclass(frozen=True)
class Check:
    name: str
    probe: str
    summary: str
    judge: Callable[[Output | None, str], CheckResult]
    """The probe's output, or None and why there is none."""


def check(name: str, probe: str, summary: str, kind: type[O], predicate: Callable[[O], Judged]) -> Check:
    def judge(output: Output | None, why_unknown: str) -> CheckResult:
        if not isinstance(output, kind):
            because = why_unknown or f"{probe} gave no output"
            return CheckResult(check=name, answer=Answer.UNKNOWN, because=because)
        answer, because = predicate(output)
        return CheckResult(check=name, answer=answer, because=because)

    return Check(name, probe, summary, judge)
