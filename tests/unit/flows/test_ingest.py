"""An event arrives: claimed once, archived, evaluated, admitted, and why recorded. Whoever dies is replaced."""

import json
import threading
from datetime import timedelta

import pytest

from chalicelib.errors import EventInProgress, StoreUnavailable
from chalicelib.flows.ingest import explain, ingest, ingest_all
from chalicelib.models.decision import DecisionState, Outcome
from chalicelib.models.incident import IncidentState
from chalicelib.models.ledger import FleetLimits
from chalicelib.models.run import RunStatus


def calls(world, work):
    before = len(world.table.calls)
    work()
    return world.table.calls[before:]


def test_the_first_delivery_is_decided_and_its_run_started(world):
    decision = world.fire()
    assert (decision.state, decision.outcome) == (DecisionState.DECIDED, Outcome.RUN)
    run_id = decision.parts[0].run_id
    assert world.run(run_id).status is RunStatus.ADMITTED
    assert world.driver.due(world.now()) == [(run_id, 1)]
    assert world.parts.engine.ledgers.read("prod").outbox == ()
    assert world.parts.decisions.get("e1") == decision
    assert world.telemetry.notes[-1]["facts"]["outcome"] == "run"


def test_a_duplicate_costs_one_store_call_and_changes_nothing(world):
    first = world.fire()
    assert len(calls(world, world.fire)) == 1
    assert world.fire() == first
    assert len(world.parts.engine.runs.recent("prod").rows) == 1
    assert world.driver.due(world.now()) == [(first.parts[0].run_id, 1)]


def test_an_event_that_another_worker_has_is_handed_back_to_come_again(world):
    world.parts.decisions.receive("e1", world.now())
    with pytest.raises(EventInProgress):
        world.fire()


@pytest.mark.parametrize("moment", ["die_before", "die_after"])
def test_a_worker_that_takes_over_after_a_minute_makes_the_same_ids(make_world, moment):
    whole = make_world()
    wanted = whole.fire().parts[0]
    for number in range(1, whole.table.writes + 1):
        world = make_world()
        payload = world.alarm()
        setattr(world.table, moment, number)
        with pytest.raises(world.Died):
            ingest(world.parts, payload)
        setattr(world.table, moment, None)
        world.wait(seconds=61)
        part = ingest(world.parts, payload).parts[0]
        assert (part.run_id, part.incident_id, part.outcome) == (wanted.run_id, wanted.incident_id, Outcome.RUN)
        world.sweep()
        runs = world.parts.engine.runs.recent("prod").rows
        assert [run.id for run in runs] == [wanted.run_id]
        assert len(world.parts.engine.incidents.signals(wanted.incident_id)) == 1


@pytest.mark.parametrize(
    "payload",
    [
        None, [], "text", 7, {}, {"Records": []},
        {"steward": "manual"}, {"steward": "nonsense"}, {"DetailType": "x", "Detail": "{}"},
        {"id": "e7", "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": {}},
    ],
    ids=lambda payload: json.dumps(payload)[:40],
)  # fmt: skip
def test_a_poison_payload_is_an_invalid_decision_and_never_a_crash(world, payload):
    decision = ingest(world.parts, payload)
    assert decision.outcome is Outcome.INVALID
    assert decision.parts[0].reasons[0]
    assert world.parts.decisions.get(decision.event_id) == decision
    assert decision.archived_at
    assert world.parts.engine.runs.recent("prod").rows == ()


def test_s32_the_raw_event_is_archived_by_day_and_s29_without_its_secrets(world):
    payload = world.alarm(detail={"configuration": {"password": "hunter2", "description": "see https://u:pw@x/"}})
    decision = ingest(world.parts, payload)
    assert decision.archived_at == "memory://events/2026/11/02/e1.json"
    raw = world.parts.archive.get(decision.archived_at).decode()
    assert json.loads(raw)["detail"]["alarmName"] == "prod-down"
    assert "hunter2" not in raw
    assert "u:pw" not in raw


def test_s32_it_is_archived_before_anything_is_decided(world):
    world.table.fails = lambda call, key: StoreUnavailable("x", "y") if "INCIDENT" in key.sk else None
    with pytest.raises(StoreUnavailable):
        world.fire()
    assert world.parts.archive.get("memory://events/2026/11/02/e1.json")


def test_a_signal_of_no_known_stack_is_recorded_and_ignored(world):
    decision = world.fire(name="somebody-elses-alarm")
    assert decision.outcome is Outcome.IGNORE
    assert "no stack known here" in decision.parts[0].reasons[0]
    assert [found.event_id for found in world.parts.decisions.recent(None).rows] == ["e1"]


def test_a_batch_is_claimed_record_by_record(world):
    one, two = world.alarm("e1"), world.alarm("e2", name="other-down")
    records = [
        {"messageId": event["id"], "eventSource": "aws:sqs", "body": json.dumps(event), "receiptHandle": "h",
         "eventSourceARN": "arn:aws:sqs:eu-west-2:111122223333:q"} for event in (one, two)
    ]  # fmt: skip
    decisions = ingest_all(world.parts, {"Records": records})
    assert len(decisions) == 2
    again = [
        {**record, "receiptHandle": "another", "attributes": {"ApproximateReceiveCount": "2"}} for record in records
    ]
    assert len(calls(world, lambda: ingest_all(world.parts, {"Records": again}))) == 2


@pytest.mark.parametrize("workers", [2, 6])
def test_workers_that_hear_of_different_alarms_at_once_admit_one_run(make_world, workers):
    world = make_world()
    barrier, decisions, errors = threading.Barrier(workers), [], []

    def hear(number):
        try:
            barrier.wait()
            decisions.append(world.fire(f"e{number}", name=f"prod-{number}"))
        except Exception as error:  # noqa: BLE001  # shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=hear, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    outcomes = sorted(decision.outcome for decision in decisions)
    assert outcomes == sorted([Outcome.RUN, *[Outcome.HOLD] * (workers - 1)])
    assert len(world.parts.engine.ledgers.read("prod").active) == 1
    assert len(world.parts.engine.ledgers.read_fleet().active) == 1, "S7: who lost gives its reservation back"
    assert len(world.parts.engine.runs.recent("prod").rows) == 1


def test_the_same_event_delivered_to_many_workers_at_once_is_decided_by_one(make_world):
    world = make_world()
    barrier, decisions, busy = threading.Barrier(4), [], []

    def hear():
        barrier.wait()
        try:
            decisions.append(world.fire())
        except EventInProgress as error:
            busy.append(error)

    threads = [threading.Thread(target=hear) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({decision.event_id for decision in decisions}) == 1
    assert len(decisions) + len(busy) == 4
    assert len(world.parts.engine.runs.recent("prod").rows) == 1


# -- incidents ---------------------------------------------------------------------------------


def test_a_second_firing_belongs_to_the_same_incident_and_rings_its_run(world):
    first = world.fire()
    world.wait(seconds=30)
    second = world.fire("e2")
    assert second.outcome is Outcome.IGNORE
    assert second.parts[0].incident_id == first.parts[0].incident_id
    assert [signal.id for signal in world.parts.engine.incidents.signals(first.parts[0].incident_id)] == ["e1", "e2"]
    assert world.run(first.parts[0].run_id).woken


def test_another_alarm_is_another_incident_and_waits_for_the_run(world):
    first = world.fire()
    second = world.fire("e2", name="prod-latency")
    assert (second.outcome, second.parts[0].reconsider_at is not None) == (Outcome.HOLD, True)
    assert second.parts[0].incident_id != first.parts[0].incident_id
    assert first.parts[0].run_id in second.parts[0].reasons[0]


def test_a_steady_service_ends_the_sources_of_other_incidents_too(make_world):
    book = make_world.runbook(on=[{"ecs.service": {"event": "SERVICE_TASK_START_IMPAIRED"}}])
    world = make_world(runbooks=(book,), stacks=(make_world.stack(autonomy="suggest"),))

    def service(event, name):
        return {
            "version": "0", "id": event, "detail-type": "ECS Service Action", "source": "aws.ecs",
            "account": "111122223333", "time": world.now().isoformat(), "region": "eu-west-2",
            "resources": ["arn:aws:ecs:eu-west-2:111122223333:service/prod-cluster/prod"],
            "detail": {"eventName": name, "eventType": "WARN" if "IMPAIRED" in name else "INFO",
                       "clusterArn": "arn:aws:ecs:eu-west-2:111122223333:cluster/prod-cluster"},
        }  # fmt: skip

    trouble = ingest(world.parts, service("e1", "SERVICE_TASK_START_IMPAIRED"))
    world.finish(trouble.parts[0].run_id)
    assert world.incident(trouble).state is IncidentState.NEEDS_HUMAN
    world.wait(seconds=60)
    steady = ingest(world.parts, service("e2", "SERVICE_STEADY_STATE"))
    assert steady.outcome is Outcome.IGNORE
    assert world.incident(trouble).firing == ()


def test_a_resolved_that_nobody_waits_for_is_ignored(world):
    assert world.resolve().outcome is Outcome.IGNORE
    assert world.parts.engine.incidents.open_of("prod") == ()


# -- people are told ---------------------------------------------------------------------------


def test_a_refusal_is_told_and_s2_a_forged_event_opens_nothing(make_world):
    world = make_world(stacks=(make_world.stack(account=None),))
    decision = world.fire(account="999900001111")
    assert decision.outcome is Outcome.REFUSE
    assert world.told() == ["refusal"]
    assert world.parts.engine.incidents.open_of("prod") == ()


def test_people_are_told_before_it_counts_as_decided(make_world):
    """A crash in between may tell it twice, never not at all."""
    whole = make_world()
    whole.fire(ago_s=7200)
    assert whole.told() == ["refusal"]
    world = make_world()
    world.table.die_before = whole.table.writes
    payload = world.alarm(ago_s=7200)
    with pytest.raises(world.Died):
        ingest(world.parts, payload)
    world.table.die_before = None
    world.wait(seconds=61)
    assert ingest(world.parts, payload).outcome is Outcome.REFUSE
    assert world.told() == ["refusal", "refusal"]
    assert len({summary.id for summary in world.channel.sent}) == 1


def test_s7_the_fleet_brake_pages_once(make_world):
    names = ("prod", "two", "three", "four")
    book = make_world.runbook(on=[{"alarm": {}}])
    world = make_world(runbooks=(book,), stacks=tuple(make_world.stack(name) for name in names))
    world.with_parts(limits=FleetLimits(stacks=10, max_concurrent=9))
    outcomes = [world.fire(f"e{name}", name=f"{name}-down").outcome for name in names]
    assert outcomes == [Outcome.RUN, Outcome.RUN, Outcome.HOLD, Outcome.HOLD]
    assert world.told().count("page") == 1


# -- explain -----------------------------------------------------------------------------------


def test_explaining_gives_the_decision_that_would_be_made_and_writes_nothing(world):
    payload = world.alarm()
    before = world.table.writes
    explained = explain(world.parts, payload)
    assert world.table.writes == before
    made = ingest(world.parts, payload)
    assert explained.parts == made.parts
    assert explained.outcome is made.outcome


def test_explaining_does_not_need_a_stack(world):
    assert explain(world.parts, {"steward": "nonsense"}).outcome is Outcome.INVALID
    assert explain(world.parts, world.alarm(name="x")).outcome is Outcome.IGNORE


def test_a_suppressed_alarm_is_left_alone(world):
    """S6"""
    decision = world.fire(detail={"state": {"value": "ALARM", "actionsSuppressedBy": "WaitPeriod"}})
    assert decision.outcome is Outcome.IGNORE
    assert world.parts.engine.incidents.open_of("prod") == ()


def test_a_late_worker_s_decision_does_not_replace_the_heir_s(world):
    slow = world.parts.decisions.receive("e1", world.now())
    world.wait(seconds=61)
    made = world.fire()
    from chalicelib.errors import StaleWrite
    from chalicelib.flows.ingest import conclude

    with pytest.raises(StaleWrite):
        conclude(world.parts, slow.decision, made.parts, world.now() + timedelta(seconds=1))
    assert world.parts.decisions.get("e1") == made
