"""The reasoner on knowledge of three lines: order in time, corroboration, exclusion, recovery, blindness, vetoes."""

from typing import Any

import pytest

from chalicelib.diagnosis.diagnose import diagnose
from chalicelib.diagnosis.knowledge import Knowledge
from chalicelib.diagnosis.load import load_knowledge
from chalicelib.diagnosis.symptoms import HttpAnswer, ProbeReading, Symptoms, log_blocks
from chalicelib.models.finding import Diagnosis, Outcome, Trust

CAUSES = """vetoes:
  - {veto: no-starts, steps: [ecs.restart_tasks], why: They would fail.}
causes:
  - {cause: db.away, kind: root, means: It is away., remedy: Bring it back., doesNotHelp: Waiting., harms: [no-starts]}
  - {cause: s3.away, kind: root, means: It is away., remedy: Bring it back., doesNotHelp: Waiting.}
  - {cause: web.slow, kind: symptom, means: It is slow., remedy: Look behind., doesNotHelp: Waiting.}
  - {cause: end.ended, kind: remnant, means: It ended., remedy: Read on., doesNotHelp: Waiting.}
"""
SIGNATURES = """family: tiny
signatures:
  - {id: db, cause: db.away, in: [log, http, probe], match: ['db away'], unless: ['joke']}
  - {id: s3, cause: s3.away, match: ['s3 away']}
  - {id: slow, cause: web.slow, in: [log, stop], match: ['so slow']}
  - {id: ended, cause: end.ended, in: [exit], strength: likely, match: ['^exit=1$']}
  - {id: maybe, cause: s3.away, strength: hint, match: ['perhaps s3']}
  - {id: not-s3, match: ['surely not s3'], excludes: [s3.away]}
  - {id: refused, cause: db.away, match: ['refused'], near: [driver], window: 2}
  - {id: driver, match: ['psycopg']}
  - {id: thrice, cause: web.slow, match: ['a bit late'], atLeast: 3}
  - {id: startup-went-on, match: ['now serving'], cures: [db.away]}
  - {id: error-looking, in: [log], match: ['ERROR']}
"""


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load_knowledge(("causes.yml", CAUSES), {"tiny.yml": SIGNATURES})


def found(knowledge: Knowledge, *lines: str, **more: Any) -> Diagnosis:
    return diagnose(Symptoms(log=log_blocks(lines), **more), knowledge)


def causes(diagnosis: Diagnosis) -> list[str]:
    return [finding.cause for finding in diagnosis.findings]


def test_the_first_root_in_time_comes_before_what_followed(knowledge: Knowledge) -> None:
    assert causes(found(knowledge, "db away", "s3 away")) == ["db.away", "s3.away"]
    assert causes(found(knowledge, "s3 away", "db away")) == ["s3.away", "db.away"]


def test_a_root_comes_before_a_symptom_that_was_seen_earlier(knowledge: Knowledge) -> None:
    assert causes(found(knowledge, "so slow", "db away")) == ["db.away", "web.slow"]


def test_a_remnant_is_told_only_where_nothing_explains_it(knowledge: Knowledge) -> None:
    assert causes(found(knowledge, "db away", exit_codes=(1,))) == ["db.away"]
    assert causes(found(knowledge, exit_codes=(1,))) == ["end.ended"]


def test_corroboration_by_another_source_makes_surer(knowledge: Knowledge) -> None:
    log = found(knowledge, "db away").findings[0]
    both = found(knowledge, "db away", http=(HttpAnswer(503, {}, "db away"),)).findings[0]
    assert log.confidence < both.confidence
    assert (log.trust, both.trust) == (Trust.LOG, Trust.HTTP)


def test_s4_log_text_alone_stays_below_its_ceiling_however_often_it_is_said(knowledge: Knowledge) -> None:
    finding = found(knowledge, *["db away"] * 500, "psycopg", "refused").findings[0]
    assert finding.confidence <= 0.8
    assert not finding.may_act_alone


def test_s4_log_text_alone_vetoes_nothing_and_an_answer_does(knowledge: Knowledge) -> None:
    assert found(knowledge, "db away").vetoes == ()
    vetoes = found(knowledge, http=(HttpAnswer(503, {}, "db away"),)).vetoes
    assert [(veto.step, veto.cause) for veto in vetoes] == [("ecs.restart_tasks", "db.away")]


def test_s3_a_probe_that_failed_for_our_own_reasons_supports_nothing(knowledge: Knowledge) -> None:
    ours = ProbeReading("db.connect", {"says": "db away"}, failed="no route from here")
    assert found(knowledge, probes=(ours,)).outcome is Outcome.UNKNOWN
    read = ProbeReading("db.connect", {"says": "db away"})
    assert causes(found(knowledge, probes=(read,))) == ["db.away"]


def test_a_hint_alone_names_no_cause(knowledge: Knowledge) -> None:
    assert found(knowledge, "perhaps s3").outcome is Outcome.UNKNOWN


def test_one_signature_can_exclude_a_cause(knowledge: Knowledge) -> None:
    assert found(knowledge, "s3 away", "surely not s3").outcome is Outcome.UNKNOWN


def test_the_same_words_mean_a_cause_only_near_their_context(knowledge: Knowledge) -> None:
    assert causes(found(knowledge, "psycopg", "x", "refused")) == ["db.away"]
    assert found(knowledge, "psycopg", "x", "x", "x", "refused").outcome is Outcome.UNKNOWN


def test_a_line_that_is_voided_counts_for_nothing(knowledge: Knowledge) -> None:
    assert found(knowledge, "db away, what a joke").outcome is Outcome.UNKNOWN


def test_what_must_be_seen_often_is_not_believed_once(knowledge: Knowledge) -> None:
    assert found(knowledge, "a bit late", "a bit late").outcome is Outcome.UNKNOWN
    assert causes(found(knowledge, *["a bit late"] * 3)) == ["web.slow"]


def test_what_was_overcome_later_in_the_log_is_healthy(knowledge: Knowledge) -> None:
    assert found(knowledge, "ERROR db away", "now serving").outcome is Outcome.HEALTHY
    assert causes(found(knowledge, "now serving", "ERROR db away")) == ["db.away"]


def test_s5_silence_is_unknown_and_not_healthy(knowledge: Knowledge) -> None:
    assert found(knowledge).outcome is Outcome.UNKNOWN
    assert found(knowledge, "all quiet").outcome is Outcome.UNKNOWN


def test_evidence_says_source_line_and_time(knowledge: Knowledge) -> None:
    evidence = found(knowledge, "hello", "2026/02/03 04:05:06 ERROR db away").findings[0].evidence[0]
    assert (evidence.source, evidence.line) == ("log", 2)
    assert evidence.at is not None
    assert evidence.at.isoformat() == "2026-02-03T04:05:06+00:00"


def test_the_same_symptoms_give_the_same_diagnosis(knowledge: Knowledge) -> None:
    assert found(knowledge, "db away", "s3 away") == found(knowledge, "db away", "s3 away")
