"""What is generated is what is committed; `steward bench` answers as promised."""

import json

from chalicelib.wiring import step_index
from steward.bench.duplicates import duplicate_calls
from steward.cli.folders import PROJECT
from steward.cli.main import run_cli
from steward.packaging.generated import drifted, generated, write


def test_what_is_committed_is_what_the_code_generates():
    assert drifted(PROJECT, generated(step_index())) == []


def test_a_file_that_drifted_is_named_and_written_anew(tmp_path):
    files = generated(step_index())
    assert write(tmp_path, files) == list(files)
    (tmp_path / "docs/reference/steps.md").write_text("by hand")
    assert drifted(tmp_path, files) == ["docs/reference/steps.md"]
    assert write(tmp_path, files) == ["docs/reference/steps.md"]
    assert drifted(tmp_path, files) == []


def test_generate_check_prints_one_json_document(capsys):
    assert run_cli(["generate", "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["drifted"] == []


def test_the_schema_of_runbooks_is_printed(capsys):
    assert run_cli(["runbooks", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Runbook of MLflow Steward"


def test_a_duplicate_delivery_costs_one_store_call():
    found = duplicate_calls()
    assert (found.figure, found.ok) == (1, True)


def test_a_bench_is_a_json_line_with_figure_and_limit(capsys):
    assert run_cli(["bench", "duplicate", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert list(json.loads(line)) == ["name", "figure", "unit", "limit", "ok", "detail"]
