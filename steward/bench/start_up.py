"""`import app` against a bare `import boto3`: each in a fresh process, with bytecode in place."""

import subprocess
import sys
import time
from pathlib import Path

from chalicelib.errors import StewardError
from steward.bench.figures import Figure, median_ratio

ROOT = Path(__file__).resolve().parents[2]
PAIRS, LIMIT = 7, 1.6


def import_ratio() -> Figure:
    for module in ("app", "boto3"):  # writes the bytecode
        _seconds(module)
    pairs = [(_seconds("app"), _seconds("boto3")) for _ in range(PAIRS)]
    best = [min(side) * 1000 for side in zip(*pairs, strict=True)]
    detail = f"app {best[0]:.0f} ms, boto3 {best[1]:.0f} ms at best, median of {PAIRS} interleaved pairs"
    return Figure("import", median_ratio(pairs), "times import boto3", LIMIT, detail)


def _seconds(module: str) -> float:
    begun = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", f"import {module}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - begun
    if done.returncode:
        raise StewardError(f"import {module} failed: {done.stderr.strip().splitlines()[-1]}")
    return took
