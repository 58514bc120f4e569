"""YAML 1.2 core, read from the parser's events so that every bound holds before anything is built."""

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from chalicelib.documents.document import Document
from chalicelib.documents.text import MAX_DEPTH, Place, decoded_text, line_column
from chalicelib.errors import DocumentError
from chalicelib.models.mistakes import Json, Path

if TYPE_CHECKING:
    from yaml import YAMLError
    from yaml.events import CollectionStartEvent, DocumentStartEvent, Event, ScalarEvent

YAML_MAX_BYTES = 256 * 1024
_MAX_INT = 2**63
_MAX_DIGITS = 40
_TOO_LARGE = "the number is too large; if it is an id, write it in quotes"


def read_yaml(text: str | bytes, file: str) -> Document:
    import yaml  # 31 ms that Lambda never pays: it reads JSON only

    source = decoded_text(text, file, YAML_MAX_BYTES)
    if bad := _NOT_IN_YAML.search(source):
        line, column = line_column(source, bad.start())
        what = f"the character U+{ord(bad[0]):04X} cannot stand in YAML here; remove it"
        raise DocumentError(file, what, line=line, column=column)
    reader = _YamlReader(file)
    try:
        for event in yaml.parse(source, Loader=yaml.SafeLoader):
            reader.take(event)
    except (yaml.YAMLError, ValueError, OverflowError) as exc:  # PyYAML lets chr() and int() errors through
        raise _yaml_mistake(file, exc, reader.at) from exc
    return Document(file, reader.data, reader.places)


# Control characters, the line breaks of YAML 1.1 that editors do not count, halves of surrogate
# pairs, and the direction marks that make a line read otherwise than it runs.
_NOT_IN_YAML = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_NOT_IN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def core_scalar(text: str) -> Json:
    """What a plain scalar is in YAML 1.2's core schema; ValueError for numbers that JSON cannot hold."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise ValueError(_TOO_LARGE)
        number = int(text[2:], {"o": 8, "x": 16}[text[1]]) if text[1:2] in ("o", "x") else int(text)
        if abs(number) >= _MAX_INT:
            raise ValueError(_TOO_LARGE)
        return number
    if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and not math.isfinite(float(text))):
        raise ValueError("infinite numbers and NaN cannot be used; write a finite number")
    return float(text) if _FLOAT.fullmatch(text) else text


@dataclass(slots=True)
class _Frame:
    path: Path
    container: dict[str, Json] | list[Json]
    key: str | None = None
    """In a mapping: the key whose value comes next; None means that a key comes next."""


@dataclass
class _YamlReader:
    """Takes the parser's events one by one, so that every bound holds before anything is built."""

    file: str
    data: Json = None
    places: dict[Path, Place] = field(default_factory=dict)
    documents: int = 0
    stack: list[_Frame] = field(default_factory=list)
    at: Place = (1, 1)

    def take(self, event: "Event") -> None:
        from yaml import events

        self.at = _place(event)
        if isinstance(event, events.DocumentStartEvent):
            self._begin(event)
        elif isinstance(event, events.AliasEvent):
            self._refuse(event, f"aliases like `*{event.anchor}` are not allowed; write the value out")
        elif isinstance(event, events.ScalarEvent):
            self._refuse_extras(event)
            self._scalar(event)
        elif isinstance(event, events.CollectionStartEvent):
            self._refuse_extras(event)
            self._open(event, {} if isinstance(event, events.MappingStartEvent) else [])
        elif isinstance(event, events.CollectionEndEvent):
            self.stack.pop()

    def _begin(self, event: "DocumentStartEvent") -> None:
        self.documents += 1
        if self.documents > 1:
            self._refuse(event, "a second document begins here; write one document a file")
        if event.tags:
            self._refuse(event, "%TAG is not allowed; remove it")

    def _refuse_extras(self, event: "ScalarEvent | CollectionStartEvent") -> None:
        if event.anchor:
            self._refuse(event, f"anchors like `&{event.anchor}` are not allowed; write the value out where it is used")
        if event.tag is not None:
            self._refuse(event, f"tags like `{event.tag}` are not allowed; remove it")

    def _scalar(self, event: "ScalarEvent") -> None:
        if _NOT_IN_TEXT.search(event.value):
            self._refuse(event, "an escape in this text stands for a control character; remove it")
        value = event.value
        if event.implicit[0]:
            try:
                value = core_scalar(event.value)
            except ValueError as exc:
                self._refuse(event, str(exc))
        if self._wants_key():
            self._key(event, value)
        else:
            self._put(event, value)

    def _key(self, event: "ScalarEvent", key: Json) -> None:
        frame = self.stack[-1]
        if event.implicit[0] and key == "<<":
            self._refuse(event, "merge keys `<<` are not allowed; write the fields out")
        if not isinstance(key, str):
            self._refuse(event, f'a key must be text; write it in quotes: "{event.value}"')
        if key in frame.container:
            first = self.places[(*frame.path, key)][0]
            self._refuse(event, f"`{key}` stands here a second time, first in line {first}; keep one of them")
        frame.key = key
        self.places[(*frame.path, key)] = _place(event)

    def _open(self, event: "Event", container: dict[str, Json] | list[Json]) -> None:
        if self._wants_key():
            self._refuse(event, "a key must be text, not a list or a mapping")
        if len(self.stack) >= MAX_DEPTH:
            self._refuse(event, f"nested more than {MAX_DEPTH} levels deep")
        self.stack.append(_Frame(self._put(event, container), container))

    def _wants_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].container, dict) and self.stack[-1].key is None

    def _put(self, event: "Event", value: Json) -> Path:
        if not self.stack:
            self.data, self.places[()] = value, _place(event)
            return ()
        frame = self.stack[-1]
        if isinstance(frame.container, list):
            path = (*frame.path, len(frame.container))
            frame.container.append(value)
            self.places[path] = _place(event)
        else:
            path = (*frame.path, str(frame.key))
            frame.container[str(frame.key)], frame.key = value, None
        return path

    def _refuse(self, event: "Event", what: str) -> NoReturn:
        line, column = _place(event)
        raise DocumentError(self.file, what, line=line, column=column)


def _place(event: "Event") -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


_HINTS = (
    ("'\\t'", "indent with spaces; YAML allows no tabs there"),
    ("mapping values are not allowed", "a value with `: ` in it needs quotes, or the line is indented too far"),
    ("cannot start any token", "a value that begins with this character needs quotes"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("could not find expected ':'", "a key needs `: ` after it, and a long text needs quotes"),
    ("quoted scalar", "a closing quote is missing, or an escape is wrong"),
)


def _yaml_mistake(file: str, exc: "YAMLError | ValueError | OverflowError", at: Place) -> DocumentError:
    problem = str(getattr(exc, "problem", None) or "an escape or a number is out of range")
    hint = next((f"; {words}" for sign, words in _HINTS if sign in f"{problem} {getattr(exc, 'context', '')}"), "")
    mark = getattr(exc, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else at
    return DocumentError(file, f"not valid YAML: {problem}{hint}", line=line, column=column)
