"""A child process of the laboratory: what it prints is kept, every wait is bounded, and it always ends.

It leads a process group of its own, so that what *it* starts (workers) ends with it.
"""

import contextlib
import os
import pwd
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class LabFailure(AssertionError):
    """The laboratory itself did not work; says nothing about Steward."""


def wait_until(holds: Callable[[], bool], within_s: float, what: str, child: "Child | None" = None) -> None:
    """A failure shows the last words of the `child` that was waited for."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise LabFailure(f"waited {within_s:g} s in vain for {what}" + (f":\n{child.tail()}" if child else ""))
        time.sleep(0.05)


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def account_for_databases() -> str | None:
    """Database servers refuse to run as root: they get Debian's account for one. None: we are nobody special."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise LabFailure("there is no account `postgres`; run tests/real/setup_servers.sh") from None


_LIVE: list["Child"] = []


def stop_all() -> None:
    """The last word: whatever a failed start or a cut-off test left running, newest first."""
    while _LIVE:
        _LIVE[-1].stop(grace_s=3)


class Child:
    def __init__(
        self, command: Sequence[object], *, env: Mapping[str, str], cwd: Path, user: str | None = None
    ) -> None:
        # Not text mode: a server may print anything, and a broken byte must not end the reading.
        self._process = subprocess.Popen(  # noqa: S603  the laboratory's own commands
            [str(part) for part in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user and pwd.getpwnam(user).pw_gid,
            extra_groups=[] if user else None,
        )
        _LIVE.append(self)
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.decode(errors="replace").rstrip("\r\n"))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def lines(self, since: int = 0) -> list[str]:
        return self._lines[since:]

    def says(self, pattern: str, since: int = 0) -> bool:
        return any(re.search(pattern, line) for line in self.lines(since))

    def wait_for_line(self, pattern: str, within_s: float, since: int = 0) -> None:
        wait_until(lambda: self.says(pattern, since) or self._over(), within_s, f"the line {pattern!r}", self)
        if not self.says(pattern, since):
            raise LabFailure(f"ended with {self.exit_code} before it said {pattern!r}:\n{self.tail(since)}")

    def settle(self, quiet_s: float = 0.4, within_s: float = 5) -> None:
        """An answer can come before the lines about it: wait until nothing more is said."""
        deadline = time.monotonic() + within_s
        count = -1
        while count != len(self._lines) and time.monotonic() < deadline:
            count = len(self._lines)
            time.sleep(quiet_s)

    def wait_for_end(self, within_s: float) -> int:
        try:
            code = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise LabFailure(f"still running after {within_s:g} s:\n{self.tail()}") from None
        self._reader.join(2)
        return code

    def tail(self, since: int = 0) -> str:
        return "\n".join(self.lines(since)[-15:])

    def _over(self) -> bool:
        if self.exit_code is None:
            return False
        self._reader.join(2)
        return True

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def stop(self, first: signal.Signals = signal.SIGTERM, grace_s: float = 5) -> None:
        """Ask the leader, give it `grace_s`, then end whatever is left of the group."""
        if self.exit_code is None:
            self._process.send_signal(first)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(5)
        self._reader.join(2)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
        if self in _LIVE:
            _LIVE.remove(self)
