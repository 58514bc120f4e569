"""Holds the house rules that no linter knows: where boto3 lives, no patching of our own code, sizes, names."""

import ast
import functools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_LINES = 300

_SKIPPED = {".git", ".steward", ".hypothesis", "build", "dist", "node_modules"}
_AWS_HOMES = ("chalicelib/aws/", "chalicelib/store/dynamodb.py", "steward/", "tests/")
_BOUNDARIES = ("chalicelib/handlers/", "chalicelib/engine/executor.py", "steward/cli/")
_NO_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc"}

Rule = Callable[[str, str], list[str]]
"""(path, source) to the lines that break it."""


parsed = functools.cache(ast.parse)
"""Each rule looks at every file: read once."""


@functools.cache
def nodes(source: str) -> list[ast.AST]:
    return list(ast.walk(parsed(source)))


def project_files(*suffixes: str) -> Iterator[tuple[str, str]]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(
            f
            for f in folders
            if f not in _SKIPPED and not f.startswith(".venv") and not f.endswith(("_cache", "_pycache__", ".egg-info"))
        )
        for path in sorted(Path(folder) / name for name in names):
            if path.suffix in suffixes or path.name in suffixes:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def boto3_outside_its_home(path: str, source: str) -> list[str]:
    """`clean` of types too: a mypy stub is imported where the gateway is, or not at all."""
    if path.startswith(_AWS_HOMES):
        return []
    found = []
    for node in nodes(source):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        # wiring reads boto3's version and makes the one Session
        allowed = {"boto3"} if path == "chalicelib/wiring.py" else set()
        roots = {name.split(".")[0] for name in names} - allowed
        if any(root in {"boto3", "botocore"} or root.startswith(("mypy_boto3", "types_boto3")) for root in roots):
            found.append(f"{path}:{node.lineno}: boto3 lives in chalicelib/aws/ and store/dynamodb.py")  # type: ignore[attr-defined]
    return found


def patching_our_code(path: str, source: str) -> list[str]:
    """Inject instead. monkeypatch.setenv and chdir are about the machine and stay allowed."""
    found = []
    for node in nodes(source):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if set(names) & {"unittest.mock", "mock", "pytest_mock"}:
            found.append(f"{path}:{node.lineno}: no mocks, write a twin and inject it")  # type: ignore[attr-defined]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in {"monkeypatch.setattr", "monkeypatch.delattr", "monkeypatch.setitem"} or called.endswith(
                "mock.patch"
            ):
                found.append(f"{path}:{node.lineno}: {called}: inject instead of patching")
    return found


def broad_except_without_reason(path: str, source: str) -> list[str]:
    if path.startswith((*_BOUNDARIES, "tests/")):
        return []
    lines = source.splitlines()
    found = []
    for node in nodes(source):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = ast.unparse(node.type) if node.type else "everything"
        is_broad = bool(re.search(r"\b(everything|Exception|BaseException)\b", caught))
        around = "\n".join(lines[max(0, node.lineno - 2) : node.lineno + 1])
        if is_broad and not re.search(r"#\s*boundary:\s*\S", around):
            found.append(f"{path}:{node.lineno}: except {caught} without `# boundary: reason`")
    return found


def too_long(path: str, source: str) -> list[str]:
    shipped = path.startswith(("chalicelib/", "steward/")) or path == "app.py"
    length = len(source.splitlines())
    return (
        [f"{path}: {length} lines, more than {MAX_LINES}: split it by noun"] if shipped and length > MAX_LINES else []
    )


def left_for_later(path: str, source: str) -> list[str]:
    marks = ("TO" + "DO", "FIX" + "ME", "X" + "XX", "HACK")
    pattern = re.compile(rf"\b({'|'.join(marks)})\b")
    return [f"{path}:{n}: {line.strip()}" for n, line in enumerate(source.splitlines(), 1) if pattern.search(line)]


def empty_names(path: str, source: str) -> list[str]:
    """`utils`, `helpers`, `common`, `manager`, `base` say nothing: name the thing."""
    parts = [part for piece in path.removesuffix(".py").split("/") for part in piece.split("_")]
    found = [f"{path}: names nothing: {part}" for part in parts if part in _NO_NAMES]
    for node in nodes(source):
        if isinstance(node, ast.ClassDef):
            words = {word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", node.name)}
            found += [f"{path}:{node.lineno}: class {node.name}: name the thing" for _ in words & _NO_NAMES]
    return found


def machine_paths(path: str, source: str) -> list[str]:
    """What is committed works on any machine: no home directory, nothing beside the checkout."""
    pattern = re.compile(r"(?<![\w.~*-])/(?:home|root|Users|work)/\w|\.\./shared\b")
    return [
        f"{path}:{n}: {line.strip()[:100]}" for n, line in enumerate(source.splitlines(), 1) if pattern.search(line)
    ]


def work_at_import(path: str, source: str) -> list[str]:
    """No client, environment or file at module level in what Lambda loads (a cold start pays for it)."""
    if not path.startswith("chalicelib/") and path != "app.py":
        return []
    work = re.compile(
        r"\bos\.(environ|getenv)|\bopen\(|\.read_text\(|boto3\.(client|resource|Session)\("
        r"|^import (yaml|boto3)|^from (yaml|boto3)"
    )
    found = []
    for node in parsed(source).body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        text = ast.unparse(node)
        if work.search(text):
            found.append(f"{path}:{node.lineno}: {text.splitlines()[0]}")
    return found


RULES: list[Rule] = [
    boto3_outside_its_home, patching_our_code, broad_except_without_reason, too_long, left_for_later, empty_names,
    work_at_import,
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    sources = [(path, source) for path, source in project_files(".py") if path != "tests/unit/test_house.py"]
    found = [line for path, source in sources for line in rule(path, source)]
    assert not found, "\n" + "\n".join(found)


def test_no_committed_file_names_a_machine_s_path() -> None:
    files = project_files(".py", ".md", ".yml", ".yaml", ".json", ".toml", ".txt", "Makefile", "run")
    found = [
        line for path, source in files if path != "tests/unit/test_house.py" for line in machine_paths(path, source)
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (boto3_outside_its_home, "chalicelib/flows/x.py", "import boto3"),
        (boto3_outside_its_home, "chalicelib/engine/x.py", "def f():\n    from botocore.config import Config"),
        (boto3_outside_its_home, "chalicelib/steps/x.py", "from mypy_boto3_ecs import ECSClient"),
        (patching_our_code, "tests/unit/x.py", "from unittest.mock import patch"),
        (patching_our_code, "tests/unit/x.py", "def test(monkeypatch):\n    monkeypatch.setattr('chalicelib.x', 1)"),
        (broad_except_without_reason, "chalicelib/flows/x.py", "try:\n    f()\nexcept Exception:\n    pass"),
        (
            broad_except_without_reason,
            "chalicelib/flows/x.py",
            "try:\n    f()\nexcept (KeyError, Exception):\n    pass",
        ),
        (broad_except_without_reason, "chalicelib/flows/x.py", "try:\n    f()\nexcept:\n    pass"),
        (too_long, "chalicelib/x.py", "a = 1\n" * (MAX_LINES + 1)),
        (left_for_later, "chalicelib/x.py", "# TO" + "DO: later"),
        (empty_names, "chalicelib/aws/utils.py", ""),
        (empty_names, "chalicelib/aws/ecs_helpers.py", ""),
        (empty_names, "chalicelib/aws/x.py", "class RunManager:\n    pass"),
        (machine_paths, "docs/x.md", "see /ro" + "ot/notes"),
        (work_at_import, "chalicelib/x.py", "import os\nTABLE = os.environ['TABLE']"),
        (work_at_import, "chalicelib/x.py", "import yaml"),
    ],
)
def test_a_broken_rule_is_found(rule: Rule, path: str, source: str) -> None:
    assert rule(path, source)


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (boto3_outside_its_home, "chalicelib/aws/ecs.py", "import boto3"),
        (patching_our_code, "tests/unit/x.py", "def test(monkeypatch):\n    monkeypatch.setenv('A', 'b')"),
        (broad_except_without_reason, "chalicelib/flows/x.py", "try:\n    f()\nexcept KeyError:\n    pass"),
        (
            broad_except_without_reason,
            "chalicelib/x.py",
            "try:\n    f()\nexcept Exception:  # boundary: a reason\n    pass",
        ),
        (broad_except_without_reason, "chalicelib/engine/executor.py", "try:\n    f()\nexcept Exception:\n    pass"),
        (too_long, "chalicelib/x.py", "a = 1\n" * MAX_LINES),
        (empty_names, "chalicelib/models/run.py", "class Run(BaseModel):\n    pass"),
        (machine_paths, "docs/x.md", "requests to /api/wo" + "rk and ~/wo" + "rk/x"),
        (work_at_import, "chalicelib/x.py", "def f():\n    import boto3\n    return boto3.client('s3')"),
    ],
)
def test_what_keeps_the_rule_is_left_alone(rule: Rule, path: str, source: str) -> None:
    assert rule(path, source) == []


def requirement_lines(name: str) -> list[str]:
    lines = (ROOT / name).read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly_and_no_index_is_named(name: str) -> None:
    for line in requirement_lines(name):
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line), f"{name}: {line!r} is no exact pin"
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", (ROOT / name).read_text())


def test_what_lambda_gets_is_small_and_brings_no_boto3() -> None:
    names = {line.split("==")[0].lower() for line in requirement_lines("requirements.txt")}
    assert not names & {"boto3", "botocore", "chalice", "moto", "rich", "pyyaml"}
    dev = {line.split("==")[0].lower() for line in requirement_lines("requirements-dev.txt")}
    assert not names & dev, "pinned twice, so the two could disagree"
