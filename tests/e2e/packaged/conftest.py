"""The package, built once a session, and unpacked: what the tests here run is what would be deployed."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from chalicelib.models.stack import Stack
from steward.cli.folders import PROJECT, read_stacks
from steward.packaging.package import package
from steward.sandbox import place
from steward.sandbox.deployed import DeployedStage
from steward.sandbox.door import Door
from tests.shipped import read_runbooks

from .every_kind import DOCUMENTS


@pytest.fixture(scope="session")
def door():
    """Where the packaged stack's `url` leads: this machine's own address, since S25 lets nobody ask loopback."""
    with Door() as opened:
        yield opened


@pytest.fixture(scope="session")
def stacks(door):
    """A stack whose address other processes can ask."""
    reachable = {"url": door.url, "url_hosts": (door.host,)}
    return {name: stack.model_copy(update=reachable) for name, stack in read_stacks().items()}


@pytest.fixture(scope="session")
def built(tmp_path_factory, stacks):
    """The shipped runbooks as they are."""
    return package(PROJECT, "dev", tmp_path_factory.mktemp("package") / "out", stacks, read_runbooks())


@pytest.fixture(scope="session")
def varied(tmp_path_factory):
    """As production: every kind of stack. They stand in two regions and the shipped stage does not say which is its
    own, so this project's does."""
    project = tmp_path_factory.mktemp("project")
    for name in ("chalicelib", "app.py", "requirements.txt", "runbooks"):
        (project / name).symlink_to(PROJECT / name)
    config = json.loads((PROJECT / ".chalice" / "config.json").read_text())
    config["stages"]["prod"]["region"] = place.REGION
    (project / ".chalice").mkdir()
    (project / ".chalice" / "config.json").write_text(json.dumps(config))
    stacks = {each["stack"]: Stack.model_validate(each) for each in DOCUMENTS}
    return package(project, "prod", tmp_path_factory.mktemp("varied") / "out", stacks, read_runbooks())


@pytest.fixture(scope="session")
def template(built):
    return json.loads(built.template.read_text())


@pytest.fixture(scope="session")
def tree(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(built.archive) as zipped:
        zipped.extractall(folder)
    return folder


@pytest.fixture
def stage(template, tree, door):
    with DeployedStage(template, tree) as deployed:
        door.behind = deployed.world.http
        yield deployed
    door.behind = None


@pytest.fixture
def scratch(tmp_path):
    """A tree of one's own to change."""

    def copied(tree: Path) -> Path:
        return Path(shutil.copytree(tree, tmp_path / "tree", copy_function=os.link))

    return copied
