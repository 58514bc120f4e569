"""JSON, bounded before it is parsed; the parser's hooks refuse what Python would let through."""

import json
import math
import re
from typing import NoReturn

from chalicelib.documents.text import LONE_HALF, MAX_DEPTH, decoded_text, line_column
from chalicelib.errors import DocumentError
from chalicelib.models.mistakes import Json


def read_json(text: str | bytes, file: str, *, max_bytes: int = 1024 * 1024, max_depth: int = MAX_DEPTH) -> Json:
    """Bounded before it is parsed: size, then depth. Duplicate keys, NaN and infinities are refused."""
    source = decoded_text(text, file, max_bytes)
    if source.count("{") + source.count("[") > max_depth:  # else it cannot be that deep
        _refuse_deep(source, file, max_depth)
    try:
        data = json.loads(source, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
        if "\\ud" in source or "\\uD" in source:
            json.dumps(data, ensure_ascii=False).encode()
        return data
    except json.JSONDecodeError as exc:
        raise DocumentError(file, f"not valid JSON: {exc.msg}", line=exc.lineno, column=exc.colno) from exc
    except (UnicodeEncodeError, ValueError) as exc:  # of a hook, or an integer of more digits than Python reads
        line, column = line_column(source, _offender(source))
        raise DocumentError(file, _json_words(exc), line=line, column=column) from exc


def _json_words(exc: ValueError) -> str:
    if isinstance(exc, UnicodeEncodeError):
        return "an escape stands for half a character (a lone surrogate)"
    return "a number has too many digits" if "digits" in str(exc) else str(exc)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"`{twice[:60]}` stands a second time in the same object; keep one of them")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; write a finite number or null")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


_JSON_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}:]|NaN|-?Infinity|-?[0-9][0-9.eE+-]*+', re.DOTALL)


def _refuse_deep(source: str, file: str, max_depth: int) -> None:
    depth = 0
    for token in _JSON_TOKEN.finditer(source):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth > max_depth:
            line, column = line_column(source, token.start())
            raise DocumentError(file, f"nested more than {max_depth} levels deep", line=line, column=column)


def _offender(source: str) -> int:
    """Where the first thing stands that the parser's hooks refuse: they do not know where they are."""
    keys: list[set[str]] = [set()]
    last: re.Match[str] | None = None
    for token in _JSON_TOKEN.finditer(source):
        if token[0] in "{[":
            keys.append(set())
        elif token[0] in "]}":
            keys.pop()
        elif token[0] != ":" and _is_odd(token[0]):
            return token.start()
        elif token[0] == ":" and last is not None:
            if last[0] in keys[-1]:
                return last.start()
            keys[-1].add(last[0])
        last = token
    return 0


_PYTHON_DIGITS = 4300  # int() refuses more


def _is_odd(token: str) -> bool:
    if token.startswith('"'):
        return bool(LONE_HALF.search(json.loads(token)))
    return token.endswith(("NaN", "Infinity")) or len(token) > _PYTHON_DIGITS or not math.isfinite(float(token))
