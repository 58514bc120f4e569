"""Which status may follow which. Pure. An illegal pair is a bug and raises an error naming both."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from chalicelib.errors import IllegalTransition
from chalicelib.models.incident import IncidentState as I
from chalicelib.models.run import RunStatus as R
from chalicelib.models.run import StepStatus as S

RUN: Mapping[R, frozenset[R]] = {
    R.ADMITTED: frozenset({R.PLANNING, R.STOPPED, R.CANCELLED}),
    R.PLANNING: frozenset(
        {
            R.FINISHED,  # recovered before action, or a plan was all that was asked for
            R.STOPPED,
            R.AWAITING_APPROVAL,
            R.RUNNING,
            R.ADMITTED,  # confirmed, but nothing to change yet: looked at afresh a little later
            R.SLEEPING,  # a probe is tried again
            R.CANCELLED,  # nothing was changed yet, so there is nothing to wait for
        }
    ),
    R.AWAITING_APPROVAL: frozenset(
        {
            R.PLANNING,  # approved: plan again and compare, before anything is done
            R.RUNNING,  # a step in the middle asked, and was allowed
            R.FINISHED,  # recovered before anybody answered
            R.STOPPED,
            R.CANCELLED,
            R.CANCELLING,
            R.VERIFYING,  # a later step was refused; what was done before is still verified
        }
    ),
    R.RUNNING: frozenset(
        {R.SLEEPING, R.VERIFYING, R.FINISHED, R.STOPPED, R.AWAITING_APPROVAL, R.CANCELLING, R.CANCELLED}
    ),
    R.SLEEPING: frozenset({R.RUNNING, R.PLANNING, R.ADMITTED, R.CANCELLING, R.STOPPED, R.CANCELLED}),
    R.VERIFYING: frozenset({R.FINISHED, R.STOPPED, R.CANCELLING, R.CANCELLED}),
    R.CANCELLING: frozenset({R.CANCELLED, R.STOPPED}),
    R.CANCELLED: frozenset(),
    R.STOPPED: frozenset(),
    R.FINISHED: frozenset(),
}

STEP: Mapping[S, frozenset[S]] = {
    S.WAITING: frozenset({S.CLAIMED, S.SKIPPED, S.FAILED}),
    S.CLAIMED: frozenset(
        {
            S.CLAIMED,  # the lease ran out: the next worker claims it with attempt + 1
            S.WAITING,  # to be tried again, or known only later
            S.PLANNED,
            S.DONE,
            S.UNCHANGED,
            S.SKIPPED,
            S.FAILED,
        }
    ),
    S.PLANNED: frozenset({S.APPLYING, S.FAILED, S.SKIPPED, S.UNCHANGED, S.WAITING}),  # waiting: planned anew
    S.APPLYING: frozenset({S.APPLYING, S.DONE, S.UNCHANGED, S.FAILED}),
    S.DONE: frozenset({S.WAITING}),  # only while planning anew, before anything was changed
    S.UNCHANGED: frozenset({S.WAITING}),
    S.SKIPPED: frozenset({S.WAITING}),
    S.FAILED: frozenset(),
}

INCIDENT: Mapping[I, frozenset[I]] = {
    I.OPEN: frozenset({I.ACTING, I.AWAITING, I.QUIET, I.NEEDS_HUMAN, I.OPEN}),
    I.ACTING: frozenset({I.VERIFYING, I.AWAITING, I.OPEN, I.QUIET, I.NEEDS_HUMAN}),
    # Verifying: the worker died between the run's approval and the incident's.
    I.AWAITING: frozenset({I.ACTING, I.VERIFYING, I.OPEN, I.QUIET, I.NEEDS_HUMAN}),
    I.VERIFYING: frozenset({I.QUIET, I.NEEDS_HUMAN, I.OPEN}),
    I.QUIET: frozenset({I.OPEN, I.CLOSED, I.NEEDS_HUMAN}),
    # No automatic run until a person says so, or until it has been quiet long enough to close.
    I.NEEDS_HUMAN: frozenset({I.OPEN, I.CLOSED, I.ACTING}),
    I.CLOSED: frozenset(),
}

T = TypeVar("T", bound=StrEnum)


def follow(table: Mapping[T, frozenset[T]], before: T, after: T) -> T:
    """`after`, if the table allows it. Staying where one is, is always allowed."""
    if before != after and after not in table[before]:
        raise IllegalTransition(type(before).__name__, before.value, after.value)
    return after
