"""The package, built once a session, and unpacked: what the tests here run is what would be deployed."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from steward.cli.folders import PROJECT, read_runbooks, read_stacks
from steward.packaging.package import package
from steward.sandbox.deployed import DeployedStage
from steward.sandbox.door import Door


@pytest.fixture(scope="session")
def door():
    """Where the packaged stack's `url` leads: this machine's own address, since S25 lets nobody ask loopback."""
    with Door() as opened:
        yield opened


@pytest.fixture(scope="session")
def built(tmp_path_factory, door):
    """The shipped runbooks as they are, for a stack whose address other processes can ask."""
    reachable = {"url": door.url, "url_hosts": (door.host,)}
    stacks = {name: stack.model_copy(update=reachable) for name, stack in read_stacks().items()}
    return package(PROJECT, "dev", tmp_path_factory.mktemp("package") / "out", stacks, read_runbooks())


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
