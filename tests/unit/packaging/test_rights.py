"""The roles of a stack (S21, S23) and of Steward's own functions (S24), out of what the steps declare."""

import json

import pytest
from pydantic import ValidationError

from chalicelib.aws.lambda_invoke import reach_function
from chalicelib.models.rights import REVERSIBLE, StackRole, only_reads
from chalicelib.models.stack import Stack
from chalicelib.wiring import step_index
from steward.packaging.away import away_template
from steward.packaging.names import Names
from steward.packaging.rights import (
    RoleTooLarge,
    role_name,
    role_policies,
    roles_here,
    stack_grants,
    with_roles,
)
from steward.packaging.rights_functions import DOES, Deployed, function_policies, policy_of
from steward.packaging.rights_grants import Grant
from steward.packaging.rights_words import explained, permission_reference
from steward.sandbox import place
from tests.shipped import read_runbooks

NAMES = Names("dev")


def stack(**over):
    return with_roles(Stack.model_validate(place.STACK_DOCUMENT | over), "dev")


def roles_there(of):
    """Of a stack in another account, without the role that forwards its events."""
    resources = away_template(of, NAMES, read_runbooks())["Resources"]
    return [body for name, body in resources.items() if name != "Forwarder" and body["Type"] == "AWS::IAM::Role"]


def actions(policy):
    return {one for said in policy["Statement"] if said["Effect"] == "Allow" for one in said["Action"]}


@pytest.mark.parametrize("level", ["shadow", "suggest"])
def test_a_stack_that_may_not_act_gets_no_right_to_change_anything_s21(level):
    capped = stack(autonomy=level)
    (only,) = role_policies(capped, stack_grants(capped, read_runbooks())).items()
    assert only[0] is StackRole.ACT
    assert all(only_reads(action) for action in actions(only[1]))
    assert capped.data_role is None
    assert len(roles_here([capped], NAMES, read_runbooks(), copies=False)) == 1


def test_act_holds_only_reads_and_what_can_be_taken_back_s21():
    policies = role_policies(stack(), stack_grants(stack(), read_runbooks()))
    assert {one for one in actions(policies[StackRole.ACT]) if not only_reads(one)} <= set(REVERSIBLE)
    assert {"s3:DeleteObject", "ecs:RegisterTaskDefinition", "rds:DeleteDBSnapshot"} <= actions(
        policies[StackRole.DATA]
    )


def test_nobody_deletes_versions_of_a_backup_or_loosens_its_bucket_s17():
    for policy in role_policies(stack(), stack_grants(stack(), read_runbooks())).values():
        (denied,) = [said for said in policy["Statement"] if said["Effect"] == "Deny"]
        assert {"s3:DeleteObjectVersion", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"} <= set(
            denied["Action"]
        )
        assert not actions(policy) & set(denied["Action"])


def test_roles_may_be_passed_only_to_tasks_and_only_those_of_the_current_revision_s11():
    passed = [grant for grant in stack_grants(stack(), read_runbooks()) if grant.action == "iam:PassRole"]
    assert {grant.resource for grant in passed} == {place.TASK_ROLE_ARN, place.EXECUTION_ROLE_ARN}
    wanted = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert all(json.loads(grant.condition) == wanted for grant in passed)


def test_a_stack_without_aurora_has_no_right_on_clusters_snapshots():
    assert not [grant for grant in stack_grants(stack(), read_runbooks()) if "cluster-snapshot" in grant.resource]


@pytest.mark.parametrize(("region", "lies_in"), [(place.OFFSITE_REGION, place.OFFSITE_REGION), (None, place.REGION)])
@pytest.mark.parametrize(("database", "kind"), [({"instance": "i"}, "DB"), ({"cluster": "c"}, "DBCluster")])
def test_a_snapshot_may_be_shared_where_it_lies_and_only_of_the_stack_s_own_kind(region, lies_in, database, kind):
    shared = stack(database=database, backup={"offsite": {"region": region, "account": "210987654321"}})
    found = {
        (one.action, one.resource.split(":")[3])
        for one in stack_grants(shared, read_runbooks())
        if "SnapshotAttribute" in one.action
    }
    wanted = {f"rds:Describe{kind}SnapshotAttributes", f"rds:Modify{kind}SnapshotAttribute"}
    assert found == {(action, lies_in) for action in wanted}


KEYS = "arn:aws:kms:eu-west-2:210987654321:key"


def keyed(**parts):
    document = place.STACK_DOCUMENT
    return stack(**{part: {**document[part], **over} for part, over in parts.items()})


def on_keys(one, key):
    return {
        (grant.action, grant.condition)
        for grant in stack_grants(one, read_runbooks())
        if grant.resource == f"{KEYS}/{key}"
    }


def test_a_stack_that_names_no_key_of_its_own_has_no_right_on_any_but_those_of_macs_and_copies_s21():
    usual = {grant.action for grant in stack_grants(stack(), read_runbooks()) if grant.action.startswith("kms:")}
    assert usual == {"kms:CreateGrant", "kms:DescribeKey", "kms:GenerateMac", "kms:VerifyMac"}


def test_keys_of_buckets_may_be_used_by_way_of_s3_in_the_bucket_s_region_and_no_other_way_s21():
    named = keyed(artifacts={"kmsKey": f"{KEYS}/a-1", "backupKmsKey": f"{KEYS}/b-1", "backupRegion": "eu-west-1"})
    for key, region in (("a-1", place.REGION), ("b-1", "eu-west-1")):
        by_s3 = json.dumps({"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}})
        assert on_keys(named, key) == {("kms:Decrypt", by_s3), ("kms:GenerateDataKey", by_s3)}


def test_the_database_s_key_may_be_used_by_way_of_rds_and_granted_to_nobody_but_aws_s21():
    found = dict(on_keys(keyed(database={"kmsKey": f"{KEYS}/d-1"}), "d-1"))
    assert set(found) == {"kms:CreateGrant", "kms:DescribeKey"}, "RDS needs no more of whoever asks"
    by_rds = {"kms:ViaService": "rds.*.amazonaws.com"}
    assert all(json.loads(condition)["StringLike"] == by_rds for condition in found.values())
    assert json.loads(found["kms:CreateGrant"])["Bool"] == {"kms:GrantIsForAWSResource": "true"}


@pytest.mark.parametrize(
    ("named", "resource", "alias"),
    [
        ("alias/mine", f"arn:aws:kms:{place.REGION}:${{AWS::AccountId}}:key/*", "alias/mine"),
        ("0a1b2c3d-0000-4000-8000-000000000001",
         f"arn:aws:kms:{place.REGION}:${{AWS::AccountId}}:key/0a1b2c3d-0000-4000-8000-000000000001", None),
        (f"{KEYS}/m-1", f"{KEYS}/m-1", None),
        ("arn:aws:kms:eu-west-2:210987654321:alias/theirs", f"{KEYS}/*", "alias/theirs"),
    ],
)  # fmt: skip
def test_whose_key_signs_manifests_says_its_arn_and_not_the_stack_s_account_s21(named, resource, alias):
    signs = [one for one in stack_grants(keyed(backup={"macKey": named}), read_runbooks()) if "Mac" in one.action]
    assert {one.action for one in signs} == {"kms:GenerateMac", "kms:VerifyMac"}
    assert {one.resource for one in signs} == {resource}
    wanted = {"StringEquals": {"kms:RequestAlias": alias}} if alias else {}
    assert all(json.loads(one.condition) == wanted for one in signs)


@pytest.mark.parametrize("key", ["alias/mine", "a-1", "arn:aws:kms:eu-west-2:210987654321:alias/mine"])
def test_a_key_is_named_by_its_arn_since_an_alias_is_no_resource_of_a_right_s21(key):
    with pytest.raises(ValidationError, match="kmsKey"):
        keyed(artifacts={"kmsKey": key})


def test_s23_the_trust_names_steward_s_exact_role_and_the_stack_s_external_id():
    away = stack(account="210987654321", stack="away")
    for role in roles_there(away):
        assume, source = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        arn = "arn:${AWS::Partition}:iam::${StewardAccount}:role/mlflow-steward-dev-advance-${StewardRegion}"
        assert assume["Principal"] == source["Principal"] == {"AWS": [{"Fn::Sub": arn}]}
        assert assume["Condition"]["StringEquals"] == {"sts:ExternalId": away.external_id}
        assert source["Action"] == "sts:SetSourceIdentity"


def test_here_and_there_the_roles_are_the_same_but_for_whose_account_it_is_s23():
    here = list(roles_here([stack()], NAMES, read_runbooks(), copies=False).values())
    moved = stack(account="210987654321")
    there = roles_there(moved)
    for one, other in zip(here, there, strict=True):
        mine = _texts(one["Properties"]["Policies"])
        assert json.dumps(mine).replace("${AWS::AccountId}", "210987654321") == json.dumps(
            _texts(other["Properties"]["Policies"])
        )


def _texts(policy):
    """With every Fn::Sub as the text it stands for."""
    if isinstance(policy, dict):
        return policy["Fn::Sub"] if set(policy) == {"Fn::Sub"} else {key: _texts(one) for key, one in policy.items()}
    return [_texts(one) for one in policy] if isinstance(policy, list) else policy


def test_external_ids_differ_from_stack_to_stack_and_stay_the_same_s23():
    assert stack().external_id == stack().external_id
    assert len({stack().external_id, stack(stack="another").external_id, stack(account="1" * 12).external_id}) == 3


def test_what_the_stack_file_names_stays():
    own = stack(role="my-role", dataRole="my-data-role")
    assert (own.role, own.data_role) == ("my-role", "my-data-role")
    assert roles_here([own], NAMES, read_runbooks(), copies=False) == {}


def test_long_names_are_cut_and_stay_different():
    names = {role_name("production", "a" * 60 + end, which) for end in ("x", "y") for which in StackRole}
    assert len(names) == 4
    assert all(len(name) <= 64 for name in names)


def test_a_policy_that_iam_would_refuse_is_refused_here():
    many = tuple(Grant(StackRole.ACT, f"s3:Get{number}", f"arn:aws:s3:::{'b' * 60}{number}") for number in range(200))
    with pytest.raises(RoleTooLarge):
        role_policies(stack(), many)


# -- Steward's own functions -------------------------------------------------------------------


def partitions(which, *wanted):
    said = policy_of(NAMES, which, Deployed([stack()]))["Statement"]
    return {
        key
        for one in said
        if one["Effect"] == "Allow" and set(wanted) & set(one["Action"])
        for key in one.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ())
    }


def written(which):
    return partitions(which, "dynamodb:PutItem") | partitions(which, "dynamodb:UpdateItem")


def test_s24_intake_can_write_no_approval_and_no_audit():
    assert written("intake") == {"EVENT#*", "FLEET", "INCIDENT#*", "RUN#*", "STACK#*"}


@pytest.mark.parametrize("which", sorted(set(DOES) - {"api"}))
def test_s24_only_the_api_writes_the_stop_flag(which):
    said = policy_of(NAMES, which, Deployed([stack()]))["Statement"]
    writes = [one for one in said if "dynamodb:UpdateItem" in one["Action"] and one["Effect"] == "Allow"]
    denied = [one for one in said if one["Effect"] == "Deny"]
    assert not writes or denied[0]["Condition"] == {"ForAnyValue:StringEquals": {"dynamodb:Attributes": ["stopped"]}}


@pytest.mark.parametrize("which", ["intake", "schedule", "api", "sweep"])
def test_s21_nobody_but_advance_becomes_a_stack_s_role(which):
    allowed = actions(policy_of(NAMES, which, Deployed([stack()], copies=True)))
    services = {action.partition(":")[0] for action in allowed}
    assert "sts" not in services
    assert services <= {"dynamodb", "logs", "s3", "secretsmanager", "sns", "sqs", "ssm", "states"}


def test_advance_holds_no_right_on_any_stack_but_to_become_its_roles_s21():
    allowed = actions(policy_of(NAMES, "advance", Deployed([stack()])))
    assert {action.partition(":")[0] for action in allowed} == {"dynamodb", "logs", "s3", "ssm", "states", "sts"}
    assert written("advance") == {
        "APPROVAL#*", "FLEET", "HISTORY#*", "INCIDENT#*", "RUN#*", "STACK#*", "SUSPICION#*",
    }  # fmt: skip


def test_advance_may_call_the_reach_functions_of_stacks_that_have_a_network():
    network = {"subnets": ["subnet-0a1b2c3d4e5f60001"], "securityGroups": ["sg-0a1b2c3d4e5f60000"]}
    inside = stack(network=network)
    policy = json.dumps(policy_of(NAMES, "advance", Deployed([inside])))
    assert f'function:{reach_function("dev", inside)}"' in policy


def test_every_function_has_a_policy_and_copies_only_where_there_are_some():
    assert set(function_policies(NAMES, Deployed([stack()], copies=True))) == set(DOES)
    assert "copy-shard" not in function_policies(NAMES, Deployed([stack()]))


# -- in words ----------------------------------------------------------------------------------


def test_every_right_is_explained_in_a_sentence_that_says_who_needs_it():
    for one in explained(stack(), read_runbooks()):
        assert one["why"], one
        assert one["steps"], one
        assert one["runbooks"], one
        assert one["sentence"].startswith(f"{one['action']} {'changes' if one['changes'] else 'reads'} ")


def test_of_one_runbook_only_what_it_needs_is_explained():
    found = explained(stack(), read_runbooks(), "prune-snapshots")
    assert {one["action"] for one in found if one["changes"]} == {"rds:DeleteDBSnapshot"}


def test_the_reference_has_every_right_that_any_step_declares():
    page = permission_reference(step_index())
    assert all(f"`{one.action}`" in page for entry in step_index().steps.values() for one in entry.permissions)
