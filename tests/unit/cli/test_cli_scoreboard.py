"""The table of `demo --scenario all`: its cells follow from the records of runs, whatever these say."""

import pytest

from steward.cli.scoreboard import did, ended, row_of

VETO = "veto: ecs.force_deployment would do harm while rds.storage_full: A start writes to the database."


def run(name="r-1", status="finished", *, outcome="all checks true for 120 s", verdict=None, cause=None, approval=None):
    diagnosis = {"outcome": "diagnosed" if cause else "healthy", "cause": cause, "confidence": 0.9 if cause else 0.0}
    return {
        "id": name, "status": status, "outcome": outcome, "verdict": verdict, "started_by": "alarm x",
        "runbook": "service-down", "diagnosis": diagnosis if cause != "-" else None, "approval": approval,
    }  # fmt: skip


def row(*runs, changes=(), main=-1):
    found = runs[main] if runs else None
    counted = [{"operation": operation, "count": count} for operation, count in changes]
    return row_of({
        "scenario": "s", "fault": "f", "runs": list(runs), "run": found, "changes": counted,
        "verdict": found["verdict"] if found else None, "seconds": 0.1,
    })  # fmt: skip


def test_a_veto_is_told_with_its_reason_and_is_the_end_of_a_run_without_a_verdict():
    told = row(run(status="stopped", outcome=VETO, cause="rds.storage_full"))
    assert (told["diagnosis"], told["confidence"]) == ("rds.storage_full", 0.9)
    assert did(told) == ["vetoed ecs.force_deployment: A start writes to the database."]
    assert ended(told) == "vetoed"


def test_what_was_refused_before_the_run_that_acted_is_told_too():
    refused = run("r-1", "stopped", outcome="step restart failed: S9: the last launch failed", cause="-")
    acted = run("r-2", verdict="verified", approval={"state": "approved", "by": "ada"}, cause="image.pull_rate_limited")
    told = row(refused, acted, changes=[("ecs:UpdateService", 1)])
    assert did(told) == ["refused: S9: the last launch failed", "1 ecs:UpdateService; ada said yes"]
    assert ended(told) == "verified"


@pytest.mark.parametrize("approval", [{"state": "pending", "by": None}, {"state": "rejected", "by": "ada"}, None])
def test_nobody_is_said_to_have_approved_who_did_not(approval):
    assert row(run(approval=approval))["approved_by"] is None


@pytest.mark.parametrize(
    ("status", "said"),
    [("awaiting_approval", "asks people"), ("stopped", "nothing done"), ("finished", "people are told")],
)
def test_a_run_without_a_verdict_is_told_in_words(status, said):
    told = row(run(status=status, outcome=None if status == "awaiting_approval" else "a reason"))
    assert ended(told) == said


def test_the_diagnosis_of_another_run_stands_in_where_the_main_one_made_none():
    assert row(run("r-1", cause="container.oom"), run("r-2", cause="-"))["diagnosis"] == "container.oom"
    healthy = row(run())
    assert (healthy["diagnosis"], healthy["confidence"]) == ("healthy", None)


def test_without_a_run_the_row_says_so():
    told = row()
    assert (ended(told), did(told), told["diagnosis"]) == ("no run", ["changes nothing"], None)


def test_s30_a_long_or_hostile_outcome_stays_one_short_line():
    told = row(run(status="stopped", outcome="step a failed: \x1b[2Jtask says\n" + "word " * 100))
    (line,) = did(told)
    assert line.startswith("refused: task says word")
    assert line.endswith(" …")
    assert len(line) < 100
    assert line.isprintable()
