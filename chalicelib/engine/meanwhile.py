"""What happens to a run while one call of a step works on it: was it cancelled, and what does it tell of itself?"""

import threading
from collections.abc import Callable

from chalicelib.engine.ports import Ports
from chalicelib.errors import StaleWrite, StoreError
from chalicelib.models.change import HowFar
from chalicelib.models.run import Run, RunStatus, StepRecord
from chalicelib.store.runs import Runs

ASK_EVERY_S = 3.0
TELL_EVERY_S = 10.0


def halted(ports: Ports, stack: str) -> str | None:
    """Who stopped this stack or everything; an unreadable flag counts as stopped (S8)."""
    try:
        fleet, ledger = ports.ledgers.read_fleet(), ports.ledgers.read(stack)
    except StoreError as error:
        return f"the stop flag could not be read, so everything stops: {error}"
    for stop, what in ((fleet.stop, "everything"), (ledger.stop, stack)):
        if stop:
            return f"{stop.by} stopped {what}: {stop.reason}"
    return None


class Cancelled:
    """Asked before every copy by many threads; reads the store at most every few seconds."""

    def __init__(self, ports: Ports, run: Run, monotonic: Callable[[], float]) -> None:
        self._ports, self._run, self._monotonic = ports, run, monotonic
        self._lock = threading.Lock()
        self._asked_at = monotonic()  # it was cleared for this call just now
        self._is_so = False

    def __call__(self) -> bool:
        with self._lock:
            now = self._monotonic()
            if not self._is_so and now - self._asked_at >= ASK_EVERY_S:
                self._asked_at = now
                self._is_so = self._found()
            return self._is_so

    def _found(self) -> bool:
        """An unreadable flag counts as set (S8): what was done stays done, and the next call asks again."""
        try:
            run = self._ports.runs.get(self._run.id)
        except StoreError:
            return True
        tidying = self._run.status is RunStatus.CANCELLING  # not stopped by the flag that called it
        asked = run is None or not run.status.is_live or run.cancel_requested_by is not None
        return (asked and not tidying) or halted(self._ports, self._run.stack) is not None


class Told:
    """Progress that is told within a call, written to the step's record at most every few seconds."""

    def __init__(self, runs: Runs, record: StepRecord, number: int, monotonic: Callable[[], float]) -> None:
        self._runs, self._number, self._monotonic = runs, number, monotonic
        self._written_at = monotonic()
        self._record, self._is_sure = record, True

    def __call__(self, how_far: HowFar, detail: str) -> None:
        """StaleWrite goes through: another worker has the step, and this one ends."""
        now = self._monotonic()
        if now - self._written_at < TELL_EVERY_S:
            return
        self._written_at = now
        news = {"how_far": how_far, "detail": detail}
        try:
            record = self.record
            told = record.with_progress(self._number, record.progress[self._number].model_copy(update=news))
            self._record = self._runs.save_step(told)
        except StaleWrite:
            raise
        except StoreError:  # for people only: the work goes on, and the next word tells more
            self._is_sure = False  # it may have been written all the same

    @property
    def record(self) -> StepRecord:
        """As it is stored now."""
        if not self._is_sure:
            stored = self._runs.step(self._record.run_id, self._record.id)
            self._record = stored if stored and stored.lease == self._record.lease else self._record
            self._is_sure = True
        return self._record
