"""Signature files: a mistake says file, line, column and what to write instead."""

import pytest

from chalicelib.diagnosis.load import load_knowledge
from chalicelib.errors import DocumentErrors

CAUSES = """vetoes:
  - veto: no-starts
    steps: [ecs.restart_tasks]
    why: They would fail.
causes:
  - cause: db.away
    kind: root
    means: The database is away.
    remedy: Bring it back.
    doesNotHelp: Waiting.
    harms: [no-starts]
"""
SIGNATURES = """family: database
signatures:
  - id: away-said
    cause: db.away
    match: ['database is away']
"""


def said_about(signatures: str, causes: str = CAUSES) -> str:
    with pytest.raises(DocumentErrors) as caught:
        load_knowledge(("causes.yml", causes), {"database.yml": signatures})
    return str(caught.value)


def test_sound_files_become_knowledge() -> None:
    knowledge = load_knowledge(("causes.yml", CAUSES), {"database.yml": SIGNATURES})
    assert knowledge.cause["db.away"].harms == ("no-starts",)
    assert [each.id for each in knowledge.signatures] == ["away-said"]


def test_an_unknown_cause_is_named_where_it_stands_with_the_nearest_one() -> None:
    said = said_about(SIGNATURES.replace("cause: db.away", "cause: db.awya"))
    assert said == "database.yml:4:5: signatures[0].cause: no cause is named db.awya; did you mean db.away?"


def test_a_dangerous_pattern_is_named_where_it_stands() -> None:
    said = said_about(SIGNATURES.replace("database is away", "(da+)+"))
    assert said.startswith("database.yml:5:")
    assert "backtrack for ever" in said


def test_an_unknown_field_is_named_where_it_stands() -> None:
    assert "did you mean `match`?" in said_about(SIGNATURES.replace("match:", "matches:"))


def test_an_unknown_veto_is_named_in_the_file_of_causes() -> None:
    assert said_about(SIGNATURES, CAUSES.replace("[no-starts]", "[no-start]")).startswith("causes.yml:11:")


def test_an_id_twice_is_a_mistake() -> None:
    assert "away-said is there twice" in said_about(SIGNATURES + SIGNATURES.split("signatures:\n")[1])


def test_context_may_name_only_signatures_without_context() -> None:
    more = """  - id: near-it
    match: ['somewhere near']
    near: [away-said]
  - id: far-off
    match: ['somewhere far']
    without: [near-it]
"""
    assert "near-it itself depends on others" in said_about(SIGNATURES + more)
