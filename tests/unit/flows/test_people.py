"""What people ask for: a run, a plan, an answer; and the outbox between a yes and a run."""

import pytest

from chalicelib.errors import InputError, InputsRejected, KeyReused, Refused, StoreUnavailable, UnknownName
from chalicelib.flows import query
from chalicelib.flows.approve import answer, cancel
from chalicelib.flows.dispatch import dispatch_outbox
from chalicelib.flows.stop import resume_incident, stop
from chalicelib.models.decision import Outcome
from chalicelib.models.incident import IncidentState
from chalicelib.models.run import Mode, RunStatus, Verdict
from tests.unit.flows.asking import ask

INPUTS = {"max": {"type": "integer", "default": 1, "minimum": 1, "maximum": 4}}


# -- start -------------------------------------------------------------------------------------


def test_a_person_starts_a_run_by_the_same_road_as_an_alarm(world):
    decision = ask(world, reason="users complain")
    run = world.finish(decision.parts[0].run_id)
    assert (decision.outcome, decision.principal) == (Outcome.RUN, "ada")
    assert (run.started_by, run.reason, run.incident_id) == ("ada", "users complain", None)
    assert (run.verdict, world.applied) == (Verdict.VERIFIED, ["a"])


def test_a_plan_lists_the_exact_changes_and_makes_none(world):
    decision = ask(world, mode=Mode.PLAN)
    run = world.finish(decision.parts[0].run_id)
    plan = query.plan_of(world.parts, run.id)
    assert (run.status, run.verdict, world.applied) == (RunStatus.FINISHED, None, [])
    assert [(c["operation"], c["parameters"], c["resource"]) for c in plan["changes"]] == [
        ("fake:Mend", {"to": "well"}, "a")
    ]
    assert plan["changes"][0]["undo"]["parameters"] == {"to": "sick"}
    assert plan["hash"] == run.plan_hash
    assert world.told() == [], "whoever asked reads the answer"
    assert world.parts.engine.ledgers.read("prod").active == ()
    assert all(plan_mode for _, plan_mode in world.sessions.asked)


def test_the_same_plan_has_the_same_hash_in_another_run_at_another_time(world):
    one = world.finish(ask(world, mode=Mode.PLAN).parts[0].run_id)
    world.wait(hours=3)
    two = world.finish(ask(world, mode=Mode.PLAN).parts[0].run_id)
    assert one.id != two.id
    assert one.plan_hash == two.plan_hash


def test_the_same_key_is_the_same_run(world):
    first, second = ask(world, key="k1"), ask(world, key="k1")
    assert first.parts[0].run_id == second.parts[0].run_id
    assert len(world.parts.engine.runs.recent("prod").rows) == 1
    assert ask(world, key="k2").outcome is Outcome.REFUSE, "another key is another request, and one run is active"


@pytest.mark.parametrize("other", [{"inputs": {"max": 3}}, {"mode": Mode.PLAN}, {"stack": "test"}, {"runbook": "heal"}])
def test_the_same_key_for_another_request_is_an_error_and_not_the_old_answer(make_world, other):
    runbooks = (make_world.runbook(inputs=INPUTS), make_world.runbook(runbook="heal", inputs=INPUTS))
    world = make_world(runbooks=runbooks, stacks=(make_world.stack(), make_world.stack(stack="test")))
    first = ask(world, key="k1", inputs={"max": 2})
    with pytest.raises(KeyReused, match="manual-k1"):
        ask(world, **{"key": "k1", "inputs": {"max": 2}, **other})
    again = ask(world, key="k1", inputs={"max": 2}, principal="bob", reason="once more")
    assert again == first, "who asks, and why, is not what is asked"


def test_inputs_are_checked_by_name_and_filled_in(make_world):
    world = make_world(runbooks=(make_world.runbook(inputs=INPUTS),))
    with pytest.raises(InputsRejected, match="at most 4"):
        ask(world, inputs={"max": 9})
    with pytest.raises(InputsRejected, match="mx"):
        ask(world, inputs={"mx": 1})
    run_id = ask(world, inputs={"max": 2}).parts[0].run_id
    assert world.run(run_id).inputs == {"max": 2}


@pytest.mark.parametrize(
    ("more", "error", "word"),
    [
        ({"runbook": "nope"}, UnknownName, "known: mend"),
        ({"stack": "nope"}, UnknownName, "known: prod"),
    ],
)
def test_what_does_not_exist_is_an_error_that_names_what_does(world, more, error, word):
    with pytest.raises(error, match=word):
        ask(world, **more)
    assert world.table.writes == 0


def test_a_runbook_without_a_manual_trigger_is_not_started_by_hand(make_world):
    world = make_world(runbooks=(make_world.runbook(on=[{"alarm": {}}]),))
    with pytest.raises(InputError, match="manual"):
        ask(world)


def test_people_are_not_held_by_cooldown_but_by_one_run_and_stop(world):
    world.finish(ask(world).parts[0].run_id)
    world.items["a"] = "sick"
    running = ask(world)
    assert running.outcome is Outcome.RUN
    refused = ask(world)
    assert refused.outcome is Outcome.REFUSE
    assert "in progress" in refused.parts[0].reasons[0]
    world.finish(running.parts[0].run_id)
    stop(world.parts, stack=None, by="bob", reason="audit")
    assert "bob stopped" in ask(world).parts[0].reasons[0]


# -- answers -----------------------------------------------------------------------------------


def test_a_run_that_asks_nobody_cannot_be_answered(world):
    run_id = world.fire().parts[0].run_id
    with pytest.raises(InputError, match="asks nobody"):
        answer(world.parts, run_id, approve=True, by="ada", reason="yes")
    with pytest.raises(UnknownName):
        answer(world.parts, "r-none", approve=True, by="ada", reason="yes")


def test_an_answer_rings_the_run(make_world):
    world = make_world(runbooks=(make_world.runbook(autonomy="approve"),))
    run_id = world.fire().parts[0].run_id
    world.turn(run_id)
    answer(world.parts, run_id, approve=True, by="ada", reason="yes")
    assert world.run(run_id).woken
    with pytest.raises(Refused):
        answer(world.parts, run_id, approve=False, by="bob", reason="no")


def test_what_is_over_cannot_be_cancelled(world):
    run_id = world.fire().parts[0].run_id
    world.finish(run_id)
    with pytest.raises(InputError, match="is over"):
        cancel(world.parts, run_id, by="ada", reason="x")
    with pytest.raises(UnknownName):
        cancel(world.parts, "r-none", by="ada", reason="x")


def test_the_first_who_cancels_is_named(world):
    run_id = world.fire().parts[0].run_id
    cancel(world.parts, run_id, by="ada", reason="one")
    cancel(world.parts, run_id, by="bob", reason="two")
    assert "ada" in (world.finish(run_id).outcome or "")


# -- the outbox --------------------------------------------------------------------------------


def test_dispatching_twice_makes_one_run_and_one_start(world):
    world.table.fails = lambda call, key: StoreUnavailable("x", "y") if key.pk.startswith("RUN#") else None
    with pytest.raises(StoreUnavailable):
        world.fire()
    world.table.fails = lambda _call, _key: None
    assert dispatch_outbox(world.parts, "prod") == 1
    assert dispatch_outbox(world.parts, "prod") == 0
    assert len(world.driver.due(world.now())) == 1


@pytest.mark.parametrize("moment", ["die_before", "die_after"])
def test_a_dispatch_that_dies_anywhere_is_done_over_by_whoever_comes_next(make_world, moment):
    for number in (1, 2):
        world = make_world()
        world.table.fails = lambda call, key: StoreUnavailable("x", "y") if key.pk.startswith("RUN#") else None
        with pytest.raises(StoreUnavailable):
            world.fire()
        world.table.fails = lambda _call, _key: None
        setattr(world.table, moment, world.table.writes + number)
        with pytest.raises(world.Died):
            dispatch_outbox(world.parts, "prod")
        setattr(world.table, moment, None)
        world.sweep()
        (run,) = world.parts.engine.runs.recent("prod").rows
        assert {(run.id, 1)} == set(world.driver.due(world.now()))
        assert world.parts.engine.ledgers.read("prod").outbox == ()
        assert world.finish(run.id).verdict is Verdict.VERIFIED


# -- what is asked -----------------------------------------------------------------------------


def test_now_says_what_is_stopped_what_runs_and_what_was_changed(world):
    run_id = world.fire().parts[0].run_id
    world.until(run_id, lambda run: run.status is RunStatus.VERIFYING)
    stop(world.parts, stack=None, by="ada", reason="audit")
    told = query.now(world.parts)
    assert told["stopped"][0]["stack"] == "*"
    assert [run["id"] for run in told["running"]] == [run_id]
    assert [change["what"] for change in told["changed"]] == ["mend a"]
    assert [incident["state"] for incident in told["incidents"]] == ["verifying"]


def test_a_run_can_be_read_as_a_whole(world):
    run_id = world.fire().parts[0].run_id
    world.finish(run_id)
    whole = query.whole(world.parts, run_id)
    assert [step["id"] for step in whole["steps"]] == ["look", "mend"]
    assert (whole["verdict"], len(whole["timeline"]) > 5) == ("verified", True)
    for missing in (query.whole, query.plan_of):
        with pytest.raises(UnknownName):
            missing(world.parts, "r-none")


def test_a_person_lets_steward_act_again_on_an_incident_that_needs_one(world):
    incident_id = world.fire().parts[0].incident_id
    incident = world.parts.engine.incidents.get(incident_id)
    stuck = incident.model_copy(update={"state": IncidentState.NEEDS_HUMAN, "run_id": None})
    world.parts.engine.incidents.save(stuck)
    resume_incident(world.parts, incident_id, by="anna", reason="the database is back")
    assert world.parts.engine.incidents.get(incident_id).state is IncidentState.OPEN
    with pytest.raises(InputError, match="waits for nobody"):
        resume_incident(world.parts, incident_id, by="anna", reason="twice")
    with pytest.raises(UnknownName):
        resume_incident(world.parts, "i-nobody", by="anna", reason="x")
