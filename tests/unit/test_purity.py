"""Holds DESIGN's purity table: rooms that decide get time, ids and jitter as arguments and do no I/O."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PURE = [
    "chalicelib/models",
    "chalicelib/redact.py",
    "chalicelib/signals",
    "chalicelib/catalog",
    "chalicelib/guards",
    "chalicelib/diagnosis",
    "chalicelib/engine/conductor.py",
    "chalicelib/engine/transitions.py",
    "chalicelib/backup/diff.py",
    "chalicelib/steps/checks.py",
    "chalicelib/notify/compose.py",
    "chalicelib/notify/inert.py",
    "chalicelib/notify/phrases.py",
    "chalicelib/notify/render.py",
    "chalicelib/notify/sections.py",
    "chalicelib/notify/slack_blocks.py",
]

IMPURE_MODULES = {
    "boto3", "botocore", "aws_lambda_powertools", "moto", "os", "sys", "io", "time", "random", "secrets", "socket",
    "ssl", "http", "urllib.request", "urllib3", "requests", "subprocess", "shutil", "tempfile", "threading", "glob",
    "chalicelib.clock", "chalicelib.aws", "chalicelib.net", "chalicelib.store", "chalicelib.settings",
}  # fmt: skip
IMPURE_CALLS = {
    "open", "input", "print", "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4", "Path.cwd", "Path.home",
}  # fmt: skip
IMPURE_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "rglob", "mkdir", "unlink"}


def impurities(source: str, name: str = "snippet") -> list[str]:
    lines = source.splitlines()
    tree = ast.parse(source)
    bad = [node for node in ast.walk(tree) if _is_impure(node)]
    return [f"{name}:{node.lineno}: {lines[node.lineno - 1].strip()}" for node in bad]  # type: ignore[attr-defined]


def _is_impure(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(_impure_module(alias.name) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        origin = node.module or ""
        return any(_impure_module(f"{origin}.{alias.name}") for alias in node.names)
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        # `datetime.datetime.now` and `dt.datetime.now` end alike
        ends = {called, ".".join(called.split(".")[-2:])}
        is_method = isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_METHODS
        return bool(ends & IMPURE_CALLS) or is_method
    return False


def _impure_module(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:n]) in IMPURE_MODULES for n in range(1, len(parts) + 1))


def pure_files() -> list[Path]:
    files: list[Path] = []
    for entry in PURE:
        path = ROOT / entry
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.exists() else []
    return files


def test_the_pure_rooms_are_pure() -> None:
    found = [line for path in pure_files() for line in impurities(path.read_text(), str(path.relative_to(ROOT)))]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "snippet",
    [
        "import boto3",
        "from botocore.exceptions import ClientError",
        "import os\nx = os.environ['HOME']",
        "from os import environ",
        "import time",
        "import random",
        "def f():\n    import socket",
        "from urllib.request import urlopen",
        "from datetime import datetime\nnow = datetime.now()",
        "import datetime\nnow = datetime.datetime.now(datetime.UTC)",
        "from datetime import date\nd = date.today()",
        "import uuid\ni = uuid.uuid4()",
        "from uuid import uuid4\ni = uuid4()",
        "def f(p):\n    return open(p)",
        "def f(p):\n    return p.read_text()",
        "from chalicelib.clock import RealClock",
        "from chalicelib import clock",
    ],
)
def test_an_impurity_is_found(snippet: str) -> None:
    assert impurities(snippet)


@pytest.mark.parametrize(
    "snippet",
    [
        "from datetime import UTC, datetime, timedelta\ndef f(now: datetime):\n    return now + timedelta(seconds=1)",
        "from urllib.parse import urlsplit",
        "def f(clock):\n    return clock.now()",
        "import re, json, hashlib",
        "x = 'open the door'",
    ],
)
def test_what_is_pure_is_left_alone(snippet: str) -> None:
    assert impurities(snippet) == []


def test_a_found_impurity_is_told_with_its_line() -> None:
    assert impurities("a = 1\nimport boto3\n", "x.py") == ["x.py:2: import boto3"]
