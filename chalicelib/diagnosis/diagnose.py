"""Symptoms in, Diagnosis out. The words of the evidence are made inert here, once, for whoever shows them (S30)."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property

from chalicelib.diagnosis.hits import Hit, Seen, SignatureMatcher
from chalicelib.diagnosis.knowledge import Cause, Knowledge, Surface
from chalicelib.diagnosis.notices import notices
from chalicelib.diagnosis.reason import Case, explained, overcome_until, ranked
from chalicelib.diagnosis.symptoms import Symptoms
from chalicelib.models.finding import Diagnosis, Evidence, Finding, Outcome, Trust, Veto
from chalicelib.redact import mask, strip_hidden

_MAX_FINDINGS, _MAX_EVIDENCE, _MAX_TEXT = 5, 4, 400
_TIME = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})[T ](\d{2}):(\d{2}):(\d{2})")
_SOURCES = {
    Surface.LOG: "log",
    Surface.STOP: "ecs.stopped_reason",
    Surface.EXIT: "ecs.exit_code",
    Surface.HTTP: "http",
    Surface.PROBE: "probe",
}
_BAD = ("error-looking", "answer-bad", "server-errors-answered", "deep-answer-bad")
_ORDINARY_REFUSAL, _ANONYMOUS = "answer-normal-refusal", "answer-anonymous"
_API, _SCALED = "answered-api", "stop-scaling"
_GOOD = (
    "healthy-start",
    "answered-anybody",
    "answer-good",
    "deep-answer-good",
    "answer-normal-refusal",
    "startup-went-on",
    "ordinary-stop",
)
FACTS_OF_THE_REASONER = frozenset({*_BAD, *_GOOD, _ANONYMOUS, _API, _SCALED})
"""Signatures that this file knows by name; a test sees to it that they are there."""


class Diagnoser:
    """Holds the compiled signatures; make one and keep it. They are compiled when first asked: most functions of
    Lambda never diagnose, and it would be half of their cold start."""

    def __init__(self, knowledge: Knowledge | Callable[[], Knowledge]) -> None:
        self._given = knowledge

    @cached_property
    def _knowledge(self) -> Knowledge:
        return self._given if isinstance(self._given, Knowledge) else self._given()

    @cached_property
    def _matcher(self) -> SignatureMatcher:
        return SignatureMatcher(self._knowledge)

    def cause(self, name: str) -> Cause:
        return self._knowledge.cause[name]

    def diagnose(self, symptoms: Symptoms) -> Diagnosis:
        seen = self._matcher.match(symptoms)
        cases = explained(ranked(self._knowledge, seen))[:_MAX_FINDINGS]
        beside = notices(symptoms.probes)
        if not cases:
            well = _is_well(seen, symptoms, self._knowledge)
            return Diagnosis(outcome=Outcome.HEALTHY if well else Outcome.UNKNOWN, findings=beside)
        return Diagnosis(
            outcome=Outcome.DIAGNOSED,
            findings=(*map(_finding, cases), *beside),
            vetoes=_vetoes(cases[0], self._knowledge),
        )


def diagnose(symptoms: Symptoms, knowledge: Knowledge) -> Diagnosis:
    """For one diagnosis; for many keep a Diagnoser."""
    return Diagnoser(knowledge).diagnose(symptoms)


def _is_well(seen: Mapping[str, Seen], symptoms: Symptoms, knowledge: Knowledge) -> bool:
    """Healthy needs good news and no bad news; silence is neither (S5)."""
    if any(name in seen and not _is_ordinary(name, seen, knowledge) for name in _BAD):
        return False
    if symptoms.stop_reasons and _SCALED not in seen:
        return False
    return any(name in seen for name in _GOOD)


def _is_ordinary(name: str, seen: Mapping[str, Seen], knowledge: Knowledge) -> bool:
    """A 404 for a run that does not exist is MLflow at work; so is a start that tried again and went on."""
    if name == "answer-bad":
        ordinary = [_ORDINARY_REFUSAL, *([_ANONYMOUS] if _API in seen else [])]
        return _lines(seen, [name]) <= _lines(seen, ordinary)
    return name == "error-looking" and seen[name].last_log_line < overcome_until(knowledge, seen)


def _lines(seen: Mapping[str, Seen], names: Iterable[str]) -> set[int]:
    return {hit.line for name in names if name in seen for hit in seen[name].hits}


def _finding(case: Case) -> Finding:
    return Finding(
        cause=case.cause.cause,
        confidence=case.confidence,
        evidence=tuple(_evidence(hit) for hit in _telling(case)),
        remedy=case.cause.remedy,
        trust=case.trust,
    )


def _telling(case: Case) -> list[Hit]:
    """The first of each surface, then more of the log, each line once."""
    chosen: list[Hit] = []
    for surface in Surface:
        chosen += [hit for hit in case.hits if hit.surface is surface][:1]
    chosen += [hit for hit in case.hits if hit not in chosen]
    unique = {(hit.surface, hit.line): hit for hit in chosen}
    return list(unique.values())[:_MAX_EVIDENCE]


def _evidence(hit: Hit) -> Evidence:
    text = " ".join(mask(strip_hidden(hit.text[: 4 * _MAX_TEXT].decode("utf-8", errors="replace"))).split())
    return Evidence(
        source=_SOURCES[hit.surface],
        text=text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…",
        at=_time_of(text),
        line=hit.line if hit.surface is Surface.LOG else None,
    )


def _time_of(text: str) -> datetime | None:
    """Servers in containers log in UTC; a line without a time has none."""
    if not (found := _TIME.search(text[:80])):
        return None
    try:
        return datetime.fromisoformat("{}-{}-{}T{}:{}:{}+00:00".format(*found.groups()))
    except ValueError:
        return None


def _vetoes(case: Case, knowledge: Knowledge) -> tuple[Veto, ...]:
    """Of the cause named first. Log text alone vetoes nothing (S4)."""
    if case.trust is Trust.LOG:
        return ()
    return tuple(
        Veto(step=step, cause=case.cause.cause, why=rule.why)
        for rule in (knowledge.veto[name] for name in case.cause.harms)
        for step in rule.steps
    )
