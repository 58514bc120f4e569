"""How much memory a process held at most: its own, not its parent's.

What `getrusage` says of a child begins with what its parent held when it was forked, so a large benchmark would give
each of its children at least its own size.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

_LAUNCHER = """
import json, os, sys, time
begun = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
told = {"seconds": time.perf_counter() - begun, "peak_kb": used.ru_maxrss, "code": os.waitstatus_to_exitcode(status)}
with open(sys.argv[1], "w") as file:
    json.dump(told, file)
"""
"""Small (`-S`), so what a child begins with is some 8 MB at most."""


@dataclass(frozen=True)
class Whole:
    """A process from its start to its end."""

    seconds: float
    peak_kb: int
    code: int


def run_whole(command: list[str], folder: Path, environment: Mapping[str, str], said: TextIO) -> Whole:
    told = folder / "measured.json"
    launcher = [sys.executable, "-S", "-c", _LAUNCHER, str(told), *command]
    subprocess.run(launcher, cwd=folder, env=dict(environment), stdout=said, stderr=said, check=True)  # noqa: S603 - a bench's own commands
    return Whole(**json.loads(told.read_text()))


def own_peak_kb() -> int:
    """Since this program was started, whoever started it."""
    return high_water_kb("self")


def high_water_kb(process: int | str) -> int:
    """0: it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
