"""What a long call hears of its run: a cancel and a stop within seconds, and an unreadable flag as a stop (S8)."""

from types import SimpleNamespace

import pytest

from chalicelib.engine.meanwhile import ASK_EVERY_S, Cancelled, Told
from chalicelib.errors import StaleWrite, StoreUnavailable
from chalicelib.models.change import ChangeProgress, HowFar
from chalicelib.models.run import RunStatus, StepRecord


class Site:
    def __init__(self, status=RunStatus.RUNNING):
        self.now, self.reads, self.unreadable = 0.0, 0, False
        self.run = SimpleNamespace(id="r", stack="s", status=status, cancel_requested_by=None)
        self.stop = None
        flags = SimpleNamespace(read_fleet=lambda: self.flag(None), read=lambda _: self.flag(self.stop))
        ports = SimpleNamespace(runs=SimpleNamespace(get=self.get), ledgers=flags)
        self.cancelled = Cancelled(ports, self.run, lambda: self.now)

    def get(self, run_id):
        self.reads += 1
        return self.run

    def flag(self, stop):
        if self.unreadable:
            raise StoreUnavailable("reading the ledger", "told to")
        return SimpleNamespace(stop=stop)


def test_the_store_is_asked_every_few_seconds_however_often_copies_ask():
    site = Site()
    for tick in range(1000):
        site.now = tick / 100
        assert not site.cancelled()
    assert site.reads == 9.99 // ASK_EVERY_S


def test_a_cancel_is_heard_and_stays_heard():
    site = Site()
    site.run.cancel_requested_by = "somebody"
    assert not site.cancelled(), "it was cleared for this call just now"
    site.now = ASK_EVERY_S
    assert site.cancelled()
    site.run.cancel_requested_by = None
    site.now = 100.0
    assert site.cancelled()


@pytest.mark.parametrize("trouble", ["stop", "unreadable", "over"])
def test_a_stop_of_the_stack_an_unreadable_flag_and_a_run_that_is_over_end_it_too_s8(trouble):
    site = Site()
    site.now = ASK_EVERY_S
    if trouble == "stop":
        site.stop = SimpleNamespace(by="somebody", reason="enough")
    elif trouble == "unreadable":
        site.unreadable = True
    else:
        site.run.status = RunStatus.STOPPED
    assert site.cancelled()


def test_what_tidies_up_is_not_stopped_by_the_flag_that_called_it():
    site = Site(RunStatus.CANCELLING)
    site.run.cancel_requested_by = "somebody"
    site.now = ASK_EVERY_S
    assert not site.cancelled()


class Steps:
    def __init__(self):
        self.saved, self.fault, self.stored = [], None, None

    def save_step(self, record):
        if self.fault:
            raise self.fault
        self.saved.append(record)
        self.stored = record.model_copy(update={"version": record.version + 1})
        return self.stored

    def step(self, run_id, step_id):
        return self.stored


def record():
    progress = (ChangeProgress(state="done"), ChangeProgress(state="started", checkpoint={"keys": 1}))
    return StepRecord(run_id="r", id="backup", do="s3.backup_prefix", progress=progress, version=7)


def test_progress_is_written_every_few_seconds_onto_the_change_that_is_made():
    steps, clock = Steps(), [0.0]
    told = Told(steps, record(), 1, lambda: clock[0])
    for tick in range(100):
        clock[0] = tick / 4
        told(HowFar(done=tick, total=100), f"{tick} of 100")
    assert [saved.progress[1].how_far.done for saved in steps.saved] == [40, 80]
    assert (told.record.version, told.record.progress[0], told.record.progress[1].checkpoint) == (
        9, record().progress[0], {"keys": 1},
    )  # fmt: skip


def test_a_store_that_is_busy_costs_a_word_and_another_worker_ends_this_one():
    steps, clock = Steps(), [0.0]
    told = Told(steps, record(), 1, lambda: clock[0])
    clock[0], steps.fault = 20.0, StoreUnavailable("writing", "told to")
    told(HowFar(done=1), "1")
    steps.stored = record().model_copy(update={"version": 8})
    assert told.record.version == 8, "the write whose answer was lost had arrived"
    clock[0], steps.fault = 40.0, StaleWrite("step")
    with pytest.raises(StaleWrite):
        told(HowFar(done=2), "2")
