"""What pydantic found wrong, in plain words: where in the data, what, and what to write instead.

Every answer is a path that exists in the data (or, for a missing field, in its parent) and one
sentence. The document that was read adds file, line and column.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Json = Any  # a value read from YAML or JSON
Path = tuple[str | int, ...]


class Mistake(NamedTuple):
    path: Path
    what: str


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word somebody probably meant. Spelling in another case style counts as the same."""
    folded = {_fold(name): name for name in sorted(known, reverse=True)}
    found = difflib.get_close_matches(_fold(word), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def mistakes(model: type[BaseModel], data: Json, found: ValidationError) -> list[Mistake]:
    """Each mistake once, in the order of the data; of a union only the branch that came nearest."""
    located = [(_locate(data, tuple(error["loc"])), error) for error in found.errors(include_url=False)]
    schema = model.model_json_schema()
    result: dict[Path, list[str]] = {}
    for (path, tags), error in located:
        if _is_echo(error):
            continue
        if all(_is_nearest_branch(tag, located) for tag in tags):
            result.setdefault(path, []).append(_sentence(error, path, schema, data))
    return [Mistake(path, _joined(sentences)) for path, sentences in result.items()]


def _is_echo(error: ErrorDetails) -> bool:
    """pydantic counts only entries that were right: a list with one wrong entry is also "too short"."""
    return error["type"] == "too_short" and len(error["input"]) >= int(error["ctx"]["min_length"])


def _fold(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


Tag = tuple[Path, str]
_Located = list[tuple[tuple[Path, tuple[Tag, ...]], ErrorDetails]]


def _locate(data: Json, loc: Path) -> tuple[Path, tuple[Tag, ...]]:
    """Split pydantic's location into the path in the data and the union branches it names in between."""
    path: Path = ()
    tags: list[Tag] = []
    for position, part in enumerate(loc):
        if part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data)):
            path, data = (*path, part), data[part]
        elif part == "[key]":
            continue
        elif position == len(loc) - 1 and isinstance(data, dict):
            path = (*path, part)  # a missing field
        else:
            tags.append((path, str(part)))
    return path, tuple(tags)


def _is_nearest_branch(tag: Tag, located: _Located) -> bool:
    """Fewest mistakes wins; equal branches that complain about the very same place are all kept."""
    per_branch: dict[str, list[Path]] = {}
    for (path, tags), _ in located:
        for at, branch in tags:
            if at == tag[0]:
                per_branch.setdefault(branch, []).append(path)
    fewest = min(per_branch.values(), key=len)
    mine = per_branch[tag[1]]
    return mine == fewest


def _joined(sentences: list[str]) -> str:
    return ", or: ".join(dict.fromkeys(sentences))


_LONG = 60


def _got(value: Json) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping of fields"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


PATTERN_WORDS = {
    r"^[a-z][a-z0-9-]*$": "lower-case letters, digits and hyphens, beginning with a letter, like `service-down`",
    r"^[a-z][a-z0-9_]*$": "lower-case letters, digits and underscores, beginning with a letter, like `restart_tasks`",
    r"^[a-z][A-Za-z0-9_]*$": "letters and digits, beginning with a lower-case letter, like `maxTasks`",
    r"^[0-9]{12}$": "an account id of twelve digits, in quotes",
    r"^[a-z]{2}(-[a-z]+)+-[0-9]$": "an AWS region, like `eu-west-2`",
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": "a time of day, like `22:00`",
    r"^(log|(sns|chat|slack):[A-Za-z0-9_./-]+)$": "`log`, `sns:TOPIC`, `chat:TOPIC` or `slack:SECRET`",
    r"^(cron|rate)\(.+\)$": "`cron(0 2 * * ? *)` or `rate(1 day)`",
    r"^(100|[1-9]?[0-9])%$": "a share, like `50%`",
}


def _pattern(error: ErrorDetails, got: str) -> str:
    pattern = error["ctx"]["pattern"]
    return f"write {PATTERN_WORDS.get(pattern, f'something that matches {pattern}')}; got {got}"


def _choice(error: ErrorDetails, got: str) -> str:
    expected = str(error["ctx"]["expected"])
    guess = (
        nearest(str(error["input"]), re.findall(r"'([^']*)'", expected)) if isinstance(error["input"], str) else None
    )
    hint = f"; did you mean `{guess}`?" if guess else ""
    return f"must be {expected.replace(chr(39), '`')}; got {got}{hint}"


def _text(error: ErrorDetails, got: str) -> str:
    if isinstance(error["input"], int | float):  # bool is an int
        return f'must be text; write it in quotes: "{got}"'
    return f"must be text; got {got}"


_SENTENCES: Mapping[str, Callable[[ErrorDetails, str], str]] = {
    "string_type": _text,
    "string_pattern_mismatch": _pattern,
    "literal_error": _choice,
    "enum": _choice,
    "int_type": lambda _, got: f"must be a whole number; got {got}",
    "int_from_float": lambda _, got: f"must be a whole number; got {got}",
    "float_type": lambda _, got: f"must be a number; got {got}",
    "finite_number": lambda _, got: f"must be a finite number; got {got}",
    "bool_type": lambda _, got: f"must be true or false; got {got}",
    "tuple_type": lambda _, got: f"must be a list, like `[a, b]` or lines that begin with `- `; got {got}",
    "list_type": lambda _, got: f"must be a list, like `[a, b]` or lines that begin with `- `; got {got}",
    "dict_type": lambda _, got: f"must be a mapping, like `name: value`; got {got}",
    "model_type": lambda _, got: f"must be a mapping of fields, like `name: value`; got {got}",
    "model_attributes_type": lambda _, got: f"must be a mapping of fields, like `name: value`; got {got}",
    "greater_than_equal": lambda e, got: f"must be at least {e['ctx']['ge']}; got {got}",
    "less_than_equal": lambda e, got: f"must be at most {e['ctx']['le']}; got {got}",
    "greater_than": lambda e, got: f"must be more than {e['ctx']['gt']}; got {got}",
    "less_than": lambda e, got: f"must be less than {e['ctx']['lt']}; got {got}",
    "too_short": lambda e, _: f"is too short; write at least {e['ctx']['min_length']}",
    "too_long": lambda e, _: f"may have at most {e['ctx']['max_length']} entries",
    "string_too_short": lambda e, got: f"needs at least {e['ctx']['min_length']} characters; got {got}",
    "string_too_long": lambda e, got: f"may have at most {e['ctx']['max_length']} characters; got {got}",
    "datetime_type": lambda _, got: f"must be a time with its zone, like 2026-11-20T22:00:00Z; got {got}",
    "datetime_parsing": lambda _, got: f"must be a time with its zone, like 2026-11-20T22:00:00Z; got {got}",
    "datetime_from_date_parsing": lambda _, got: f"must be a time with its zone, like 2026-11-20T22:00:00Z; got {got}",
    "timezone_aware": lambda _, got: (
        f"lacks its time zone; write it with Z or an offset, like 2026-11-20T22:00:00Z; got {got}"
    ),
    "value_error": lambda e, _: str(e["ctx"]["error"]),
}


def _sentence(error: ErrorDetails, path: Path, schema: dict[str, Any], data: Json) -> str:
    if error["type"] == "missing":
        return f"is missing; write `{path[-1]}: …`" if path else "is missing"
    if error["type"] == "extra_forbidden":
        return _unknown_field(str(path[-1]), _fields_at(schema, path[:-1]) - _keys_at(data, path[:-1]))
    words = _SENTENCES.get(error["type"])
    got = _got(error["input"])
    return words(error, got) if words else f"{error['msg'][:1].lower()}{error['msg'][1:]}; got {got}"


def _unknown_field(name: str, free: set[str]) -> str:
    if guess := nearest(name, free):
        return f"no such field; did you mean `{guess}`?"
    if not free:
        return "no such field; remove it"
    return f"no such field; fields that can stand here: {', '.join(sorted(free))}"


def _keys_at(data: Json, path: Path) -> set[str]:
    for part in path:
        data = data[part]
    return set(data) if isinstance(data, dict) else set()


def _fields_at(schema: dict[str, Any], path: Path) -> set[str]:
    """Names of the fields that the model knows at this path, over all branches of unions."""
    nodes = _branches(schema, [schema])
    for part in path:
        below = []
        for node in nodes:
            child = node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
            child = child if child is not None else node.get("additionalProperties")
            below += [child] if isinstance(child, dict) else []
        nodes = _branches(schema, below)
    return {name for node in nodes for name in node.get("properties", {})}


def _branches(root: dict[str, Any], nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    for node in nodes:
        target = root.get("$defs", {}).get(str(node.get("$ref", "")).rsplit("/", 1)[-1], node)
        options = [*target.get("anyOf", ()), *target.get("oneOf", ()), *target.get("allOf", ())]
        result += [target, *_branches(root, options)]
    return result
