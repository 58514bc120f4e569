"""How the command answers: tables, JSON, and text from outside that cannot steer a terminal (S30)."""

import json

from steward.bench.figures import Figure, median_ratio
from steward.cli.answers import answer, inert, print_json_line, table
from steward.cli.drawings import draw_decisions, draw_plan


def test_text_from_outside_cannot_steer_the_terminal():
    """S30."""
    assert "\x1b" not in inert("\x1b[2Jgone\u202e")
    row = {"name": "a\x1b]0;title\x07b", "why": "two\nlines"}
    assert all(c.isprintable() for line in table([row], ("name", "why")) for c in line)


def test_a_table_is_as_wide_as_its_cells_and_shows_what_is_missing():
    rows = [{"id": "r-1", "verdict": None, "kinds": ["a", "b"]}, {"id": "r-22", "verdict": "failed", "kinds": []}]
    assert list(table(rows, ("id", "verdict", "kinds"))) == [
        "ID    VERDICT  KINDS",
        "r-1   -        a, b",
        "r-22  failed",
    ]


def test_an_empty_table_is_its_heading():
    assert list(table([], ("id", "why"))) == ["ID  WHY"]


def test_json_output_is_the_document_and_nothing_else(capsys):
    answer({"a": "\x1b"}, True, lambda _: ["for people"])
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": "\x1b"}
    assert "\x1b" not in out


def test_a_json_line_is_one_line(capsys):
    print_json_line({"text": "a\nb"})
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_plan_says_what_would_be_lost_and_what_can_be_undone():
    change = {
        "sentence": "Stop task 1", "operation": "ecs:StopTask", "resource": "arn:task/1", "parameters": {"task": "1"},
        "undo": None, "loses": "users on its disk",
    }  # fmt: skip
    plan = {
        "runbook": "service-down", "stack": "one", "hash": "h" * 64, "outcome": None, "changes": [change],
        "known_later": [{"step": "scale", "why": "<from steps.look>"}], "skipped": [],
    }  # fmt: skip
    text = "\n".join(draw_plan(plan))
    assert "LOSES users on its disk" in text
    assert "undo not possible" in text
    assert "later: step scale: <from steps.look>" in text
    assert text.endswith("nothing was changed")


def test_no_decisions_are_said_to_be_none():
    assert list(draw_decisions({"decisions": []})) == ["no decisions"]


def test_a_figure_is_ok_up_to_its_limit():
    assert Figure("match", 8.0, "times", 8.0, "").ok
    assert not Figure("match", 8.01, "times", 8.0, "").ok


def test_the_ratio_of_interleaved_pairs_is_their_median():
    assert median_ratio([(2.0, 1.0), (9.0, 3.0), (100.0, 1.0)]) == 3.0
