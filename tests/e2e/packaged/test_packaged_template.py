"""The package itself: clean for the linter, small, complete, and the same bytes every time."""

import subprocess
import sys
from pathlib import Path

from steward.cli.folders import PROJECT
from steward.packaging.package import package
from tests.shipped import read_runbooks

IMPORTS_ALL = """
import importlib, pathlib, sys
sys.path.insert(0, ".")
for path in sorted(pathlib.Path("chalicelib").rglob("*.py")):
    importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
import app, ldap3, pg8000, pymysql
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from slack_sdk.signature import SignatureVerifier
"""


def run(words, cwd):
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)  # noqa: S603 - our own words


def test_cfn_lint_has_nothing_to_say(built):
    done = run([str(Path(sys.executable).with_name("cfn-lint")), str(built.template)], PROJECT)
    assert done.returncode == 0, done.stdout


def test_the_zip_is_under_8_mb_without_boto3_tests_command_line_or_yaml(built, tree):
    assert built.zip_bytes < 8_000_000
    there = {path.name for path in tree.iterdir()}
    assert {"app.py", "chalicelib", "catalog.json", "signatures.json", "stacks.json"} <= there
    assert not there & {"boto3", "botocore", "tests", "steward", "yaml", "runbooks"}
    assert not list(tree.rglob("*.yml"))


def test_s8_packaging_says_when_nobody_may_stop_or_approve(built):
    """As it ships: no ARN that is in the repository could be anybody's."""
    assert any(note.startswith("nobody may stop") and "STEWARD_ROLES" in note for note in built.notes)


def test_every_module_of_steward_loads_from_what_is_left(tree):
    """With nothing of this environment beside it: no site-packages, no checkout."""
    words = [sys.executable, "-I", "-S", "-c", IMPORTS_ALL]
    done = run(words, tree)
    assert done.returncode == 0, done.stderr[-2000:]


def test_every_handler_of_the_template_is_there_to_be_called(template, tree):
    handlers = {
        body["Properties"]["Handler"].removeprefix("app.")
        for body in template["Resources"].values()
        if body["Type"] == "AWS::Serverless::Function"
    }
    asking = f"import sys; sys.path.insert(0, '.'); import app; assert all(hasattr(app, n) for n in {handlers!r})"
    done = run([sys.executable, "-I", "-S", "-c", asking], tree)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_same_commit_gives_the_same_bytes(built, stacks, tmp_path):
    again = package(PROJECT, "dev", tmp_path / "again", stacks, read_runbooks())
    assert again.archive.read_bytes() == built.archive.read_bytes()
    assert again.template.read_bytes() == built.template.read_bytes()
