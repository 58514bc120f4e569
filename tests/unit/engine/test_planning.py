"""Plans and their hash, and what is put back by an undo."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.engine.planning import (
    ONLY_IF,
    build_plan,
    changes_hash,
    difference,
    first_records,
    plan_anew,
    said_yes,
    undo_changes,
    was_not_in_plan,
    why_ask,
)
from chalicelib.models.change import Change, ChangeProgress, ChangeState, Undo
from chalicelib.models.run import Lease, Run, StepRecord, StepStatus
from chalicelib.models.runbook import Runbook
from chalicelib.models.words import Autonomy, Risk, utc

NOW = utc("2026-11-02T09:00:00+00:00")
STEPS = [
    {"id": "look", "do": "fake.look"}, {"id": "mend", "do": "fake.mend", "onFailure": "step:rescue"},
    {"id": "late", "do": "fake.mend"}, {"id": "rescue", "do": "fake.mend"},
]  # fmt: skip
BOOK = Runbook.model_validate({"runbook": "mend", "title": "Mend it", "on": [{"manual": {}}], "steps": STEPS})


def run(**more: Any) -> Run:
    facts = {
        "id": "r-1", "stack": "prod", "stack_version": "v", "runbook": BOOK, "runbook_hash": "h", "event_id": "e",
        "started_by": "alarm", "created_at": NOW, "changed_at": NOW,
    }  # fmt: skip
    return Run.model_validate({**facts, **more})


def change(step: str = "mend", resource: str = "a", **more: Any) -> Change:
    facts = {"action": "fake.mend", "operation": "fake:Mend", "parameters": {"n": 1}, "sentence": f"mend {resource}"}
    return Change.model_validate({"step": step, "resource": resource, **facts, **more})


def records(**changes: Any) -> tuple[StepRecord, ...]:
    planned = {"mend": (change(),), **changes}
    made = []
    for record in first_records(run()):
        known = planned.get(record.id, ())
        made.append(record.model_copy(update={"changes": known, "progress": tuple(ChangeProgress() for _ in known)}))
    return tuple(made)


def plan(of: Run | None = None, steps: tuple[StepRecord, ...] | None = None):
    return build_plan(of or run(), steps or records(), {"fake.mend": Risk.MEDIUM})


def test_the_hash_knows_neither_the_run_nor_the_time():
    other = run(id="r-2", created_at=utc("2027-01-01T00:00:00+00:00"), event_id="e2", started_by="ada")
    assert plan().hash == plan(other).hash


@pytest.mark.parametrize(
    "other",
    [
        lambda: plan(run(runbook_hash="h2")), lambda: plan(run(stack_version="v2")), lambda: plan(run(inputs={"n": 2})),
        lambda: plan(steps=records(mend=(change(resource="b"),))),
        lambda: plan(steps=records(mend=(change(parameters={"n": 2}),))),
        lambda: plan(steps=records(mend=(change(precondition={"is": "sick"}),))),
        lambda: plan(steps=records(mend=(change(loses="the users"),))),
        lambda: plan(steps=records(mend=(change(), change(resource="b")))),
    ],
    ids=["runbook", "stack", "inputs", "resource", "parameters", "precondition", "loss", "one more"],
)  # fmt: skip
def test_whatever_else_changes_makes_another_plan(other):
    assert other().hash != plan().hash


def test_the_order_of_the_changes_is_part_of_the_plan():
    both = change(resource="a"), change(resource="b")
    assert plan(steps=records(mend=both)).hash != plan(steps=records(mend=both[::-1])).hash


def test_what_is_known_only_later_stands_in_the_plan_as_such():
    late = tuple(
        record.model_copy(update={"known_later": "<from steps.mend>"}) if record.id in {"late", "look"} else record
        for record in records()
    )
    told = {step.step: step.known_later for step in plan(steps=late).steps}
    assert told == {"mend": None, "late": "<from steps.mend>", "rescue": ONLY_IF}, "a probe changes nothing"


def test_with_nothing_to_change_a_fallback_alone_is_no_plan():
    assert plan(steps=records(mend=())).steps == ()


def test_a_fallback_and_a_late_step_are_not_covered_by_the_plan_s_approval():
    approved = run(approved={"plan": "p"}, plan_hash="p")
    mend, rescue = records()[1], records(rescue=(change("rescue"),))[3]
    late = records(late=(change("late"),))[2].model_copy(update={"known_later": "<from steps.mend>"})
    assert said_yes(approved, mend)
    assert not said_yes(approved, rescue)
    assert not said_yes(approved, late)
    assert was_not_in_plan(approved, rescue)
    assert said_yes(run(approved={"rescue": changes_hash(rescue.changes)}), rescue)
    assert not said_yes(run(approved={"rescue": "other"}), rescue)


def test_no_hash_is_never_a_yes():
    assert not said_yes(run(plan_hash=None), records()[1])


@pytest.mark.parametrize(
    ("of", "steps", "word"),
    [
        (run(), records(), None),
        (run(autonomy=Autonomy.APPROVE), records(), "only on approval"),
        (run(), records(mend=(change(loses="the users"),)), "lose the users"),
        (run(approved={"plan": "another"}), records(), "no longer the one"),
    ],
    ids=["auto", "approve", "s1 loses", "differs"],
)
def test_why_people_are_asked(of, steps, word):
    why = why_ask(of, plan(of, steps))
    assert (why is None) if word is None else word in (why or "")


def test_what_was_approved_is_not_asked_for_again():
    wanted = plan(steps=records(mend=(change(loses="the users"),)))
    approved = run(approved={"plan": wanted.hash}, autonomy=Autonomy.APPROVE)
    assert why_ask(approved, wanted) is None


def test_planning_anew_forgets_everything_but_who_it_is():
    used = records()[1].model_copy(
        update={
            "status": StepStatus.PLANNED,
            "attempt": 3,
            "lease": Lease(owner="w", until=NOW),
            "output": {"a": 1},
            "known_later": "x",
            "retry_at": NOW,
            "started_at": NOW,
            "ended_at": NOW,
            "detail": "d",
            "version": 7,
        }  # fmt: skip
    )
    fresh = plan_anew(used)
    assert fresh == StepRecord(run_id=used.run_id, id=used.id, do=used.do, version=7)


def test_an_undo_puts_back_last_first_and_only_what_was_made():
    back = Undo(operation="fake:Break", parameters={"n": 0}, precondition={"is": "well"})
    made = [
        (change(resource="a", undo=back), ChangeProgress(state=ChangeState.DONE)),
        (change(resource="b", undo=back), ChangeProgress(state=ChangeState.UNCHANGED)),
        (change(resource="c", undo=back), ChangeProgress(state=ChangeState.STARTED)),
        (change(resource="d"), ChangeProgress(state=ChangeState.DONE)),
        (change(resource="e", undo=back), ChangeProgress()),
    ]
    undone = undo_changes("undo", made)
    assert [one.resource for one in undone] == ["c", "a"]
    assert (undone[0].operation, undone[0].parameters, undone[0].precondition) == (
        "fake:Break",
        {"n": 0},
        {"is": "well"},
    )
    assert undone[0].step == "undo"
    assert undone[0].undo is None


def test_a_difference_is_told_in_the_sentences_of_its_changes():
    assert difference(["a", "b"], ["b", "c"]) == ("no longer: a", "new: c")
    assert "parameters" in difference(["a"], ["a"])[0]


@given(st.lists(st.sampled_from("abc"), max_size=4), st.lists(st.sampled_from("abc"), max_size=4))
def test_plans_have_the_same_hash_exactly_when_they_are_the_same(one, two):
    def of(names):
        return plan(steps=records(mend=tuple(change(resource=name) for name in names)))

    assert (of(one).hash == of(two).hash) is (one == two)
