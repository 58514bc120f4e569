"""What signals and ended runs do to an incident, as ENGINE.md's table has it."""

from datetime import timedelta

import pytest

from chalicelib.engine.incidents import (
    RETRY_S,
    acting,
    adopted,
    after_run,
    hear,
    held,
    is_settled,
    move,
    needs_human,
    open_incident,
)
from chalicelib.errors import IllegalTransition
from chalicelib.models.incident import IncidentState as I
from chalicelib.models.run import Run, RunStatus, Verdict
from chalicelib.models.runbook import Runbook
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.words import utc

START = utc("2026-11-02T09:00:00+00:00")
RUNBOOK = Runbook.model_validate(
    {"runbook": "mend", "title": "Mend it", "on": [{"manual": {}}], "steps": [{"id": "a", "do": "x.y"}]}
)


def at(seconds: int):
    return START + timedelta(seconds=seconds)


def signal(state="firing", *, name="down", kind=SignalKind.ALARM, seconds=0, id_="s1", resource="c/s", **facts):
    return Signal(
        id=id_, kind=kind, state=SignalState(state), name=name, resource=resource, source="eventbridge",
        occurred_at=at(seconds), actionable=True, stack="prod", facts=facts,
    )  # fmt: skip


def opened(one: Signal | None = None):
    one = one or signal()
    return hear(open_incident(one, "i-1", START), one, START)


def on_run(state=I.ACTING):
    incident = acting(opened(), "r-1", START)
    return incident if state is I.ACTING else move(incident, state, START)


def ended(verdict=None, status=RunStatus.FINISHED, *, needs_person=False, alarms=("down",), run_id="r-1"):
    return Run(
        id=run_id, stack="prod", stack_version="v", runbook=RUNBOOK, runbook_hash="h", event_id="e", started_by="alarm",
        created_at=START, changed_at=START, status=status, verdict=verdict, outcome="so it ended",
        needs_person=needs_person, alarms=alarms, incident_id="i-1",
    )  # fmt: skip


def test_a_firing_opens_an_incident_that_holds_its_source():
    incident = opened()
    assert incident.state is I.OPEN
    assert [source.alarm for source in incident.firing] == ["down"]


def test_the_same_source_twice_is_held_once():
    incident = hear(opened(), signal(seconds=60, id_="s2"), at(60))
    assert len(incident.firing) == 1
    assert incident.last_event == "s2"


def test_the_contributors_of_one_alarm_recover_one_by_one():
    incident = opened(signal(contributor_id="a"))
    incident = hear(incident, signal(contributor_id="b", seconds=1), at(1))
    incident = hear(incident, signal("resolved", contributor_id="a", seconds=2), at(2))
    assert (incident.state, len(incident.firing)) == (I.OPEN, 1)
    assert hear(incident, signal("resolved", contributor_id="b", seconds=3), at(3)).state is I.QUIET


def test_when_no_source_fires_any_more_it_is_quiet():
    incident = hear(opened(), signal("resolved", seconds=60), at(61))
    assert (incident.state, incident.firing, incident.quiet_since) == (I.QUIET, (), at(61))
    assert incident.reconsider_at is None


def test_a_resolved_that_is_older_than_its_source_ends_nothing():
    incident = opened(signal(seconds=100))
    assert hear(incident, signal("resolved", seconds=50), at(110)).firing == incident.firing


def test_an_old_firing_does_not_make_its_source_older():
    """Else a `resolved` from between the two would end what fired again after it."""
    incident = hear(opened(signal(seconds=100)), signal(seconds=10, id_="late"), at(110))
    assert incident.firing[0].since == at(100)
    assert hear(incident, signal("resolved", seconds=50), at(111)).firing


def test_a_quiet_incident_opens_again_when_it_fires():
    quiet = hear(opened(), signal("resolved", seconds=10), at(10))
    again = hear(quiet, signal(seconds=20), at(20))
    assert (again.state, again.quiet_since) == (I.OPEN, None)


def test_while_a_run_is_on_it_silence_is_noted_and_the_run_decides():
    incident = hear(on_run(), signal("resolved", seconds=10), at(10))
    assert (incident.state, incident.quiet_since, incident.run_id) == (I.ACTING, at(10), "r-1")


def test_news_that_is_neither_firing_nor_resolved_changes_nothing():
    assert hear(opened(), signal("info"), at(5)) == opened()


def test_a_steady_service_ends_its_task_troubles_though_they_have_another_name():
    trouble = signal(kind=SignalKind.ECS_TASK, name="STOPPED")
    steady = signal("resolved", kind=SignalKind.ECS_SERVICE, name="SERVICE_STEADY_STATE", seconds=5)
    assert hear(opened(trouble), steady, at(5)).state is I.QUIET
    other = signal("resolved", kind=SignalKind.ECS_SERVICE, name="SERVICE_STEADY_STATE", seconds=5, resource="c/other")
    assert hear(opened(trouble), other, at(5)).state is I.OPEN


def test_a_held_incident_says_when_and_counts_only_what_counts():
    once = held(opened(), at(300), "e1", "cooldown", counts=True)
    assert (once.state, once.reconsider_at, once.reconsidered, once.last_decision) == (I.OPEN, at(300), 1, "e1")
    assert held(once, at(600), "e2", "one_run", counts=False).reconsidered == 1


@pytest.mark.parametrize("verdict", [Verdict.VERIFIED, Verdict.RECOVERED_BEFORE_ACTION])
@pytest.mark.parametrize("state", [I.ACTING, I.AWAITING, I.VERIFYING])
def test_positive_proof_makes_it_quiet_event_or_no_event(verdict, state):
    incident = after_run(on_run(state), ended(verdict), at(900))
    assert (incident.state, incident.firing, incident.run_id, incident.quiet_since) == (I.QUIET, (), None, at(900))


def test_an_alarm_that_the_run_did_not_ask_about_still_fires():
    incident = on_run(I.VERIFYING)
    other = incident.firing[0].model_copy(update={"key": "k2", "alarm": "latency", "name": "latency"})
    incident = incident.model_copy(update={"firing": (*incident.firing, other)})
    after = after_run(incident, ended(Verdict.VERIFIED), at(900))
    assert (after.state, [source.alarm for source in after.firing]) == (I.OPEN, ["latency"])
    assert after.reconsider_at == at(900 + RETRY_S)


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.INCONCLUSIVE])
def test_a_run_that_did_not_help_leaves_it_to_people(verdict):
    incident = after_run(on_run(I.VERIFYING), ended(verdict, needs_person=True), at(900))
    assert (incident.state, incident.run_id, incident.reason) == (I.NEEDS_HUMAN, None, "so it ended")


@pytest.mark.parametrize(
    ("run", "state"),
    [
        (ended(status=RunStatus.CANCELLED), I.NEEDS_HUMAN),
        (ended(status=RunStatus.STOPPED, needs_person=True), I.NEEDS_HUMAN),
        (ended(status=RunStatus.FINISHED), I.NEEDS_HUMAN),
        (ended(status=RunStatus.STOPPED), I.OPEN),
    ],
    ids=["cancelled", "stopped half-way", "only planned", "stood aside"],
)
def test_a_run_without_a_verdict_leaves_it_to_people_unless_it_only_stood_aside(run, state):
    assert after_run(on_run(), run, at(60)).state is state


def test_a_run_that_stood_aside_is_followed_by_another_look():
    incident = after_run(on_run(), ended(status=RunStatus.STOPPED), at(60))
    assert (incident.reconsider_at, incident.reconsidered) == (at(60 + RETRY_S), 1)


def test_what_went_quiet_while_a_run_stood_aside_calls_nobody():
    incident = hear(on_run(), signal("resolved", seconds=30), at(30))
    after = after_run(incident, ended(status=RunStatus.STOPPED), at(60))
    assert (after.state, after.reconsider_at) == (I.QUIET, None)


def test_only_the_run_that_is_on_it_may_say_so():
    incident = on_run()
    assert after_run(incident, ended(Verdict.FAILED, run_id="r-other"), at(60)) == incident
    once = after_run(incident, ended(Verdict.VERIFIED), at(60))
    assert after_run(once, ended(Verdict.VERIFIED), at(90)) == once


def test_a_run_adopts_the_incident_whose_worker_died_before_it_knew():
    incident = adopted(opened(), "r-1", at(5))
    assert (incident.state, incident.run_id, incident.runs) == (I.ACTING, "r-1", ("r-1",))
    assert adopted(incident, "r-1", at(9)) == incident


def test_a_run_does_not_take_an_incident_from_another_run():
    incident = adopted(on_run(), "r-2", at(5))
    assert (incident.run_id, incident.runs) == ("r-1", ("r-1", "r-2"))


def test_an_incident_is_settled_when_its_source_had_time_to_speak_again():
    slow = signal(period_s=300, evaluation_periods=3)
    incident = hear(opened(slow), signal("resolved", seconds=1, period_s=300, evaluation_periods=3), at(0))
    assert not is_settled(incident, at(899))
    assert is_settled(incident, at(900))


def test_five_minutes_are_the_least_it_takes_to_settle():
    quiet = hear(opened(), signal("resolved", seconds=1), at(0))
    assert not is_settled(quiet, at(299))
    assert is_settled(quiet, at(300))


def test_nothing_settles_while_it_fires_or_a_run_is_on_it():
    assert not is_settled(opened(), at(9999))
    assert not is_settled(hear(on_run(), signal("resolved", seconds=1), at(1)), at(9999))


def test_what_was_left_to_people_settles_too_once_it_is_silent():
    left = needs_human(opened(), at(10), "try yourself")
    assert not is_settled(left, at(9999))
    assert is_settled(hear(left, signal("resolved", seconds=20), at(20)), at(320))


def test_a_firing_does_not_take_an_incident_back_from_people():
    left = needs_human(opened(), at(10), "try yourself")
    assert hear(left, signal(seconds=20), at(20)).state is I.NEEDS_HUMAN


def test_a_closed_incident_moves_no_more():
    closed = move(hear(opened(), signal("resolved", seconds=1), at(1)), I.CLOSED, at(2))
    with pytest.raises(IllegalTransition):
        move(closed, I.OPEN, at(3))
