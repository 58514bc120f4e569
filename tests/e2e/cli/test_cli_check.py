"""`steward stacks check` and `steward diagnose --stack`: the whole stack, asked now, changing nothing."""

import json

import pytest

from steward.cli.main import run_cli

STACK = "fraud-scoring-mlflow"
CAUSES = {
    "password-rotated": "db.auth_failed",
    "database-disk-full": "rds.storage_full",
    "image-rate-limited": "image.pull_rate_limited",
    "bucket-missing": "s3.bucket_missing",
    "doubled-port": "db.url_malformed",
}


def said(capsys, *argv, code=0):
    assert run_cli([*argv, "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("fault", "cause"), CAUSES.items(), ids=CAUSES)
def test_a_sick_stack_is_asked_and_its_cause_comes_first(capsys, fault, cause):
    diagnosis = said(capsys, "diagnose", "--stack", STACK, "--on", f"sandbox:{fault}")
    assert (diagnosis["outcome"], diagnosis["cause"]) == ("diagnosed", cause)
    assert diagnosis["findings"][0]["evidence"]


def test_the_check_has_a_row_for_every_probe_and_the_diagnosis_above(capsys):
    checked = said(capsys, "stacks", "check", STACK, "--on", "sandbox:password-rotated")
    rows = {row["probe"]: row["says"] for row in checked["probes"]}
    assert "problem authentication" in rows["db.connect"]
    assert {"ecs.describe_service", "s3.bucket_access", "cloudtrail.recent_changes"} <= set(rows)
    assert "ecs.restart_tasks" in {veto["step"] for veto in checked["diagnosis"]["vetoes"]}


def test_people_read_the_cause_the_remedy_and_what_not_to_do(capsys):
    assert run_cli(["stacks", "check", STACK, "--on", "sandbox:image-rate-limited"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("image.pull_rate_limited")
    assert "not now: ecs.force_deployment" in text


def test_an_unknown_stack_is_a_sentence_and_exit_code_2(capsys):
    assert run_cli(["stacks", "check", "nobody"]) == 2
    assert "no stack named 'nobody'" in capsys.readouterr().err


def test_how_the_data_is_backed_up_is_told_in_words_and_figures(capsys):
    backups = said(capsys, "stacks", "check", STACK, "--on", "sandbox")["backups"]
    assert backups["late"] is True
    others = backups["posture"]["others"]
    assert (others["automated"], others["aws_backup"]) == (7, 2)
    assert "no restore was ever proven: run restore-drill" in backups["lines"]
