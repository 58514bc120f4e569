"""`steward permissions --backup-bucket`: what another account pastes is what a refused backup says, too."""

import json

import pytest
from click.testing import CliRunner

from chalicelib.errors import InputError
from chalicelib.models.stack import Stack
from chalicelib.steps.backup_grant import bucket_policy
from steward.cli.main import cli
from steward.packaging.rights import with_roles
from steward.sandbox import place


@pytest.fixture
def asked(tmp_path):
    def ask(*args, **artifacts):
        document = {**place.STACK_DOCUMENT, "artifacts": {**place.STACK_DOCUMENT["artifacts"], **artifacts}}
        (tmp_path / f"{place.NAME}.yml").write_text(json.dumps(document))
        return CliRunner().invoke(cli, ["permissions", "--backup-bucket", "--stacks", str(tmp_path), *args])

    return ask


def test_the_policy_lets_in_the_roles_of_the_stage_and_the_key_is_asked_for_where_there_is_one(asked):
    key = "arn:aws:kms:eu-west-2:210987654321:key/b-9"
    given = {"backupAccount": "210987654321", "backupKmsKey": key}
    said = json.loads(asked("--stage", "prod", "--account", place.ACCOUNT, "--json", **given).stdout)
    stack = Stack.model_validate({**place.STACK_DOCUMENT, "artifacts": {**place.STACK_DOCUMENT["artifacts"], **given}})
    assert said["bucket_policy"] == bucket_policy(with_roles(stack, "prod"), place.ACCOUNT)
    assert said["key_statement"]["Condition"]["StringEquals"] == {"kms:ViaService": "s3.eu-west-2.amazonaws.com"}
    roles = said["bucket_policy"]["Statement"][0]["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    assert [role.rpartition("-")[2] for role in roles] == ["act", "data"]
    drawn = asked(backupAccount="210987654321").stdout
    assert "in account 210987654321" in drawn
    assert "kms:" not in drawn


def test_a_stack_whose_backup_is_at_home_needs_no_such_policy(asked):
    said = asked().exception
    assert isinstance(said, InputError)
    assert "has no backup bucket in another account" in str(said)
