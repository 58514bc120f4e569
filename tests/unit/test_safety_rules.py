"""The page of safety rules and the tests that hold them say the same."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (S\d+) \| (.+) \| (held|later) \|$", re.MULTILINE)
NAMED = re.compile(r"\b[Ss](\d{1,2})\b|_s(\d{1,2})(?=_|\b)")


def rules():
    return {rule: state for rule, _, state in ROW.findall((ROOT / "docs/safety.md").read_text())}


def named_in(text):
    return {f"S{one or other}" for one, other in NAMED.findall(text)}


def named_by_tests():
    files = [path for path in (ROOT / "tests").rglob("*") if path.suffix in {".py", ".yml"} and path != Path(__file__)]
    return set().union(*(named_in(path.read_text()) for path in files))


def test_the_page_lists_every_rule_once():
    assert list(rules()) == [f"S{number}" for number in range(1, 35)]


def test_every_rule_that_is_held_is_named_by_a_test():
    unnamed = {rule for rule, state in rules().items() if state == "held"} - named_by_tests()
    assert not unnamed


def test_a_rule_is_found_in_a_name_and_in_a_sentence_and_not_in_a_size():
    assert named_in("def test_it_asks_s1_first(): ''' S30 '''") == {"S1", "S30"}
    assert named_in("limit_s = 30") == set()
