"""The small language of patterns that RE2, Python's `re` and `grep -E` all read the same way.

Literals, `.`, `[…]`, `(…|…)`, `* + ? {m,n}`, `^ $ \\b`. No look-around, no back-references, no lazy or nested
repetition: so no pattern can take more than the square of a line's length, and lines are cut (scan.py).
"""

import re
from itertools import pairwise

_ESCAPABLE = frozenset("[](){}|.*+?^$\\b")
_REPEAT = re.compile(r"[*+?]|\{\d+(,\d*)?\}")
_CLASS = re.compile(r"\[\^?\]?[^\]\\]*(?:\\.[^\]\\]*)*\]")
_MAX_LENGTH, _MAX_COUNT, _MAX_OPEN = 600, 8, 3
_LEAST_LITERAL = 2


def problem(pattern: str) -> str | None:
    """What is wrong with it, or None. The text begins where the reader has to look."""
    if len(pattern) > _MAX_LENGTH:
        return f"is longer than {_MAX_LENGTH} characters; write two"
    if not pattern.isascii() or not pattern.isprintable():
        return "has a character that is not printable ASCII"
    try:
        re.compile(pattern)
    except (re.error, RecursionError) as exc:
        return f"is no pattern ({exc})"
    return _problem_of(list(_parts(pattern)), pattern)


def _problem_of(parts: list[str], pattern: str) -> str | None:
    endless = [False]  # of each open group: does it hold an unbounded repetition?
    ended: bool | None = None  # of the group just closed
    before = ""
    for part in parts:
        if part == "(":
            endless.append(False)
        elif part == ")":
            ended = endless.pop()
            endless[-1] = endless[-1] or ended
        elif _REPEAT.fullmatch(part):
            if what := _repetition(part, before, bool(ended)):
                return what
            endless[-1] = endless[-1] or _is_open(part)
        elif what := _wrong(part):
            return what
        if part != ")" and not _REPEAT.fullmatch(part):
            ended = None
        before = part
    return _too_loose(pattern, parts)


def _repetition(part: str, before: str, holds_endless: bool) -> str | None:
    if not before or before in "(|^" or _REPEAT.fullmatch(before):
        return f"repeats nothing, or twice ({before}{part}); lazy and possessive repetition is not in the common subset"
    if holds_endless and part != "?":
        return "repeats a group that itself repeats without limit; that can backtrack for ever"
    counts = [int(number) for number in re.findall(r"\d+", part)]
    if counts and max(counts) > _MAX_COUNT:
        return f"counts up to {max(counts)}; {_MAX_COUNT} is the most"
    return None


def _is_open(part: str) -> bool:
    return part in {"*", "+"} or part.endswith(",}")


def _wrong(part: str) -> str | None:
    if part.startswith("\\") and part[1:] not in _ESCAPABLE:
        return f"uses {part}; write a class like [0-9] or [ ] instead"
    if part == "(?":
        return "uses (?…), which is not in the common subset"
    if part.startswith("[") and "\\" in part:
        return "escapes inside a class; put the character there as it is, or outside of it"
    return None


def _too_loose(pattern: str, parts: list[str]) -> str | None:
    for branch in _branches(parts):
        if sum(map(_is_open, branch)) > _MAX_OPEN:
            return f"has more than {_MAX_OPEN} unbounded repetitions in one alternative"
        if sum(before == "." and _is_open(part) for before, part in pairwise(branch)) > 1:
            return "has .* twice in one alternative; say more exactly what stands there, or write two signatures"
    if any(_is_open(a) and b == "." and _is_open(c) for a, b, c in zip(parts, parts[1:], parts[2:], strict=False)):
        return "repeats without limit right before .*; leave the first repetition out"
    if needles(pattern) is None:
        return f"needs {_LEAST_LITERAL} literal characters in a row in each alternative; it would match nearly anything"
    return None


def _branches(parts: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    depth = 0
    for part in parts:
        depth += {"(": 1, ")": -1}.get(part, 0)
        if part == "|" and depth == 0:
            found.append([])
        else:
            found[-1].append(part)
    return found


def _parts(pattern: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(pattern):
        size = 1
        if pattern[at] == "\\":
            size = 2
        elif pattern[at] == "[" and (match := _CLASS.match(pattern, at)):
            size = len(match[0])
        elif pattern.startswith("(?", at):
            size = 2
        elif match := _REPEAT.match(pattern, at):
            size = len(match[0])
        found.append(pattern[at : at + size])
        at += size
    return found


def split(pattern: str) -> list[str]:
    """Its alternatives at the top."""
    return ["".join(branch) for branch in _branches(_parts(pattern))]


def on_one_line(pattern: str) -> bytes:
    """For a search in many lines at once: anchors mean lines, and no class reaches over a line's end."""
    lines = [f"[^\n{part[2:]}" if part.startswith("[^") else part for part in _parts(pattern)]
    return ("(?m)" + "".join(lines)).encode()


def needles(pattern: str) -> frozenset[bytes] | None:
    """Texts of which one must stand in whatever matches; None when there is no such set."""
    found: set[bytes] = set()
    for branch in split(pattern):
        best = _best_of(branch)
        if best is None:
            return None
        found |= best
    return frozenset(found)


def _best_of(branch: str) -> frozenset[bytes] | None:
    """The longest literal run, or else the alternatives of a group that must be there."""
    runs = [run for run in _runs(branch) if len(run) >= _LEAST_LITERAL]
    if runs:
        return frozenset({max(runs, key=len).encode()})
    for group in _groups(branch):
        if (inside := needles(group)) is not None:
            return inside
    return None


def _runs(branch: str) -> list[str]:
    """Literal runs that every match of the branch holds, read outside its groups (or inside a lone group)."""
    parts = _parts(branch)
    runs: list[str] = []
    run, depth = "", 0
    for at, part in enumerate(parts):
        after = parts[at + 1] if at + 1 < len(parts) else ""
        depth += {"(": 1, ")": -1}.get(part, 0)
        literal = part if len(part) == 1 and part not in "().^$|*+?[]{}" else _plain(part)
        if depth or not literal or part == ")" or _may_be_absent(after):
            runs, run = [*runs, run], ""
            continue
        run += literal
        if _REPEAT.fullmatch(after):
            runs, run = [*runs, run], ""
    return [each for each in [*runs, run] if each]


def _plain(part: str) -> str:
    """The character that an escape or a class of one stands for."""
    if part.startswith("\\"):
        return part[1:] if part != "\\b" else ""
    return part[1] if part.startswith("[") and part[2:] == "]" and part[1] != "^" else ""


def _may_be_absent(after: str) -> bool:
    return after in {"*", "?"} or after.startswith("{0")


def _groups(branch: str) -> list[str]:
    """What stands in the outermost groups that may not be left out."""
    parts = _parts(branch)
    found, depth, begun = [], 0, 0
    for at, part in enumerate(parts):
        if part == "(":
            begun = at + 1 if depth == 0 else begun
            depth += 1
        elif part == ")":
            depth -= 1
            if depth == 0 and not _may_be_absent(parts[at + 1] if at + 1 < len(parts) else ""):
                found.append("".join(parts[begun:at]))
    return found
