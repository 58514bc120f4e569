"""What a long call hears of its run: a cancel and a stop within seconds, and an unreadable flag as a stop (S8)."""

from types import SimpleNamespace

import pytest

from chalicelib.engine.meanwhile import ASK_EVERY_S, Cancelled
from chalicelib.errors import StoreUnavailable
from chalicelib.models.run import RunStatus


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
