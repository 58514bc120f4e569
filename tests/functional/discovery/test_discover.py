"""`steward stacks discover`: on the sandbox it finds what the shipped stack file says, and it only reads."""

import json

import pytest
from moto import mock_aws

from chalicelib.catalog.load import load_stack
from steward.cli.found_stacks import keep_found
from steward.cli.main import run_cli
from steward.discovery.look import discover
from steward.sandbox import place
from steward.sandbox.world import World
from tests.aws_sessions import aws_session

REGION = "eu-west-2"


@pytest.fixture
def said():
    with World.create() as world:
        yield discover(world.session(), REGION)
        assert world.mutations() == []


def test_the_sandbox_is_found_as_its_own_stack_file_describes_it(said):
    (found,) = said["found"]
    assert found["mistakes"] == []
    stack, known = load_stack(found["text"], f"{found['stack']}.yml"), place.stack()
    assert (stack.stack, stack.region, stack.ecs, stack.load_balancer) == (
        known.stack,
        known.region,
        known.ecs,
        known.load_balancer,
    )
    assert (stack.database, stack.mlflow, stack.logs) == (known.database, known.mlflow, known.logs)
    assert stack.artifacts is not None
    assert known.artifacts is not None
    assert (stack.artifacts.bucket, stack.artifacts.prefix) == (known.artifacts.bucket, known.artifacts.prefix)
    assert stack.network is not None
    assert stack.network.subnets == place.SUBNETS
    assert stack.autonomy.value == "suggest"
    assert {line["key"] for line in found["sure"]} >= {
        "ecs.service",
        "database.instance",
        "artifacts.bucket",
        "logs.group",
    }
    assert {line["key"] for line in found["guessed"]} >= {"url", "network.subnets"}


def test_no_secret_of_the_world_is_in_what_it_says_s29(said):
    text = json.dumps(said)
    assert place.DATABASE_PASSWORD not in text
    assert place.ADMIN_PASSWORD not in text


def test_a_file_that_is_there_is_never_touched(said, tmp_path):
    there = tmp_path / "fraud-scoring-mlflow.yml"
    there.write_text("# mine\n")
    kept = keep_found(said, tmp_path, write=True)["found"][0]
    assert (kept["written"], there.read_text()) == (False, "# mine\n")
    assert "stays as it is" in kept["why_not"]


def test_a_deployment_that_another_file_cares_for_gets_no_second_one(said, tmp_path):
    first = keep_found(said, tmp_path, write=True)["found"][0]
    assert first["written"]
    renamed = (tmp_path / "fraud-scoring-mlflow.yml").rename(tmp_path / "fraud.yml")
    renamed.write_text(renamed.read_text().replace("\nstack: fraud-scoring-mlflow", "\nstack: fraud"))
    again = keep_found(said, tmp_path, write=True)["found"][0]
    assert (again["written"], again["file"]) == (False, str(renamed))
    assert "cared for" in again["why_not"]


def test_an_account_of_others_gives_nothing_and_rights_that_are_missing_are_said_s3():
    with mock_aws():
        session = aws_session(region_name=REGION, aws_access_key_id="AK", aws_secret_access_key="SK")
        session.client("ecs").create_cluster(clusterName="web")
        said = discover(session, REGION)
        assert (said["found"], said["looked_at"]) == ([], {"clusters": ["web"], "services": 0})
        missing = discover(session, REGION, cluster="no-such-cluster")
        assert "ClusterNotFound" in missing["not_read"][0]


def test_the_command_writes_the_file_shows_it_and_refuses_a_stage(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_cli(["stacks", "discover", "--show"]) == 0
    assert not (tmp_path / "stacks").exists()
    assert "# GUESSED:" in capsys.readouterr().out
    assert run_cli(["stacks", "discover", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found"][0]["written"]
    assert run_cli(["stacks", "check-file", "stacks/fraud-scoring-mlflow.yml"]) == 0
    assert run_cli(["stacks", "discover", "--on", "https://abc.execute-api.eu-west-2.amazonaws.com/dev"]) == 2
    assert "--on aws" in capsys.readouterr().err
