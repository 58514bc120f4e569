"""Summaries say what is in the record, in the words people need, and nothing else."""

from chalicelib.models.change import ChangeState, Undo
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.run import Mode, RunStatus, StepStatus, Verdict
from chalicelib.models.summary import Severity
from chalicelib.notify.compose import summarize_run
from tests.unit.notify.facts import (
    NOW,
    approval,
    change,
    commands,
    incident,
    probe,
    run,
    stack,
    step,
    text_of,
    titles,
    watched,
)


def test_the_title_tells_the_whole_story_in_one_line() -> None:
    summary = summarize_run(run(), [step(change(), states=(ChangeState.DONE,))], incident(), stack(), "end", NOW)
    assert summary.title == "fraud-scoring-mlflow: unhealthy tracking server, restarted 1 task, verified in 6 min"
    assert summary.severity is Severity.GOOD
    assert summary.id == "run-1:end"


def test_the_end_of_a_verified_run_says_what_was_found_changed_and_how_it_was_proved() -> None:
    done = run(verification=watched(CheckResult(check="alarm_ok", answer=Answer.TRUE, because="unhealthy-hosts is OK")))
    steps = [probe(running=2, desired=2, unhealthy=1, tasks=["a", "b"]), step(change(), states=(ChangeState.DONE,))]
    summary = summarize_run(done, steps, incident(), stack(), "end", NOW)
    assert titles(summary) == [
        "What happened",
        "What Steward found",
        "What was changed",
        "How it was verified",
        "What comes next",
    ]
    assert "running 2, desired 2, unhealthy 1, tasks 2" in text_of(summary, "What Steward found")
    assert "healthy (run-1)" in text_of(summary, "What was changed")
    assert "alarm_ok: true | unhealthy-hosts is OK" in text_of(summary, "How it was verified")
    assert "every check held true" in text_of(summary, "How it was verified")


def test_a_finding_of_any_probe_is_told_with_the_whole_command_to_paste() -> None:
    paste = f"aws s3api put-bucket-lifecycle-configuration {'x' * 600} END"
    told = {"cause": "noncurrent_versions", "evidence": ["3.0 GiB would stay"], "remedy": paste}
    steps = [probe(runs=2, findings=[told, {"rule": "of another shape"}])]
    said = text_of(summarize_run(run(), steps, incident(), stack(), "end", NOW), "What Steward found")
    assert f"noncurrent_versions: {paste} | 3.0 GiB would stay" in said


def test_a_run_that_changed_nothing_says_so_plainly() -> None:
    ended = run(verdict=Verdict.RECOVERED_BEFORE_ACTION, outcome="the alarm was OK again")
    summary = summarize_run(ended, [], incident(), stack(), "end", NOW)
    assert text_of(summary, "What was changed").startswith("Nothing was changed.")
    assert "nothing changed, recovered before action after 6 min" in summary.title
    assert summary.severity is Severity.INFO


def test_a_failed_run_is_critical_and_names_what_is_half_done() -> None:
    steps = [
        step(change(), change(), change(), states=(ChangeState.DONE, ChangeState.STARTED), status=StepStatus.FAILED)
    ]
    failed = run(verdict=Verdict.FAILED, needs_person=True)
    summary = summarize_run(failed, steps, incident(), stack(), "end", NOW)
    half = text_of(summary, "What is half-done")
    assert "begun and not finished" in half
    assert "planned, never begun" in half
    assert summary.severity is Severity.CRITICAL
    assert "Somebody has to look" in text_of(summary, "What comes next")


def test_a_stopped_run_says_what_was_never_begun_s8() -> None:
    stopped = run(status=RunStatus.STOPPED, verdict=None, outcome="stopped by ops: maintenance")
    summary = summarize_run(stopped, [step(change())], incident(), stack(), "end", NOW)
    assert "planned, never begun" in text_of(summary, "What is half-done")
    assert "has no verdict. | stopped by ops" in text_of(summary, "How it was verified")
    assert summary.severity is Severity.WARNING


def test_what_infrastructure_code_owns_is_named_only_where_something_was_changed_s13() -> None:
    scale = change(
        action="ecs.scale_service", sentence="Scale c/s from 2 to 3", touches={}, write_back="desired_count = 3"
    )
    steps = [step(scale, scale, states=(ChangeState.DONE, ChangeState.STORED), do="ecs.scale_service")]
    summary = summarize_run(run(), steps, incident(), stack(), "end", NOW)
    lines = text_of(summary, "What to write back into infrastructure code").splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("desired_count = 3")
    assert "scaled the service" in summary.title


def test_what_the_run_itself_has_put_back_is_not_to_be_written_back() -> None:
    undo = Undo(operation="ecs:UpdateService", parameters={"desiredCount": 2})
    scale = change(action="ecs.scale_service", undo=undo, write_back="desired_count = 3")
    back = change(action="ecs.scale_service", operation=undo.operation, parameters=undo.parameters)
    other = change(action="ecs.scale_service", operation=undo.operation, parameters={"desiredCount": 1})
    for second, is_told in ((back, False), (other, True)):
        steps = [step(scale, second, states=(ChangeState.DONE, ChangeState.DONE), do="ecs.scale_service")]
        summary = summarize_run(run(), steps, incident(), stack(), "end", NOW)
        assert ("What to write back into infrastructure code" in titles(summary)) is is_told


def test_what_a_probe_says_in_words_is_told_whatever_else_it_found() -> None:
    output = {f"fact_{number}": number for number in range(12)} | {"detail": "MLflow 3.1.4 answers"}
    probe = step(do="mlflow.upgrade_state").model_copy(update={"output": output, "status": StepStatus.DONE})
    summary = summarize_run(run(), [probe], incident(), stack(), "end", NOW)
    assert text_of(summary, "What Steward found").endswith("… | MLflow 3.1.4 answers")


def test_a_change_that_can_be_undone_offers_the_undo_s34() -> None:
    undone = change(undo=Undo(operation="ecs:UpdateService", parameters={"desiredCount": 2}))
    summary = summarize_run(run(), [step(undone, states=(ChangeState.DONE,))], incident(), stack(), "end", NOW)
    assert "steward runs undo run-1 --plan" in commands(summary)
    plain = summarize_run(run(), [step(change(), states=(ChangeState.DONE,))], incident(), stack(), "end", NOW)
    assert not [c for c in commands(plain) if "undo" in c]


def test_an_approval_shows_the_plan_what_is_lost_and_both_answers_s1() -> None:
    waits = run(status=RunStatus.AWAITING_APPROVAL, verdict=None, ended_at=None)
    steps = [step(change(loses="users in /tmp/mlflow-auth.db"), status=StepStatus.PLANNED)]
    summary = summarize_run(waits, steps, incident(), stack(), "approval", NOW, approval())
    assert summary.id == "run-1:approval:2"
    assert "cannot be brought back: users in" in text_of(summary, "What would be changed")
    assert "Restart 1 of 2 tasks?" in text_of(summary, "What comes next")
    assert "What was changed" not in titles(summary)
    assert [c.split()[2] for c in commands(summary) if "runs a" in c or "runs r" in c] == ["approve", "reject"]


def test_a_live_run_offers_to_cancel_it_and_to_stop_the_stack_s8() -> None:
    live = run(status=RunStatus.RUNNING, verdict=None, ended_at=None)
    summary = summarize_run(live, [], incident(), stack(), "start", NOW)
    assert any(c.startswith("steward runs cancel run-1") for c in commands(summary))
    assert any(c.startswith("steward stop --stack fraud-scoring-mlflow") for c in commands(summary))


def test_a_suggestion_offers_the_run_and_says_that_nothing_was_done() -> None:
    planned = run(mode=Mode.SUGGEST, verdict=None)
    summary = summarize_run(
        planned, [step(change(), status=StepStatus.PLANNED)], incident(), stack(), "suggestion", NOW
    )
    assert "What would be changed" in titles(summary)
    assert "steward run service-down --stack fraud-scoring-mlflow" in commands(summary)
    assert "only planned" in text_of(summary, "What comes next")


def test_an_approval_that_was_answered_is_not_asked_again_at_the_end() -> None:
    summary = summarize_run(
        run(), [step(change(), states=(ChangeState.DONE,))], incident(), stack(), "end", NOW, approval()
    )
    assert summary.id == "run-1:end"
    assert not [c for c in commands(summary) if "approve" in c]


def test_a_run_by_hand_has_no_incident_and_still_a_title() -> None:
    by_hand = run(incident_id=None, started_by="alice", reason="after the upgrade")
    summary = summarize_run(by_hand, [], None, stack(), "end", NOW)
    assert summary.title.startswith("fraud-scoring-mlflow: Bring an unhealthy tracking server back, nothing changed")
    assert "reason given: after the upgrade" in text_of(summary, "What happened")


def test_evidence_in_a_summary_is_cleaned_and_cut_s29_s30() -> None:
    nasty = "\x1b[31mFATAL\x1b[0m password=canary \u202e" + "x" * 2000
    summary = summarize_run(run(), [probe(last_log=nasty)], incident(title=nasty), stack(), "end", NOW)
    everything = summary.model_dump_json()
    assert "canary" not in everything
    assert "\\u001b" not in everything
    assert max(len(line.text) for section in summary.sections for line in section.lines) <= 500


def test_a_long_list_is_cut_loudly() -> None:
    many = [change(parameters={"task": str(n)}) for n in range(60)]
    steps = [step(*many, states=(ChangeState.DONE,) * 60)]
    summary = summarize_run(run(), steps, incident(), stack(), "end", NOW)
    assert "and 41 more" in text_of(summary, "What was changed")
    assert "restarted 60 tasks" in summary.title
