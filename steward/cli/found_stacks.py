"""What was discovered, as files: each is written once, and none that is there is ever touched."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from chalicelib.catalog.load import load_stack
from chalicelib.errors import DocumentError, DocumentErrors
from steward.cli.folders import yaml_files

Json = dict[str, Any]


def keep_found(said: Json, out: Path, *, write: bool) -> Json:
    """`file` is where each one is, `written` whether this call put it there, `why_not` says why it did not."""
    cared_for = dict(_cared_for(out)) if out.is_dir() else {}
    return {**said, "found": [_keep(each, out, cared_for, write=write) for each in said["found"]]}


def _cared_for(out: Path) -> Iterator[tuple[str, Path]]:
    for path in yaml_files(out):
        try:
            yield load_stack(path.read_bytes(), str(path)).service_ref, path
        except (DocumentError, DocumentErrors):
            continue  # `stacks check-file` says what is wrong with it


def _keep(found: Json, out: Path, cared_for: dict[str, Path], *, write: bool) -> Json:
    path = out / f"{found['stack']}.yml"
    if found["service"] in cared_for:
        return {
            **found,
            "file": str(cared_for[found["service"]]),
            "written": False,
            "why_not": "it is cared for already",
        }
    if not write:
        return {**found, "file": str(path), "written": False, "why_not": "only shown"}
    out.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(found["text"])
    except FileExistsError:
        return {
            **found,
            "file": str(path),
            "written": False,
            "why_not": "there is a file of this name, and it stays as it is",
        }
    return {**found, "file": str(path), "written": True, "why_not": None}


def draw_found(said: Json) -> Iterable[str]:
    looked, serving = said["looked_at"], len(said["found"])
    seen = f"{looked['services']} ECS services in {len(looked['clusters'])} clusters"
    yield f"account {said['account']}, {said['region']}: {seen}, of which {serving} serve MLflow"
    yield from (f"  not read: {line}" for line in said["not_read"])
    for each in said["found"]:
        yield ""
        if each["why_not"] == "only shown":
            yield from each["text"].splitlines()
            continue
        state = "written" if each["written"] else f"not written: {each['why_not']}"
        yield f"{each['file']}: {state}"
        yield f"  sure of {len(each['sure'])} values; guessed, so check them:"
        yield from (f"    {line['key']}: {_short(line['value'])}  ({line['why']})" for line in each["guessed"])
        yield from (f"    open, {line['key']}: {line['why']}" for line in each["open"])
        yield from (f"    to mend: {line}" for line in each["mistakes"])


def _short(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
