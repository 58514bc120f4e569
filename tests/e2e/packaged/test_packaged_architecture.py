"""arm64 or x86_64: what the template says of every function is what every compiled part of the zip is made for."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from chalicelib.models.stack import Stack
from steward.cli.folders import PROJECT, read_runbooks
from steward.packaging.package import package
from steward.sandbox import place

# e_machine, two bytes at offset 18 of an ELF header (elf(5)).
MACHINES = {"x86_64": 62, "arm64": 183}
NETWORK = {"subnets": ["subnet-0a1b2c3d4e5f60001"], "securityGroups": ["sg-0a1b2c3d4e5f60000"]}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A checkout with a stage for each processor."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("app.py", "requirements.txt"):
        shutil.copy(PROJECT / name, folder / name)
    shutil.copytree(PROJECT / "chalicelib", folder / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    config = json.loads((PROJECT / ".chalice/config.json").read_text())
    config["stages"] = {
        stage_for(name): {**config["stages"]["dev"], "api_gateway_stage": stage_for(name), "lambda_architecture": name}
        for name in MACHINES
    }
    (folder / ".chalice").mkdir()
    (folder / ".chalice/config.json").write_text(json.dumps(config))
    return folder


def stage_for(machine):
    return machine.replace("_", "")


def compiled(archive):
    """Name to e_machine of every ELF file, whatever it is called."""
    with zipfile.ZipFile(archive) as zipped:
        heads = {name: zipped.open(name).read(20) for name in zipped.namelist()}
    return {name: int.from_bytes(head[18:20], "little") for name, head in heads.items() if head.startswith(b"\x7fELF")}


@pytest.mark.parametrize("architecture", MACHINES)
def test_every_function_s_architecture_is_that_of_every_compiled_part_of_the_zip(project, tmp_path, architecture):
    stack = Stack.model_validate({**place.STACK_DOCUMENT, "network": NETWORK})  # with a `reach` of its own
    stage = stage_for(architecture)
    built = package(project, stage, tmp_path / "out", {stack.stack: stack}, read_runbooks())
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
    words = [str(Path(sys.executable).with_name("cfn-lint")), str(built.template)]
    linted = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert linted.returncode == 0, linted.stdout
