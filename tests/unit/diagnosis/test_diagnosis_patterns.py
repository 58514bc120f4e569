"""The language of patterns: what is refused and why, and the words a match cannot do without."""

import pytest

from chalicelib.diagnosis.patterns import needles, on_one_line, problem


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("(ab+)+c", "backtrack for ever"),
        ("(ab*|cd){2,}", "backtrack for ever"),
        ("abc.*?def", "repeats nothing, or twice"),
        ("abc*+", "is no pattern|repeats nothing, or twice"),
        ("(?i)refused", "common subset"),
        ("(?=refused)", "common subset"),
        ("port \\d+ failed", "write a class"),
        ("abc.*def.*ghi", r"\.\* twice"),
        ("abc[^ ]*.*def", "right before"),
        ("ab{2,900}cd", "counts up to"),
        ("a*b*c*d*ef", "unbounded repetitions"),
        ("[a-z]+", "literal characters"),
        ("refused|.", "literal characters"),
        ("(refused", "is no pattern"),
        ("réfused", "ASCII"),
        ("x" * 601, "longer than"),
    ],
)
def test_a_pattern_that_engines_read_differently_or_that_can_run_away_is_refused(pattern: str, what: str) -> None:
    import re

    assert re.search(what, problem(pattern) or "nothing wrong")


@pytest.mark.parametrize("pattern", ["port [0-9]+ failed: (refused|timed out)", "^exit=1$", "a[.]b\\(c", "x(yz)?=1"])
def test_a_plain_pattern_is_fine(pattern: str) -> None:
    assert problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("port [0-9]+ failed", {b" failed"}),
        ("refused|timed out", {b"refused", b"timed out"}),
        ("(LDAP|ldap).*", {b"LDAP", b"ldap"}),
        ("google[.]auth", {b"google.auth"}),
        ("abcs? not", {b" not"}),
        ("ab(cd)?", {b"ab"}),
        ("[(]1045[)]", {b"(1045)"}),
    ],
)
def test_the_words_of_a_pattern_stand_in_whatever_it_matches(pattern: str, words: set[bytes]) -> None:
    assert needles(pattern) == words


def test_no_class_reaches_over_the_end_of_a_line() -> None:
    assert on_one_line('"[^"]*" gone') == b'(?m)"[^\n"]*" gone'
