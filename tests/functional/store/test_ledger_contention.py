"""S8, one run a stack: many workers admit at once, on the twin and on DynamoDB (moto)."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from moto import mock_aws

from chalicelib.guards.admit import admit, release
from chalicelib.guards.fleet import reserve
from chalicelib.models.ledger import AdmissionRequest, Fleet, FleetLimits, Ledger, Stop
from chalicelib.models.words import Autonomy
from chalicelib.store.dynamodb import DynamoTable, dynamo_client, table_definition
from chalicelib.store.ledgers import Ledgers
from chalicelib.store.memory import MemoryTable
from tests.aws_sessions import aws_session

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
WORKERS = 32


def one_at_a_time(client):
    """DynamoDB applies each write to an item atomically; moto's UpdateItem checks its condition and then
    writes, in two steps. So calls are let in one by one, as one item's partition would take them. What
    is contended for here is what lies between calls: read, decide, write."""
    lock, send = threading.Lock(), client._make_api_call

    def locked(operation, parameters):
        with lock:
            return send(operation, parameters)

    client._make_api_call = locked
    return client


@pytest.fixture(params=["memory", "dynamodb"])
def ledgers(request) -> Iterator[Ledgers]:
    if request.param == "memory":
        yield Ledgers(MemoryTable())
        return
    with mock_aws():
        session = aws_session()
        session.client("dynamodb").create_table(**table_definition("steward"))
        yield Ledgers(DynamoTable("steward", lambda: one_at_a_time(dynamo_client(session))))


def request_of(run_id: str) -> AdmissionRequest:
    return AdmissionRequest(
        run_id=run_id,
        stack="blue",
        runbook="service-down",
        event_id="e1",
        automatic=True,
        autonomy=Autonomy.AUTO,
        acts=True,
        cooldown_s=900,
        max_runs=3,
        max_runs_per_s=6 * 3600,
    )


def admission(run_id: str):
    def change(ledger: Ledger) -> tuple[Ledger, bool]:
        answer = admit(ledger, request_of(run_id), NOW)
        return (answer.ledger, True) if answer.ledger else (ledger, False)

    return change


def all_at_once(act) -> list:
    gate = threading.Barrier(WORKERS)

    def start(n: int):
        gate.wait()
        return act(n)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(start, range(WORKERS)))


def test_of_32_workers_exactly_one_takes_the_slot(ledgers):
    admitted = all_at_once(lambda n: ledgers.update("blue", admission(f"r{n}")))
    ledger = ledgers.read("blue")
    assert admitted.count(True) == 1
    assert [slot.run_id for slot in ledger.active] == [f"r{admitted.index(True)}"]
    assert len(ledger.outbox) == len(ledger.starts) == 1


def test_the_same_event_delivered_to_32_workers_is_admitted_once_and_all_agree(ledgers):
    admitted = all_at_once(lambda _: ledgers.update("blue", admission("r1")))
    ledger = ledgers.read("blue")
    assert all(admitted)
    assert len(ledger.active) == len(ledger.outbox) == len(ledger.starts) == 1
    assert ledger.version == 1


def test_32_workers_that_admit_and_release_never_pass_the_limit(ledgers):
    def try_it(n: int) -> bool:
        run_id = f"r{n}"
        won = ledgers.update("blue", admission(run_id))
        if won:
            ledgers.update("blue", lambda ledger: (release(ledger, run_id, "service-down", NOW, 0), None))
        return won

    admitted = all_at_once(try_it)
    assert 1 <= admitted.count(True) <= 3
    assert ledgers.read("blue").active == ()
    assert len(ledgers.read("blue").starts) == admitted.count(True)


def test_a_stop_among_32_workers_lets_nothing_in_after_it_s8(ledgers):
    def act(n: int):
        if n == 7:
            ledgers.stop("blue", Stop(by="anna", reason="now", at=NOW))
            return ledgers.read("blue")
        ledgers.update("blue", admission(f"r{n}"))
        return None

    at_the_stop = next(answer for answer in all_at_once(act) if answer)
    assert ledgers.read("blue").active == at_the_stop.active
    assert ledgers.update("blue", admission("late")) is False


def test_32_stacks_share_the_fleets_limit_s7(ledgers):
    limits = FleetLimits(max_concurrent=3, stacks=100)

    def take(n: int) -> bool:
        def change(fleet: Fleet) -> tuple[Fleet, bool]:
            request = request_of(f"r{n}").model_copy(update={"stack": f"stack-{n}"})
            answer = reserve(fleet, request, limits, NOW)
            return (answer.fleet, True) if answer.fleet else (fleet, False)

        return ledgers.update_fleet(change)

    assert all_at_once(take).count(True) == 3
    assert len(ledgers.read_fleet().active) == 3
