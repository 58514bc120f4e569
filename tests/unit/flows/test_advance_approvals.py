"""Asking people: the yes is bound to the plan by its hash, used once, and runs out."""

from datetime import timedelta

import pytest

from chalicelib.errors import Refused
from chalicelib.flows.approve import answer, cancel
from chalicelib.flows.stop import stop
from chalicelib.models.approval import ApprovalState
from chalicelib.models.decision import Outcome
from chalicelib.models.incident import IncidentState
from chalicelib.models.run import RunStatus, Verdict


@pytest.fixture
def asking(make_world):
    world = make_world(runbooks=(make_world.runbook(autonomy="approve"),))
    world.items = {"a": "sick", "b": "sick", "c": "well"}
    return world


def asked(world):
    """A run that waits for people, asleep."""
    decision = world.fire()
    run_id = decision.parts[0].run_id
    step = world.turn(run_id)
    assert step.kind == "sleep"
    assert world.run(run_id).status is RunStatus.AWAITING_APPROVAL
    return run_id


def approval(world, run_id):
    return world.parts.engine.approvals.current(run_id)


def say(world, run_id, *, yes=True, by="ada", **more):
    return answer(world.parts, run_id, approve=yes, by=by, reason="because", **more)


def test_a_runbook_that_acts_on_approval_asks_and_changes_nothing_meanwhile(asking):
    run_id = asked(asking)
    run = asking.run(run_id)
    assert approval(asking, run_id).plan_hash == run.plan_hash
    assert asking.applied == []
    assert asking.told() == ["start", "approval"]
    assert asking.parts.engine.incidents.get(run.incident_id).state is IncidentState.AWAITING
    assert asking.parts.decisions.get("e1").outcome is Outcome.ASK


def test_an_approved_plan_is_planned_again_and_runs_when_it_is_the_same(asking):
    run_id = asked(asking)
    plans, plan_hash = asking.plans, asking.run(run_id).plan_hash
    say(asking, run_id)
    asking.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    assert asking.plans == plans + 1
    assert asking.run(run_id).plan_hash == plan_hash
    assert asking.parts.engine.incidents.get(asking.run(run_id).incident_id).state is IncidentState.ACTING
    run = asking.finish(run_id)
    assert (run.verdict, asking.applied) == (Verdict.VERIFIED, ["a", "b"])
    assert approval(asking, run_id).used
    assert run.approvals == 1


def test_a_plan_that_is_another_by_then_is_asked_for_again_with_the_difference(asking):
    run_id = asked(asking)
    asking.items["b"] = "well"
    say(asking, run_id)
    asking.turn(run_id)
    run = asking.run(run_id)
    assert (run.status, run.approvals, asking.applied) == (RunStatus.AWAITING_APPROVAL, 2, [])
    assert "no longer: mend b" in asking.texts(run_id)
    assert "no longer the one that was approved" in approval(asking, run_id).question
    assert asking.told() == ["start", "approval", "approval"]
    say(asking, run_id)
    assert asking.finish(run_id).verdict is Verdict.VERIFIED
    assert asking.applied == ["a"]


@pytest.mark.parametrize("autonomy", ["auto", "approve"])
def test_s1_what_loses_something_is_asked_even_where_it_may_act_by_itself(make_world, autonomy):
    world = make_world(runbooks=(make_world.runbook(autonomy=autonomy),))
    world.loses = "users created since the task started"
    run_id = asked(world)
    assert "users created since" in approval(world, run_id).question
    say(world, run_id)
    assert world.finish(run_id).verdict is Verdict.VERIFIED


def test_s1_a_late_step_that_loses_something_asks_when_it_gets_there(make_world):
    steps = [
        {"id": "first", "do": "fake.mend", "with": {"max": 1}}, {"id": "again", "do": "fake.look"},
        {"id": "rest", "do": "fake.mend", "when": "steps.again.sick > `0`"},
    ]  # fmt: skip
    world = make_world(runbooks=(make_world.runbook(steps=steps),))
    world.items = {"a": "sick", "b": "sick"}
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: bool(world.applied))
    world.loses = "the users"
    world.turn(run_id)
    assert world.run(run_id).status is RunStatus.AWAITING_APPROVAL
    assert approval(world, run_id).scope == "rest"
    assert world.applied == ["a"]
    say(world, run_id)
    assert world.finish(run_id).verdict is Verdict.VERIFIED
    assert world.applied == ["a", "b"]


def test_s1_no_road_leads_to_a_loss_that_nobody_approved(make_world):
    """A fallback is in no sealed plan; neither is what onCancel does."""
    steps = [
        {"id": "first", "do": "fake.mend", "with": {"max": 1}, "onFailure": "step:rescue", "onCancel": "step:rescue"},
        {"id": "wait", "do": "wait_until", "with": {"checks": ["busy"], "within": "1h"}},
        {"id": "rescue", "do": "fake.mend"},
    ]  # fmt: skip
    book = make_world.runbook(steps=steps, guards={"blastRadius": {"tasks": 9}})
    world = make_world(runbooks=(book,))
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    world.script, world.loses = {"a": [RuntimeError("it broke")]}, "the users"
    world.turn(run_id)
    assert world.run(run_id).status is RunStatus.AWAITING_APPROVAL
    assert approval(world, run_id).scope == "rescue"

    other = make_world(runbooks=(book,))
    other.items = {"a": "sick", "b": "sick"}
    run_id = other.fire().parts[0].run_id
    other.until(run_id, lambda run: run.cursor == "wait" and bool(other.applied))
    other.loses = "the users"
    cancel(other.parts, run_id, by="ada", reason="enough")
    run = other.finish(run_id)
    assert other.applied == ["a"]
    assert run.status is RunStatus.STOPPED
    assert "the users" in (run.outcome or "")


def test_a_step_of_high_risk_in_the_plan_is_covered_by_the_plan_s_approval(make_world):
    steps = [{"id": "mend", "do": "fake.rebuild"}]
    world = make_world(runbooks=(make_world.runbook(steps=steps, autonomy="approve"),))
    run_id = asked(world)
    say(world, run_id)
    run = world.finish(run_id)
    assert (run.verdict, run.approvals) == (Verdict.VERIFIED, 1)


def test_a_step_in_the_middle_asks_with_its_own_words(make_world):
    steps = [{"id": "ask", "do": "ask_approval", "with": {"message": "In office hours?"}},
             {"id": "mend", "do": "fake.mend"}]  # fmt: skip
    world = make_world(runbooks=(make_world.runbook(steps=steps),))
    run_id = asked(world)
    assert (approval(world, run_id).scope, approval(world, run_id).question) == ("ask", "In office hours?")
    say(world, run_id)
    assert world.finish(run_id).verdict is Verdict.VERIFIED


@pytest.mark.parametrize(("when", "is_asked"), [("steps.look.sick == `0`", False), ("steps.look.sick > `0`", True)])
def test_a_step_that_asks_only_when_something_is_so_asks_only_then(make_world, when, is_asked):
    steps = [{"id": "look", "do": "fake.look"},
             {"id": "ask", "do": "ask_approval", "when": when, "with": {"message": "In office hours?"}},
             {"id": "mend", "do": "fake.mend"}]  # fmt: skip
    world = make_world(runbooks=(make_world.runbook(steps=steps),))
    world.items = {"a": "sick"}
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.AWAITING_APPROVAL or bool(world.applied))
    assert (world.run(run_id).status is RunStatus.AWAITING_APPROVAL) is is_asked
    assert (world.applied == []) is is_asked


def test_while_it_cannot_be_told_whether_a_question_is_needed_it_is_asked(make_world):
    steps = [{"id": "first", "do": "fake.mend", "with": {"max": 1}}, {"id": "again", "do": "fake.look"},
             {"id": "ask", "do": "ask_approval", "when": "steps.again.sick == `0`", "with": {"message": "Go on?"}},
             {"id": "rest", "do": "fake.mend"}]  # fmt: skip
    world = make_world(runbooks=(make_world.runbook(steps=steps),))
    world.items = {"a": "sick", "b": "sick"}
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.AWAITING_APPROVAL)
    assert (approval(world, run_id).scope, world.applied) == ("ask", ["a"])


# -- no, or nothing ----------------------------------------------------------------------------


def test_a_rejected_plan_stops_the_run_and_leaves_the_incident_to_people(asking):
    run_id = asked(asking)
    say(asking, run_id, yes=False)
    run = asking.finish(run_id)
    assert (run.status, run.verdict, asking.applied) == (RunStatus.STOPPED, None, [])
    assert "rejected by ada: because" in (run.outcome or "")
    assert asking.parts.engine.incidents.get(run.incident_id).state is IncidentState.NEEDS_HUMAN


def test_a_question_that_nobody_answers_runs_out(asking):
    run_id = asked(asking)
    expires = approval(asking, run_id).expires_at
    assert expires - asking.now() == timedelta(hours=4)
    run = asking.finish(run_id)
    assert (run.status, asking.applied) == (RunStatus.STOPPED, [])
    assert approval(asking, run_id).state is ApprovalState.EXPIRED
    with pytest.raises(Refused):
        say(asking, run_id)


def test_a_yes_to_another_plan_is_refused(asking):
    run_id = asked(asking)
    with pytest.raises(Refused, match="look at the plan again"):
        say(asking, run_id, plan_hash="0" * 64)
    assert approval(asking, run_id).state is ApprovalState.PENDING


def test_of_two_people_who_answer_one_wins(asking):
    run_id = asked(asking)
    say(asking, run_id, yes=False, by="ada")
    with pytest.raises(Refused, match="already rejected by ada"):
        say(asking, run_id, by="bob")
    assert asking.finish(run_id).status is RunStatus.STOPPED


def test_s27_where_another_person_is_wanted_the_starter_s_yes_does_not_count(make_world):
    from chalicelib.flows.start import Request, start

    world = make_world(runbooks=(make_world.runbook(autonomy="approve", guards={"approvers": "other"}),))
    run_id = start(world.parts, Request(runbook="mend", stack="prod", principal="ada")).parts[0].run_id
    world.turn(run_id)
    with pytest.raises(Refused, match="another person"):
        say(world, run_id, by="ada")
    say(world, run_id, by="bob")
    assert world.finish(run_id).verdict is Verdict.VERIFIED


def test_a_yes_is_single_use(asking):
    """The second question is another approval; the first yes does not answer it."""
    run_id = asked(asking)
    say(asking, run_id)
    asking.items["b"] = "well"
    asking.turn(run_id)
    assert asking.run(run_id).approvals == 2
    assert approval(asking, run_id).state is ApprovalState.PENDING


# -- what cuts in while people are asked -------------------------------------------------------


def test_a_trouble_that_is_over_needs_nobody_s_answer(asking):
    run_id = asked(asking)
    asking.wait(minutes=5)
    asking.resolve()
    run = asking.finish(run_id)
    assert (run.verdict, asking.applied) == (Verdict.RECOVERED_BEFORE_ACTION, [])
    assert approval(asking, run_id).state is ApprovalState.SUPERSEDED
    assert asking.parts.engine.incidents.get(run.incident_id).state is IncidentState.QUIET


def test_s2_after_a_late_yes_the_condition_is_read_again_before_anything_is_done(asking):
    run_id = asked(asking)
    say(asking, run_id)
    asking.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    asking.items = dict.fromkeys(asking.items, "well")
    run = asking.finish(run_id)
    assert (run.verdict, asking.applied) == (Verdict.RECOVERED_BEFORE_ACTION, [])


def test_s8_a_stop_ends_a_run_that_waits_for_people(asking):
    run_id = asked(asking)
    stop(asking.parts, stack=None, by="ada", reason="incident")
    run = asking.finish(run_id)
    assert run.status is RunStatus.STOPPED
    assert approval(asking, run_id).state is ApprovalState.SUPERSEDED


def test_a_run_that_waits_for_people_can_be_cancelled(asking):
    run_id = asked(asking)
    cancel(asking.parts, run_id, by="ada", reason="never mind")
    assert asking.finish(run_id).status is RunStatus.CANCELLED


def test_a_ring_wakes_a_run_that_nobody_looks_after_any_more(asking):
    """S31: its execution is gone; the answer makes it due within minutes, not when the question expires."""
    run_id = asked(asking)
    asking.driver.due(asking.now())
    say(asking, run_id)
    asking.wait(minutes=7)
    assert asking.sweep().resumed == 1
    assert asking.driver.due(asking.now()) == [(run_id, 2)]
    assert asking.finish(run_id).verdict is Verdict.VERIFIED
