"""Holds DESIGN's layer table: who may import whom, read from the source and not from a running program.

Imports count wherever they stand (in functions, under TYPE_CHECKING): a type is a dependency too.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LAYERS = {
    # 0: shapes and ground; decision note 0001 says why `redact` is here
    **dict.fromkeys(["models", "documents", "errors", "settings", "clock", "observability", "redact"], 0),
    # 1: each knows one thing; siblings never import each other
    **dict.fromkeys(["aws", "net", "store", "signals", "catalog", "guards", "diagnosis", "backup"], 1),
    **dict.fromkeys(["steps", "notify"], 2),
    "engine": 3,
    "flows": 4,
    "handlers": 5,
    **dict.fromkeys(["app", "wiring", "steward"], 6),
}
HANDLERS_MAY = {"flows", "models", "errors", "handlers", "observability"}
APP_MAY = {"handlers", "wiring"}


def room_of(module: str) -> str | None:
    """`chalicelib.store.table` is in room `store`; None for anything outside the project."""
    first, _, rest = module.partition(".")
    if first == "chalicelib":
        return rest.split(".")[0] or None
    return first if first in {"app", "steward"} else None


def imported_modules(source: str, module: str) -> Iterator[tuple[int, str]]:
    package = module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:  # a relative import, written out
                origin = ".".join([*package[: len(package) - node.level + 1], *([origin] if origin else [])])
            # `from chalicelib import models` names the room only in what it imports
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def violations(source: str, module: str) -> list[str]:
    here = room_of(module)
    if here is None:  # chalicelib/__init__.py belongs to no room and imports nothing of ours
        return [
            f"{module}:{line}: the package root imports {name}"
            for line, name in imported_modules(source, module)
            if room_of(name)
        ]
    found = []
    for line, name in imported_modules(source, module):
        there = room_of(name)
        if there is None or there == here:
            continue
        if why := _forbidden(here, there):
            found.append(f"{module}:{line}: {here} imports {there}: {why}")
    return found


def _forbidden(here: str, there: str) -> str | None:
    unknown = [room for room in (here, there) if room not in LAYERS]
    if unknown:
        return f"room {unknown[0]} is not in the layer table"
    low, high = LAYERS[here], LAYERS[there]
    rules = [
        (there == "steward", "steward is the operator's tool and is never shipped"),
        (here == "app" and there not in APP_MAY, f"app.py registers blueprints; it may import {sorted(APP_MAY)}"),
        (
            here == "handlers" and there not in HANDLERS_MAY,
            f"handlers receive flows; they may import {sorted(HANDLERS_MAY)}",
        ),
        (low == high and low not in {0, 6}, "siblings never import each other"),
        (low < high, f"layer {low} may not look up to layer {high}"),
    ]
    return next((why for broken, why in rules if broken), None)


def project_modules() -> list[tuple[str, Path]]:
    files = [path for top in ("chalicelib", "steward") for path in (ROOT / top).rglob("*.py")]
    files += [path for path in [ROOT / "app.py"] if path.exists()]
    return [
        (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path)
        for path in sorted(files)
    ]


def test_every_import_goes_down_the_layers() -> None:
    found = [line for module, path in project_modules() for line in violations(path.read_text(), module)]
    assert not found, "\n" + "\n".join(found)


def module_graph() -> dict[str, set[str]]:
    """What each module imports when it is loaded: its own top level, not functions and not TYPE_CHECKING."""
    modules = dict(project_modules())
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        body = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        top = ast.unparse(ast.Module(body=body, type_ignores=[]))
        names = {name for _, name in imported_modules(top, module)}
        graph[module] = {m for name in names for m in (name, name.rpartition(".")[0]) if m in modules} - {module}
    return graph


def cycle_in(graph: dict[str, set[str]]) -> list[str] | None:
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str] | None:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        found = next((cycle for after in sorted(graph.get(node, ())) if (cycle := visit(after, [*path, node]))), None)
        done.add(node)
        return found

    return next((cycle for node in sorted(graph) if (cycle := visit(node, []))), None)


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert cycle_in(module_graph()) is None


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("chalicelib.models.run", "from chalicelib.store.table import Table"),
        ("chalicelib.signals.alarm", "from chalicelib.catalog import matching"),
        ("chalicelib.store.runs", "import chalicelib.aws.dynamodb"),
        ("chalicelib.store.runs", "from ..net import http"),
        (
            "chalicelib.steps.step",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from chalicelib.engine import plan",
        ),
        ("chalicelib.steps.checks", "def f():\n    from chalicelib.notify import compose"),
        ("chalicelib.flows.ingest", "from chalicelib.handlers import events"),
        ("chalicelib.handlers.events", "from chalicelib.engine import conductor"),
        ("chalicelib.wiring", "from steward.sandbox import world"),
        ("chalicelib.engine.plan", "from chalicelib.helpers import x"),
        ("app", "from chalicelib.flows import ingest"),
    ],
)
def test_an_import_against_the_layers_is_found(module: str, source: str) -> None:
    assert violations(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("chalicelib.store.runs", "from chalicelib.models.run import Run\nfrom chalicelib.errors import StaleWrite"),
        ("chalicelib.store.runs", "from .table import Table"),
        ("chalicelib.notify.channels", "from chalicelib.net.http import HttpPort"),
        ("chalicelib.handlers.events", "from chalicelib.flows.ingest import Ingest\nfrom chalice import Blueprint"),
        ("app", "from chalicelib.handlers.events import events"),
        ("steward.cli.main", "from chalicelib.wiring import wire"),
    ],
)
def test_an_import_down_the_layers_is_allowed(module: str, source: str) -> None:
    assert violations(source, module) == []


def test_a_circle_is_found() -> None:
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None
