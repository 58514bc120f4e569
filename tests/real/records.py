"""One record a fault, in the shape that `steward diagnose --cases` reads: `signals` is all a diagnosis may see.

A recording is what was printed, less what differs from machine to machine and day to day: times, places,
ports and process numbers. The order and every word that carries meaning stay.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from tests.real.faults.fault import Fault, Seen
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.tools import LAB_VENV

Record = dict[str, object]
_BEGAN = datetime(2026, 1, 1, 12, 0, 0)  # noqa: DTZ001  log lines carry no zone either
_TIME = re.compile(r"\b(\d{4})([/-])(\d\d)[/-](\d\d)([ T])(\d\d:\d\d:\d\d)")
_PROCESS = re.compile(r"(rocess \[|\+0000\] \[|pid: ?|http://[\d.:]+ \()(\d+)")
_CLIENT = re.compile(r"127\.0\.0\.1:\d+ - \"")
_MOST_LINES = 150


def record(fault: Fault, seen: Seen) -> Record:
    return {
        "id": fault.name,
        "signals": {
            "logs": seen.logs,
            "ecs_stopped_reason": None,
            "exit_code": seen.exit_code,
            "http": seen.http.as_signal() if seen.http else None,
        },
        "root_cause": fault.cause,
        "also_acceptable": list(fault.also),
    }


def normalised(made: Record, lab: Laboratory) -> Record:
    signals = made["signals"]
    assert isinstance(signals, dict)
    tell = _teller(lab)
    http = signals["http"]
    told = http and http | {"body": tell(http["body"])}
    lines = [tell(line) for line in _without_source(signals["logs"])]
    return made | {"signals": signals | {"logs": _middle_left_out(lines), "http": told}}


def write(path: Path, records: Iterable[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(each, ensure_ascii=False) for each in records]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _without_source(lines: list[str]) -> list[str]:
    """A traceback's frames stay; the line of source under each, and its marks, say nothing about a cause."""
    return [line for line in lines if not re.match(r"^    +(?!File )\S", line) or "retried" in line]


def _middle_left_out(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_LINES:
        return lines
    half = _MOST_LINES // 2
    return [*lines[:half], *lines[-half:]]


def _teller(lab: Laboratory) -> Callable[[str], str]:
    """Remembers the first time and the process numbers it met, so that one record stays consistent in itself."""
    first: list[datetime] = []
    processes: dict[str, str] = {}
    places = _places(lab)

    def moment(found: re.Match[str]) -> str:
        year, dash, month, day, between, clock = found.groups()
        at = datetime.fromisoformat(f"{year}-{month}-{day}T{clock}")
        first[:] = first or [at]
        told = _BEGAN + timedelta(seconds=max(0.0, (at - first[0]).total_seconds()))
        return told.strftime(f"%Y{dash}%m{dash}%d{between}%H:%M:%S")

    def process(found: re.Match[str]) -> str:
        return found[1] + processes.setdefault(found[2], str(100 + len(processes)))

    def tell(text: str) -> str:
        for place, told in places:
            text = text.replace(place, told)
        text = re.sub(r"/tmp/tmp\w+", "/tmp/upload", text)
        text = _TIME.sub(moment, text)
        text = _CLIENT.sub('127.0.0.1:40000 - "', text)
        text = _PROCESS.sub(process, text)
        return _ports(lab, text)

    return tell


def _places(lab: Laboratory) -> list[tuple[str, str]]:
    """Longest first: the laboratory's home may lie below another of them."""
    known = {
        str(LAB_VENV): "/opt/venv",
        str(lab.home): "/srv/mlflow",
        str(Path(sys.base_prefix).resolve()): "/usr/local",
        sys.base_prefix: "/usr/local",
        str(Path.home()): "/srv/account",
    }
    return sorted(known.items(), key=lambda item: -len(item[0]))


def _ports(lab: Laboratory, text: str) -> str:
    for port, usual in lab.ports().items():
        text = re.sub(rf"\b{port}\b", str(usual), text)
    return text
