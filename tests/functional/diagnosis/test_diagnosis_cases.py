"""The project's own evaluation: cases in own words, a few for every cause, and what is sound or says nothing."""

from pathlib import Path
from typing import Any

import pytest

from chalicelib.diagnosis.diagnose import Diagnoser
from chalicelib.diagnosis.signals import read_signals
from chalicelib.diagnosis.symptoms import ProbeReading, Symptoms
from chalicelib.documents import read_yaml
from chalicelib.models.finding import Diagnosis, Outcome
from tests.shipped import read_knowledge

CASES = Path(__file__).parent / "cases"
LEAST_RIGHT = 0.95


def own_cases() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for path in sorted(CASES.glob("*.yml")):
        for cause, cases in read_yaml(path.read_bytes(), path.name).data.items():
            found += [(cause, case) for case in cases]
    return found


@pytest.fixture(scope="module")
def diagnoser() -> Diagnoser:
    return Diagnoser(read_knowledge())


def diagnosed(diagnoser: Diagnoser, case: dict[str, Any]) -> Diagnosis:
    signals = {
        "logs": case.get("log", "").replace("\\n", "\n").replace("\\t", "\t"),
        "ecs_stopped_reason": case.get("stop"),
        "exit_code": case.get("exit"),
        "http": case.get("http"),
    }
    return diagnoser.diagnose(read_signals(signals, "case"))


def named(found: Diagnosis) -> str:
    return found.findings[0].cause if found.findings else found.outcome.value


def test_at_least_95_in_a_hundred_root_causes_are_right(diagnoser: Diagnoser) -> None:
    cases = own_cases()
    wrong = [
        f"{cause}: got {got} for {case}"
        for cause, case in cases
        if (got := named(diagnosed(diagnoser, case))) != cause and got not in case.get("also", ())
    ]
    assert len(cases) >= 150
    assert len(wrong) <= (1 - LEAST_RIGHT) * len(cases), "\n".join(wrong)


@pytest.mark.parametrize("outcome", [Outcome.HEALTHY, Outcome.UNKNOWN])
def test_what_is_sound_or_says_nothing_is_never_diagnosed(diagnoser: Diagnoser, outcome: Outcome) -> None:
    for cause, case in own_cases():
        if cause == outcome.value:
            assert diagnosed(diagnoser, case).outcome is outcome, case


def test_every_cause_has_a_case_a_signature_and_a_remedy() -> None:
    knowledge = read_knowledge()
    tried = {cause for cause, _ in own_cases()}
    proven = {signature.cause for signature in knowledge.signatures}
    causes = set(knowledge.cause)
    assert len(causes) == 79
    assert causes <= proven
    assert causes - tried <= {"auth.db_ephemeral_or_lost"}


PROBED = {
    "db.connection_refused": ProbeReading("db.connect", {"applicable": True, "problem": "refused", "reachable": False}),
    "db.too_many_connections": ProbeReading("db.connect", {"problem": "too_many_connections", "authenticated": None}),
    "db.auth_failed": ProbeReading("db.connect", {"problem": "authentication", "authenticated": False}),
    "rds.storage_full": ProbeReading("rds.describe_instance", {"status": "storage-full"}),
    "db.connection_lost": ProbeReading("rds.describe_instance", {"status": "available", "failing_over": True}),
    "s3.bucket_missing": ProbeReading("s3.bucket_access", {"applicable": True, "exists": False}),
    "s3.region_mismatch": ProbeReading("s3.bucket_access", {"exists": True, "region_matches": False}),
    "ldap.bind_failed": ProbeReading("ldap.bind", {"problem": "authentication", "bound": False}),
    "secrets.not_found": ProbeReading("secrets.describe", {"missing": ["db-password"]}),
}


@pytest.mark.parametrize("cause", PROBED)
def test_what_a_probe_read_names_the_cause_and_s3_the_same_one_failing_for_our_reasons_does_not(
    diagnoser: Diagnoser, cause: str
) -> None:
    reading = PROBED[cause]
    found = diagnoser.diagnose(Symptoms(probes=(reading,)))
    assert named(found) == cause
    assert found.findings[0].may_act_alone
    blind = ProbeReading(reading.probe, reading.output, failed="not reachable from here")
    assert diagnoser.diagnose(Symptoms(probes=(blind,))).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "cause", ["rds.storage_full", "db.connection_lost", "db.auth_failed", "db.too_many_connections"]
)
def test_s1_s9_no_restart_while_the_database_has_no_room_fails_over_refuses_logins_or_connections(
    diagnoser: Diagnoser, cause: str
) -> None:
    vetoes = diagnoser.diagnose(Symptoms(probes=(PROBED[cause],))).vetoes
    assert {"ecs.restart_tasks", "ecs.force_deployment"} <= {veto.step for veto in vetoes}


def test_s4_what_only_a_log_says_is_never_sure_and_vetoes_nothing(diagnoser: Diagnoser) -> None:
    for _, case in own_cases():
        found = diagnosed(diagnoser, case)
        if set(case) <= {"log", "also"}:
            assert all(finding.confidence <= 0.8 and not finding.may_act_alone for finding in found.findings)
            assert found.vetoes == ()


def test_every_finding_shows_what_it_rests_on(diagnoser: Diagnoser) -> None:
    for _, case in own_cases():
        for finding in diagnosed(diagnoser, case).findings:
            assert finding.evidence
            assert finding.remedy
