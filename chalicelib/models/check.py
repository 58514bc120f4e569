"""Check: a named pure predicate over one probe's output. Unknown is an answer, and never a yes."""

from enum import StrEnum

from chalicelib.models.shape import Shape


class Answer(StrEnum):
    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class CheckResult(Shape):
    check: str
    answer: Answer
    because: str
