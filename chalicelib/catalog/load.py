"""Text to Runbook and Stack, and the compiled JSON that Lambda reads instead of YAML.

Pure: text comes in as an argument; who opens files is wiring and the CLI.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from chalicelib.documents import Document, read_yaml
from chalicelib.errors import DocumentError, DocumentErrors, UnknownName
from chalicelib.models.mistakes import Path
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import MlflowAuth, OneFreeze, Stack

FORMAT = 1


@dataclass(frozen=True)
class Catalog:
    """All that Steward knows by name. Built once by wiring; never changes while it runs."""

    runbooks: Mapping[str, Runbook] = field(default_factory=dict)
    stacks: Mapping[str, Stack] = field(default_factory=dict)

    @classmethod
    def of(cls, runbooks: Iterable[Runbook] = (), stacks: Iterable[Stack] = ()) -> "Catalog":
        return cls({r.runbook: r for r in runbooks}, {s.stack: s for s in stacks})

    @classmethod
    def from_json(cls, compiled: Mapping[str, Any], stacks: Iterable[Stack] = ()) -> "Catalog":
        """The other end of `compile_catalog`."""
        if compiled.get("format") != FORMAT:
            what = f"format {compiled.get('format')} is not the {FORMAT} that this version reads; package again"
            raise DocumentError("compiled runbooks", what)
        try:
            return cls.of((Runbook.model_validate(body) for body in compiled["runbooks"]), stacks)
        except (ValidationError, KeyError, TypeError) as exc:
            raise DocumentError("compiled runbooks", "not what packaging writes; package again") from exc

    def runbook(self, name: str) -> Runbook:
        if name not in self.runbooks:
            raise UnknownName("runbook", name, list(self.runbooks))
        return self.runbooks[name]

    def stack(self, name: str) -> Stack:
        if name not in self.stacks:
            raise UnknownName("stack", name, list(self.stacks))
        return self.stacks[name]


def compile_catalog(runbooks: Iterable[Runbook]) -> dict[str, Any]:
    """What packaging ships: in name order, so that the same runbooks give the same bytes."""
    ordered = sorted(runbooks, key=lambda r: r.runbook)
    return {"format": FORMAT, "runbooks": [r.model_dump(mode="json", exclude_unset=True) for r in ordered]}


def read_runbook(text: str | bytes, file: str) -> tuple[Runbook, Document]:
    """With its document, for the linter, which needs the lines."""
    document = read_yaml(text, file)
    runbook = document.build(Runbook)
    _refuse(document, _name_mistakes(file, "runbook", runbook.runbook))
    return runbook, document


def load_runbook(text: str | bytes, file: str) -> Runbook:
    return read_runbook(text, file)[0]


def load_stack(text: str | bytes, file: str) -> Stack:
    document = read_yaml(text, file)
    stack = document.build(Stack)
    _refuse(document, [*_name_mistakes(file, "stack", stack.stack), *_stack_mistakes(stack)])
    return stack


_Mistakes = list[tuple[Path, str]]


def _refuse(document: Document, found: _Mistakes) -> None:
    if found:
        errors = [document.mistake(path, what) for path, what in found]
        raise DocumentErrors(sorted(errors, key=lambda e: (e.line or 0, e.column or 0)))


def _name_mistakes(file: str, kind: str, name: str) -> _Mistakes:
    path = PurePosixPath(file)
    if path.suffix not in {".yml", ".yaml"} or path.stem == name:
        return []
    return [((kind,), f"is `{name}`, but the file is {path.name}; write `{kind}: {path.stem}` or rename the file")]


def _stack_mistakes(stack: Stack) -> _Mistakes:
    return [*_address_mistakes(stack), *_part_mistakes(stack), *_freeze_mistakes(stack)]


def _address_mistakes(stack: Stack) -> _Mistakes:
    found: _Mistakes = []
    if stack.url is not None and not stack.url.startswith(("http://", "https://")):
        found.append((("url",), f"must begin with http:// or https://; got {stack.url!r}"))
    if stack.url is not None and "@" in stack.url.split("//")[-1].split("/")[0]:
        found.append((("url",), "holds credentials; write them in Secrets Manager and name it in `mlflow.adminSecret`"))
    if stack.role is not None and stack.account is None:
        found.append((("role",), 'needs the account that the role is in; write `account: "…"`'))
    return found


def _part_mistakes(stack: Stack) -> _Mistakes:
    found: _Mistakes = []
    if stack.mlflow.auth is MlflowAuth.BASIC and stack.mlflow.admin_secret is None:
        what = "is basic, so Steward needs to log in; write `adminSecret:` with the name of the secret"
        found.append((("mlflow", "auth"), what))
    if stack.database is not None and (stack.database.instance is None) == (stack.database.cluster is None):
        found.append((("database",), "needs either `instance:` or `cluster:` (Aurora), and not both"))
    for place, topic in enumerate(stack.topics):
        if not topic.startswith("arn:"):
            found.append((("topics", place), f"must be the ARN of an SNS topic, like arn:aws:sns:…; got {topic!r}"))
    return found


def _freeze_mistakes(stack: Stack) -> _Mistakes:
    found: _Mistakes = []
    for place, window in enumerate(stack.freeze):
        if isinstance(window, OneFreeze):
            if window.until <= window.start:
                found.append((("freeze", place, "until"), "must be later than `from`"))
        elif not is_timezone(window.timezone):
            what = f"no time zone named {window.timezone!r}; write one like Europe/London or UTC"
            found.append((("freeze", place, "timezone"), what))
    return found


def is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a name at all, or a folder like `Europe`
        return False
    return True
