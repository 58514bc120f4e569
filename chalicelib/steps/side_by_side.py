"""Reading with several probes at once, each with a deadline. A probe that is late is blind, not a reason
to wait: what it would have said counts as not read (S3)."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

T = TypeVar("T")
LATE = "no answer within its deadline"


class SideBySide(Protocol):
    def __call__(self, work: Mapping[str, Callable[[], T]], deadline_s: float) -> dict[str, T | str]:
        """What each gave, or why it gave nothing. Work raises nothing: it answers with its reason."""


def in_threads(work: Mapping[str, Callable[[], T]], deadline_s: float) -> dict[str, T | str]:
    """Probes wait for the network nearly all of their time, so threads are enough."""
    pool = ThreadPoolExecutor(max_workers=max(1, len(work)))
    futures = {name: pool.submit(read) for name, read in work.items()}
    done, _ = wait(futures.values(), timeout=deadline_s)
    pool.shutdown(wait=False, cancel_futures=True)
    return {name: future.result() if future in done else LATE for name, future in futures.items()}


def one_after_another(work: Mapping[str, Callable[[], T]], deadline_s: float) -> dict[str, T | str]:  # noqa: ARG001
    """For worlds in which waiting takes no time, and where everything must happen in the same order."""
    return {name: read() for name, read in work.items()}
