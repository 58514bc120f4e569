"""Chalice by itself, without `steward package`: what it needs is committed, made by `steward generate`."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from steward.cli.folders import PROJECT
from steward.packaging.generated import for_chalice_alone, write

CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"
READS_WHAT_IS_COMPILED = """
import sys
sys.path.insert(0, ".")
from chalicelib import wiring
runbooks, causes = wiring._compiled(wiring.CATALOG_FILE), wiring._compiled(wiring.SIGNATURES_FILE)
print(len(wiring._runbooks(runbooks)), wiring._diagnoser(causes) is not None)
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A checkout's files, and what `steward generate` writes for Chalice."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("app.py", "requirements.txt", ".chalice/config.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    shutil.copytree(PROJECT / "chalicelib", folder / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    assert len(write(folder, for_chalice_alone())) == 3
    return folder


def run(words, cwd):
    env = {**os.environ, "AWS_DEFAULT_REGION": "eu-west-1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - our own words


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_chalice_package_alone_makes_a_zip_that_knows_its_runbooks_and_causes(clone, tmp_path, stage):
    done = run([sys.executable, "-c", CHALICE, "package", "--stage", stage, str(tmp_path / "out")], clone)
    assert done.returncode == 0, done.stderr
    resources = json.loads((tmp_path / "out/sam.json").read_text())["Resources"]
    functions = {name: body["Properties"] for name, body in resources.items() if body["Type"].endswith("::Function")}
    assert {"APIHandler", "Intake", "Schedule", "Advance", "Sweep", "CopyShard", "WebhookAuthorizer"} <= set(functions)
    assert functions["Advance"]["Environment"]["Variables"]["STEWARD_STAGE"] == stage
    with zipfile.ZipFile(tmp_path / "out/deployment.zip") as zipped:
        zipped.extractall(tmp_path / "tree")
    said = run([sys.executable, "-c", READS_WHAT_IS_COMPILED], tmp_path / "tree")
    runbooks = len(list((PROJECT / "runbooks").glob("*.yml")))
    assert said.stdout.split() == [str(runbooks), "True"], said.stderr[-2000:]
