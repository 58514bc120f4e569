"""arm64 or x86_64: what the template says of every function is what every compiled part of the zip is made for."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from chalicelib.models.stack import Stack
from steward.cli.folders import PROJECT
from steward.packaging.package import package
from steward.sandbox import place
from tests.shipped import read_runbooks

from .every_kind import NETWORK

# e_machine, two bytes at offset 18 of an ELF header (elf(5)).
MACHINES = {"x86_64": 62, "arm64": 183}


@pytest.fixture(scope="module")
def built_for_arm(tmp_path_factory):
    """By a checkout whose stage says so, for a stack with a `reach` of its own."""
    folder = tmp_path_factory.mktemp("arm")
    project = folder / "project"
    project.mkdir()
    for name in ("app.py", "requirements.txt"):
        shutil.copy(PROJECT / name, project / name)
    shutil.copytree(PROJECT / "chalicelib", project / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    config = json.loads((PROJECT / ".chalice/config.json").read_text())
    config["stages"] = {
        "arm64": {**config["stages"]["dev"], "api_gateway_stage": "arm64", "lambda_architecture": "arm64"}
    }
    (project / ".chalice").mkdir()
    (project / ".chalice/config.json").write_text(json.dumps(config))
    stack = Stack.model_validate({**place.STACK_DOCUMENT, "network": NETWORK})
    return package(project, "arm64", folder / "out", {stack.stack: stack}, read_runbooks())


def compiled(archive):
    """Name to e_machine of every ELF file, whatever it is called."""
    with zipfile.ZipFile(archive) as zipped:
        heads = {name: zipped.open(name).read(20) for name in zipped.namelist()}
    return {name: int.from_bytes(head[18:20], "little") for name, head in heads.items() if head.startswith(b"\x7fELF")}


@pytest.mark.parametrize(("architecture", "package_of_it"), [("x86_64", "varied"), ("arm64", "built_for_arm")])
def test_every_function_s_architecture_is_that_of_every_compiled_part_of_the_zip(request, architecture, package_of_it):
    built = request.getfixturevalue(package_of_it)
    machines = compiled(built.archive)
    assert any(".so" in name for name in machines)
    assert set(machines.values()) == {MACHINES[architecture]}
    resources = json.loads(built.template.read_text())["Resources"]
    said = {
        name: body["Properties"].get("Architectures")
        for name, body in resources.items()
        if body["Type"] == "AWS::Serverless::Function"
    }
    assert any(name.startswith("Reach") for name in said)
    assert all(each == [architecture] for each in said.values())


def test_cfn_lint_has_nothing_to_say_of_a_template_for_arm(built_for_arm):
    words = [str(Path(sys.executable).with_name("cfn-lint")), str(built_for_arm.template)]
    linted = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert linted.returncode == 0, linted.stdout
