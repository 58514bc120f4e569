"""Pruning 250 of 500 snapshots: calls against the fewest there can be, time and memory against Cloud Custodian.

Each in a process of its own, import and all, against the same stub server; in turns, so that what
slows the machine slows both. Ours is what is deployed: the unpacked zip, with its own libraries and models.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from chalicelib.errors import StewardError
from steward.bench.figures import Figure, median_ratio
from steward.bench.peak import run_whole
from steward.bench.rds_stub_server import DATABASE
from steward.cli.folders import PROJECT, read_runbooks, read_stacks
from steward.packaging.package import package

SNAPSHOTS, KEEP = 500, 250
ROUNDS = 5
CALLS_LIMIT, TIME_LIMIT, MEMORY_LIMIT = 1.02, 0.6, 0.5
CUSTODIAN = "c7n==0.9.53"
FEWEST = SNAPSHOTS // 100 + (SNAPSHOTS - KEEP)
"""Every snapshot has been listed once, a hundred a page, and each that goes has been asked to go."""
_STACK = "bench-mlflow"
_POLICY = f"""
policies:
  - name: prune
    resource: aws.rds-snapshot
    filters:
      - {{type: value, key: DBInstanceIdentifier, value: {DATABASE}}}
      - {{type: age, days: {KEEP}, op: gt}}
    actions: [delete]
"""


@dataclass(frozen=True)
class Measured:
    seconds: float
    megabytes: float
    calls: int


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "steward.bench.rds_stub_server", str(SNAPSHOTS), _STACK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own module
        try:
            assert server.stdout is not None  # noqa: S101 - asked for above
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> Measured:
    """Against a server of its own, which must hold exactly the right ones afterwards."""
    with _server() as url, (folder / "said.txt").open("w") as said:
        keys = {
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "eu-west-2",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": url,
            "HOME": str(folder),
        }
        whole = run_whole(command, folder, {**(environment or {}), **keys, "PATH": os.environ.get("PATH", "")}, said)
        with urllib.request.urlopen(f"{url}/counts") as answer:  # noqa: S310 - the stub above
            told = json.load(answer)
    kept = [f"steward-r-{n:04d}-snapshot" for n in range(KEEP)]
    if whole.code or told["left"] != kept:
        why = (folder / "said.txt").read_text()[-400:]
        raise StewardError(f"{command[0]} left {len(told['left'])} of {KEEP}, exit {whole.code}: {why}")
    return Measured(whole.seconds, whole.peak_kb / 1024, sum(told["counts"].values()))


def _install(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(folder / "c7n")], check=True, capture_output=True)  # noqa: S603
    command = [str(folder / "c7n/bin/pip"), "install", "--quiet", "--disable-pip-version-check", CUSTODIAN]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - a pinned package
    if done.returncode:
        raise StewardError(f"Cloud Custodian cannot be installed: {done.stderr.strip()[-300:]}")
    return folder / "c7n/bin/custodian"


def prune_figures() -> tuple[Figure, Figure, Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        custodian = str(_install(folder))
        (folder / "policy.yml").write_text(_POLICY)
        built = package(PROJECT, "dev", folder / "package", read_stacks(), read_runbooks())
        with zipfile.ZipFile(built.archive) as zipped:
            zipped.extractall(folder / "deployed")
        where = os.pathsep.join((str(folder / "deployed"), str(PROJECT)))  # the second for this bench itself
        ours = [sys.executable, "-m", "steward.bench.prune_run", str(SNAPSHOTS), str(KEEP), DATABASE]
        theirs = [custodian, "run", "-s", str(folder / "out"), str(folder / "policy.yml"), "--region", "eu-west-2"]
        theirs += ["--cache-period", "0"]  # each run lists anew, as ours does
        pairs = [(_run(ours, folder, {"PYTHONPATH": where}), _run(theirs, folder)) for _ in range(ROUNDS)]
    return figures(pairs)


def figures(pairs: list[tuple[Measured, Measured]]) -> tuple[Figure, Figure, Figure]:
    calls = max(own.calls for own, _ in pairs)
    own_s, their_s = (median(pair[n].seconds for pair in pairs) for n in (0, 1))
    own_mb, their_mb = (median(pair[n].megabytes for pair in pairs) for n in (0, 1))
    their_calls = max(their.calls for _, their in pairs)
    what = f"{SNAPSHOTS - KEEP} of {SNAPSHOTS} snapshots, {CUSTODIAN}"
    return (
        Figure(
            "prune-calls", round(calls / FEWEST, 4), "x the fewest calls", CALLS_LIMIT,
            f"{calls} calls, the fewest are {FEWEST}; {CUSTODIAN} makes {their_calls}",
        ),
        Figure(
            "prune-time", median_ratio([(own.seconds, their.seconds) for own, their in pairs]), "x Cloud Custodian",
            TIME_LIMIT, f"{what}: {own_s:.2f} s against {their_s:.2f} s, both with their start-up",
        ),
        Figure(
            "prune-memory", median_ratio([(own.megabytes, their.megabytes) for own, their in pairs]),
            "x Cloud Custodian", MEMORY_LIMIT, f"{what}: {own_mb:.0f} MB against {their_mb:.0f} MB at the most",
        ),
    )  # fmt: skip
