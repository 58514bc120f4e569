"""The package, built once a session, and unpacked: what the tests here run is what would be deployed."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from chalicelib.catalog.load import load_runbook
from steward.cli.folders import PROJECT, read_runbooks, read_stacks
from steward.packaging.package import package
from steward.sandbox.deployed import DeployedStage

QUICK = (
    ("within: 10m", "within: 2m"),
    ("hold: 2m", "hold: 2s"),
    ("every: 30s", "every: 1s"),
    # The world has no address that another process could ask, and its alarms are evaluated once a minute.
    ("that: [alarm_ok, service_steady, targets_healthy, deep_health]", "that: [service_steady, targets_healthy]"),
)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """With a `service-down` that proves within seconds: these functions live in real time."""
    runbooks = read_runbooks()
    text = (PROJECT / "runbooks/service-down.yml").read_text()
    for slow, quick in QUICK:
        assert slow in text
        text = text.replace(slow, quick)
    runbooks["service-down"] = load_runbook(text, "service-down.yml")
    return package(PROJECT, "dev", tmp_path_factory.mktemp("package") / "out", read_stacks(), runbooks)


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
def stage(template, tree):
    with DeployedStage(template, tree) as deployed:
        yield deployed


@pytest.fixture
def scratch(tmp_path):
    """A tree of one's own to change."""

    def copied(tree: Path) -> Path:
        return Path(shutil.copytree(tree, tmp_path / "tree", copy_function=os.link))

    return copied
