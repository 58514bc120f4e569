"""Everything that a stack file can ask for, in one package: the linter has nothing to say of that one either."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.models.stack import Stack
from steward.cli.folders import PROJECT, read_runbooks
from steward.packaging.package import package
from steward.sandbox import place

ACCOUNT = "210987654321"
NETWORK = {"subnets": ["subnet-0a1b2c3d4e5f60001"], "securityGroups": ["sg-0a1b2c3d4e5f60000"]}
BARE = {"region": place.REGION, "ecs": {"cluster": "c", "service": "s"}}
DOCUMENTS = (
    {
        **place.STACK_DOCUMENT,
        "network": NETWORK,
        "topics": [place.TOPIC_ARN],
        "channels": {"default": ["log", "sns:ops", "slack:ops/hook"]},
    },
    {
        **BARE,
        "stack": "aurora",
        "autonomy": "suggest",
        "network": NETWORK,
        "database": {"engine": "postgres", "cluster": "aurora-db", "secret": "aurora/db"},
        "ldap": {"url": "ldaps://ldap.example.com", "baseDn": "dc=example", "bindSecret": "ldap/bind"},
    },
    {**BARE, "stack": "bare"},
    {**BARE, "stack": "far", "region": "eu-west-1", "artifacts": {"bucket": "b", "backupBucket": "b-backup"}},
    {**place.STACK_DOCUMENT, "stack": "foreign", "account": ACCOUNT, "ecs": BARE["ecs"], "backup": {}},
)


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    """The stage does not say where it stands and its stacks stand in two regions: a project that says it."""
    project = tmp_path_factory.mktemp("project")
    for name in ("chalicelib", "app.py", "requirements.txt", "runbooks"):
        (project / name).symlink_to(PROJECT / name)
    config = json.loads((PROJECT / ".chalice" / "config.json").read_text())
    config["stages"]["dev"]["region"] = place.REGION
    (project / ".chalice").mkdir()
    (project / ".chalice" / "config.json").write_text(json.dumps(config))
    stacks = {each["stack"]: Stack.model_validate(each) for each in DOCUMENTS}
    return package(project, "dev", tmp_path_factory.mktemp("varied") / "out", stacks, read_runbooks())


def test_cfn_lint_has_nothing_to_say_of_any_template(varied):
    templates = sorted(varied.out.glob("*.json"))
    assert [path.name for path in templates] == ["away-far.json", "away-foreign.json", "sam.json"]
    words = [str(Path(sys.executable).with_name("cfn-lint")), *map(str, templates)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stdout


def test_the_package_says_for_which_region_it_is_made(varied):
    assert (varied.out / "region").read_text() == f"{place.REGION}\n"
    assert any("away-far.json, away-foreign.json" in note for note in varied.notes)


def test_two_stacks_of_one_network_share_reach(varied):
    resources = json.loads(varied.template.read_text())["Resources"]
    made = [one for one in resources if one.startswith("Reach") and resources[one]["Type"].endswith("::Function")]
    assert len(made) == 1
