"""Notices: worth knowing and the cause of nothing. They change no outcome, allow nothing and veto nothing."""

import pytest

from chalicelib.diagnosis.diagnose import Diagnoser
from chalicelib.diagnosis.notices import REMEDIES, notices
from chalicelib.diagnosis.symptoms import ProbeReading, Symptoms
from chalicelib.models.finding import Outcome
from tests.shipped import read_knowledge

DRIFT = {
    "what": "desired count",
    "run": "run-7",
    "at": "2026-11-20T10:00:00Z",
    "sentence": "Scale churn from 2 to 4 tasks",
    "now": "the desired count is 2",
    "by": "dana",
}
CALL = {"at": "2026-11-20T11:00:00Z", "event": "ecs:UpdateService", "by": "dana", "touched": ["churn"], "error": None}
QUOTA = {"service": "fargate", "name": "vCPU", "used": 15.0, "limit": 16.0, "percent": 93}
READINGS = (
    ProbeReading("stack.drift", {"reverted": [DRIFT], "differs": [DRIFT | {"by": None}], "outside": [CALL]}),
    ProbeReading("quotas.near_limit", {"near": [QUOTA], "quotas": [QUOTA]}),
)
WELL = ProbeReading("http.deep_health", {"state": "ok"})
ILL = ProbeReading("rds.describe_instance", {"status": "storage-full"})


@pytest.fixture(scope="module")
def diagnoser():
    return Diagnoser(read_knowledge())


def test_each_is_told_with_evidence_time_and_remedy():
    found = {finding.cause: finding for finding in notices(READINGS)}
    assert list(found) == list(REMEDIES)
    evidence = found["drift.reverted"].evidence[0]
    assert evidence.text == "Scale churn from 2 to 4 tasks (run run-7); now the desired count is 2, last by dana"
    assert evidence.at.hour == 10
    assert found["drift.changed_outside"].evidence[0].text == "dana called ecs:UpdateService on churn"
    assert found["quota.near_limit"].evidence[0].text == "fargate: 15 of 16 vCPU are used (93%)"
    assert all(finding.remedy and finding.notice and not finding.may_act_alone for finding in found.values())


def test_a_healthy_stack_stays_healthy_and_an_unknown_one_unknown(diagnoser):
    well = diagnoser.diagnose(Symptoms(probes=(WELL, *READINGS)))
    assert (well.outcome, len(well.findings), well.vetoes) == (Outcome.HEALTHY, len(REMEDIES), ())
    assert diagnoser.diagnose(Symptoms(probes=READINGS)).outcome is Outcome.UNKNOWN


def test_they_come_after_every_cause_however_sure_they_are(diagnoser):
    found = diagnoser.diagnose(Symptoms(probes=(*READINGS, ILL)))
    assert (found.outcome, found.findings[0].cause) == (Outcome.DIAGNOSED, "rds.storage_full")
    flags = [finding.notice for finding in found.findings]
    assert flags == sorted(flags)
    assert {veto.cause for veto in found.vetoes} == {"rds.storage_full"}


def test_a_probe_that_could_not_look_gives_none_s3():
    blind = [ProbeReading(each.probe, each.output, failed="not reachable from here") for each in READINGS]
    assert notices(blind) == ()


def test_names_that_others_gave_are_made_inert_s30():
    call = CALL | {"by": "\x1b[31mdana\u202e password=canary-5501"}
    (found,) = notices([ProbeReading("stack.drift", {"outside": [call]})])
    assert "\x1b" not in found.evidence[0].text
    assert "\u202e" not in found.evidence[0].text
    assert "canary" not in found.evidence[0].text


def test_no_notice_has_the_name_of_a_cause():
    assert not set(REMEDIES) & set(read_knowledge().cause)
