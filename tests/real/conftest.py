"""The laboratory lives for one session and ends with it, also when the session is interrupted or told to end."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.lab.child import LabFailure
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.tools import require_everything
from tests.real.lab.tracking import Tracking, tracking
from tests.real.records import Record, read, write

RECORDING = Path(__file__).parent / "recorded" / "faults.jsonl"


LONGEST_S = 35 * 60
"""Two times what all of it takes on two cores: past that something hangs, and nothing more is tried."""


@pytest.fixture(scope="session")
def began() -> float:
    return time.monotonic()


@pytest.fixture(autouse=True)
def _in_time(began: float) -> None:
    if time.monotonic() - began > LONGEST_S:
        pytest.fail(f"the tests on real servers have had their {LONGEST_S // 60} minutes", pytrace=False)


@pytest.fixture(scope="session")
def lab() -> Iterator[Laboratory]:
    try:
        require_everything()
    except LabFailure as missing:
        pytest.fail(str(missing), pytrace=False)
    # SIGTERM would end Python without a word to its children; as an interrupt it unwinds the fixtures.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Short, because a Unix socket's path may have 107 bytes; and open, because databases run as somebody else.
    home = Path(tempfile.mkdtemp(prefix="lab-"))
    home.chmod(0o755)
    made = Laboratory(home)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(home, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def behind_logins(lab: Laboratory) -> Iterator[Tracking]:
    """MLflow 3.17.2 on PostgreSQL and S3, with basic-auth on."""
    with tracking(lab, "behind_logins", asks_login=True) as made:
        yield made


@pytest.fixture(scope="session")
def recording() -> Iterator[dict[str, Record]]:
    """What was seen in this session, by fault; kept as the new recording with `STEWARD_RECORD=1`."""
    seen: dict[str, Record] = {}
    yield seen
    if os.environ.get("STEWARD_RECORD") == "1" and seen:
        known = {str(each["id"]): each for each in read(RECORDING)} if RECORDING.exists() else {}
        every = known | seen
        write(RECORDING, [every[name] for name in sorted(every)])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One laboratory a session: what needs it runs in one worker, beside what does not."""
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("lab"))
