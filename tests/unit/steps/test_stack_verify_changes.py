"""stack.verify_changes: what a run set for good, and whether it is still so."""

from types import SimpleNamespace

import pytest

from chalicelib.models.left import LeftChange, Stands
from chalicelib.models.words import utc
from chalicelib.steps.checks import CHECKS
from chalicelib.steps.probes.stack_verify_changes import VerifyChanges

PROBE = VerifyChanges()


def left(stands):
    return LeftChange(
        run_id="r", step="tasks", at=utc("2026-11-02T09:00:00+00:00"), what="desired count", resource="c/s",
        sentence="Scale s from 2 to 3 tasks", stands=stands, detail="the desired count is 2",
    )  # fmt: skip


def judged(*stands):
    ctx = SimpleNamespace(own_changes=lambda: tuple(left(one) for one in stands))
    result = CHECKS["changes_stand"].judge(PROBE.read(ctx, PROBE.Params()), "")
    return result.answer.value, result.because


@pytest.mark.parametrize(
    ("stands", "answer"),
    [
        ((), "not_applicable"),
        ((Stands.AS_LEFT,), "true"),
        ((Stands.AS_LEFT, Stands.REVERTED), "false"),
        ((Stands.DIFFERS, Stands.UNKNOWN), "false"),
        ((Stands.AS_LEFT, Stands.UNKNOWN), "unknown"),
    ],
)
def test_every_value_must_stand_and_what_cannot_be_read_proves_nothing_s5(stands, answer):
    assert judged(*stands)[0] == answer


def test_it_says_what_stands_otherwise_s13():
    assert judged(Stands.REVERTED)[1] == "not as this run set it: desired count: the desired count is 2"
