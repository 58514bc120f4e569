"""Finding the lines of a log that any signature knows, against `grep -E` with all patterns as one alternation.

Both read the same file; compilation is left out on both sides (of grep: the time it takes on an empty file). grep
runs in the C locale, its quickest, and prints the lines it finds, as we yield them.
"""

import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from chalicelib.diagnosis.hits import PatternIndex
from chalicelib.diagnosis.knowledge import Surface
from chalicelib.diagnosis.scan import BLOCK, Scanner, best_engine
from chalicelib.errors import InputError
from steward.bench.figures import Figure, median_ratio
from steward.cli.knowledge import read_knowledge

LINES, EVERY, ROUNDS, LIMIT = 100_000, 100, 7, 3.0
_MATCHING = (
    "psycopg2.OperationalError: connection to server at db, port 5432 failed: Connection refused",
    "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
    "[2026-11-20 10:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:12)",
    "ldap3.core.exceptions.LDAPSocketOpenError: unable to open socket",
)


def diagnose_ratio() -> Figure:
    if shutil.which("grep") is None:
        raise InputError("the bench compares with grep, and there is none on this machine")
    index = PatternIndex(read_knowledge().signatures, Surface.LOG)
    scanner = index.scanner(best_engine)
    with tempfile.TemporaryDirectory() as folder:
        return _measured(Path(folder), index, scanner)


def _measured(folder: Path, index: PatternIndex, scanner: Scanner) -> Figure:
    log, empty, patterns = folder / "log", folder / "empty", folder / "pattern"
    log.write_text("".join(f"{line}\n" for line in log_lines()))
    empty.write_text("")
    patterns.write_text("|".join(f"({each})" for each in dict.fromkeys(index.patterns)))
    found = _ours(log, scanner)  # compiles what the log needs
    grepped = _grep(patterns, log)[1]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs = [(_time_ours(log, scanner), _time_grep(patterns, log, empty)) for _ in range(ROUNDS)]
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    best = [min(side) * 1000 for side in zip(*pairs, strict=True)]
    detail = (
        f"{best[0]:.0f} ms against {best[1]:.0f} ms at best; {len(index.patterns)} patterns, {LINES} lines, "
        f"{found} found (grep {grepped}), {scanner.engine_name}, memory grew by {grown_mb:.1f} MB"
    )
    return Figure("diagnose", median_ratio(pairs), "times grep -E", LIMIT, detail)


def log_lines() -> Iterator[str]:
    """One in a hundred matches; the others are what clients of MLflow print all day."""
    for number in range(LINES):
        if number % EVERY == 0:
            yield _MATCHING[number // EVERY % len(_MATCHING)]
        else:
            minute, second = number // 60 % 60, number % 60
            yield f"2026/11/20 11:{minute:02}:{second:02} INFO trainer: step {number} loss 0.{number:06} lr 0.001"


def _blocks(log: Path) -> Iterator[bytes]:
    with log.open("rb") as stream:
        while block := stream.read(BLOCK):
            yield block


def _ours(log: Path, scanner: Scanner) -> int:
    return len({hit.line for hit in scanner.scan(_blocks(log))})


def _time_ours(log: Path, scanner: Scanner) -> float:
    begun = time.perf_counter()
    _ours(log, scanner)
    return time.perf_counter() - begun


def _time_grep(patterns: Path, log: Path, empty: Path) -> float:
    return max(_grep(patterns, log)[0] - _grep(patterns, empty)[0], 1e-4)


def _grep(patterns: Path, log: Path) -> tuple[float, int]:
    """Its output goes to a file: writing to /dev/null, grep stops at its first match."""
    with log.with_suffix(".out").open("wb") as out:
        begun = time.perf_counter()
        # grep is looked up on PATH, like a person would run it
        command = ["grep", "-E", "-f", str(patterns), str(log)]
        subprocess.run(command, stdout=out, check=False, env={**os.environ, "LC_ALL": "C"})  # noqa: S603
        took = time.perf_counter() - begun
    return took, log.with_suffix(".out").read_bytes().count(b"\n")
