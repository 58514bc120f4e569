"""The shipped signatures: readable by every engine alike, never catastrophic, and the same after compiling to JSON."""

import re
from pathlib import Path

import pytest

from chalicelib.diagnosis.diagnose import FACTS_OF_THE_REASONER
from chalicelib.diagnosis.hits import PatternIndex
from chalicelib.diagnosis.knowledge import Knowledge, Surface
from chalicelib.diagnosis.load import compile_signatures, load_compiled
from chalicelib.diagnosis.patterns import needles, problem, split
from chalicelib.diagnosis.scan import PythonEngine, Re2Engine, Scanner
from chalicelib.documents import read_yaml
from tests.shipped import read_knowledge

CASES = Path(__file__).parent / "cases"


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return read_knowledge()


def case_lines() -> list[str]:
    lines: list[str] = []
    for path in sorted(CASES.glob("*.yml")):
        for cases in read_yaml(path.read_bytes(), path.name).data.values():
            for case in cases:
                text = f"{case.get('log', '')}\n{case.get('stop', '')}\n{(case.get('http') or {}).get('body', '')}"
                lines += text.replace("\\n", "\n").splitlines()
    return lines


def patterns_of(knowledge: Knowledge) -> list[str]:
    return [pattern for each in knowledge.signatures for pattern in (*each.match, *each.unless)]


def test_every_pattern_is_in_the_subset_that_all_engines_read_alike(knowledge: Knowledge) -> None:
    assert [(pattern, what) for pattern in patterns_of(knowledge) if (what := problem(pattern))] == []


def test_re2_and_python_find_the_same_lines(knowledge: Knowledge) -> None:
    re2 = pytest.importorskip("re2")
    lines = [
        *case_lines(),
        "\x1b[31mERROR\x1b[0m",
        "ünïcode psycopg2 ☃ No space left on device",
        "x" * 9000 + " OOMKilled",
    ]
    sound = [
        'INFO: 10.0.0.1:1 - "GET /api/2.0/mlflow/runs/search HTTP/1.1" 200 OK'
    ] * 3000  # past what is kept of facts
    block = ["\n".join([*lines, *sound, *lines]).encode()]
    for surface in (Surface.LOG, Surface.STOP, Surface.HTTP):
        patterns = PatternIndex(knowledge.signatures, surface).patterns
        python = list(Scanner(patterns, PythonEngine(patterns)).scan(block))
        assert python == list(Scanner(patterns, Re2Engine(patterns, re2)).scan(block))
        assert len(python) > 100


def test_python_finds_what_a_plain_search_finds(knowledge: Knowledge) -> None:
    patterns = PatternIndex(knowledge.signatures, Surface.LOG).patterns
    compiled = [re.compile(pattern) for pattern in patterns]
    lines = [line for line in case_lines() if "\\" not in line]
    expected = {(n, p) for n, line in enumerate(lines, 1) for p, each in enumerate(compiled) if each.search(line)}
    found = Scanner(patterns, PythonEngine(patterns)).scan(["\n".join(lines).encode()])
    assert {(hit.line, hit.pattern) for hit in found} == expected


def test_no_pattern_is_open_to_catastrophic_backtracking(knowledge: Knowledge) -> None:
    """Counted, not timed: how often a backtracking matcher would try, on lines made to provoke it.

    With one `.*` the work grows with the square of the line at most: twice the line, four times the work.
    Lines are cut at 4 KB, so the worst of them stays bounded.
    """
    for pattern in patterns_of(knowledge):
        for branch in split(pattern):
            words = sorted(needles(branch) or ())
            for word in (words[0].decode(), "a", " "):
                small, large = (tries(branch, word * n) for n in (6, 12))
                assert large <= 5 * small + 2000, (branch, word, small, large)


def tries(pattern: str, text: str) -> int:
    """Steps of a naive backtracking matcher over Python's own parse of the pattern."""
    parsed = re._parser.parse(pattern)
    counter = [0]
    for start in range(len(text) + 1):
        for _ in _walk(list(parsed), text, start, counter):
            pass  # every way to match, not only the first: the worst a failing rest could cause
    return counter[0]


def _walk(items, text, at, counter):
    counter[0] += 1
    if not items:
        yield at
        return
    (kind, value), rest = items[0], items[1:]
    name = str(kind)
    if name == "BRANCH":
        for option in value[1]:
            for end in _walk(list(option), text, at, counter):
                yield from _walk(rest, text, end, counter)
    elif name == "SUBPATTERN":
        for end in _walk(list(value[3]), text, at, counter):
            yield from _walk(rest, text, end, counter)
    elif name == "MAX_REPEAT":
        low, high, inner = value
        yield from _repeat(list(inner), low, min(int(high), len(text)), rest, text, at, counter)
    elif name == "AT":
        yield from _walk(rest, text, at, counter)
    elif at < len(text) and _fits(name, value, text[at]):
        yield from _walk(rest, text, at + 1, counter)


def _repeat(inner, low, high, rest, text, at, counter):
    if high > 0:
        for end in _walk(inner, text, at, counter):
            if end > at:
                yield from _repeat(inner, low - 1, high - 1, rest, text, end, counter)
    if low <= 0:
        yield from _walk(rest, text, at, counter)


def _fits(name, value, character):
    if name == "ANY":
        return True
    if name == "LITERAL":
        return value == ord(character)
    if name == "NOT_LITERAL":
        return value != ord(character)
    negated = value[0][0].name == "NEGATE"
    inside = any(
        (kind.name == "LITERAL" and what == ord(character))
        or (kind.name == "RANGE" and what[0] <= ord(character) <= what[1])
        for kind, what in value
    )
    return inside != negated


def test_every_fact_is_of_use_to_somebody(knowledge: Knowledge) -> None:
    named = {name for each in knowledge.signatures for name in each.refers_to} | FACTS_OF_THE_REASONER
    idle = {each.id for each in knowledge.signatures if each.cause is None and not each.cures and not each.excludes}
    assert idle <= named
    assert {each.id for each in knowledge.signatures} >= FACTS_OF_THE_REASONER


def test_compiled_to_json_the_knowledge_is_the_same(knowledge: Knowledge) -> None:
    text = compile_signatures(knowledge)
    assert load_compiled(text) == knowledge
    assert compile_signatures(load_compiled(text)) == text
