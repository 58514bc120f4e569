"""Copies in flight. Whatever happens to a worker, its slot comes back settled: nobody waits for ever."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.backup.diff import Copy
from chalicelib.backup.entry import Copied
from chalicelib.backup.job import Failure, Trouble
from chalicelib.errors import AwsDenied, AwsError, AwsNotFound, CopyCancelled

_NO_SUCH_OBJECT = {"404", "NoSuchKey"}


@dataclass(slots=True)
class Slot:
    """One copy: to be made, or settled with one of the four below."""

    copy: Copy
    settled: bool = False
    copied: Copied | None = None
    failure: Failure | None = None
    vanished: bool = False
    """The source lost it between listing and copy."""
    cancelled: bool = False


def attempt(slot: Slot, make: Callable[[Copy], Copied]) -> None:
    """Makes one copy and settles its slot; only what is no Exception goes through."""
    key = slot.copy.listed.key
    try:
        slot.copied = make(slot.copy)
    except CopyCancelled:
        slot.cancelled = True
    except AwsNotFound as exc:
        if exc.code in _NO_SUCH_OBJECT:
            slot.vanished = True
        else:
            slot.failure = Failure(key, Trouble.UNCOPYABLE, str(exc))
    except AwsError as exc:
        slot.failure = Failure(key, _trouble(exc), str(exc))
    except Exception as exc:  # noqa: BLE001  # boundary: one object that breaks us must not end all
        slot.failure = Failure(key, Trouble.BROKEN, f"{type(exc).__name__}: {exc}")
    finally:
        slot.settled = True


def _trouble(exc: AwsError) -> Trouble:
    if exc.code == "PreconditionFailed":
        return Trouble.CHANGED
    if isinstance(exc, AwsDenied):
        return Trouble.DENIED
    return Trouble.UNAVAILABLE if exc.retryable else Trouble.UNCOPYABLE


class Workers:
    """As many threads as are needed, up to `most`; with none of them, copies are made where they are given in."""

    def __init__(self, most: int, make: Callable[[Copy], Copied]) -> None:
        self._most, self._make = most, make
        self._waiting: queue.SimpleQueue[Slot | None] = queue.SimpleQueue()
        self._settled: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.in_flight = 0

    @property
    def is_full(self) -> bool:
        """Twice as many as there are threads: the next is at hand when one is done."""
        return self.in_flight >= max(1, 2 * self._most)

    def start(self, copy: Copy) -> Slot:
        slot = Slot(copy)
        if self._most == 0:
            attempt(slot, self._make)
            return slot
        self.in_flight += 1
        self._waiting.put(slot)
        if len(self._threads) < min(self._most, self.in_flight):
            thread = threading.Thread(target=self._work, name=f"copy-{len(self._threads)}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return slot

    def wait(self) -> None:
        """Until one more copy is settled; returns at once when none is in flight."""
        if self.in_flight:
            self._settled.get()
            self.in_flight -= 1

    def collect(self) -> None:
        """Takes note of what is settled by now, without waiting."""
        while not self._settled.empty():
            self._settled.get()
            self.in_flight -= 1

    def close(self) -> None:
        """Waits for what is in flight; a copy left alone could finish after its repetition and take its place."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (slot := self._waiting.get()) is not None:
            try:
                attempt(slot, self._make)
            except BaseException as exc:  # noqa: BLE001  # boundary: a dying worker must not leave its slot open
                slot.failure = Failure(slot.copy.listed.key, Trouble.BROKEN, f"the worker died: {type(exc).__name__}")
            self._settled.put(slot)
