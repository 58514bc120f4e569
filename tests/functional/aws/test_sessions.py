"""S21: a step acts with the stack's role, narrowed to what the step declares on this stack's resources."""

import json

import pytest
from moto import mock_aws

from chalicelib.aws.resources import fill
from chalicelib.aws.sessions import StackSessions, session_policy
from chalicelib.errors import AwsDenied, AwsInvalid, PlanModeViolation
from chalicelib.models.stack import Stack
from chalicelib.models.step_index import Permission
from tests.aws_sessions import aws_session

REGION, ACCOUNT, OTHER = "eu-west-2", "123456789012", "210987654321"
STOP = Permission(action="ecs:StopTask", resource="arn:{partition}:ecs:{region}:{account}:task/{cluster}/*", why="stop")
READ = Permission(action="ecs:DescribeTasks", resource=STOP.resource, why="read")
DELETE = Permission(action="s3:DeleteObject", resource="arn:{partition}:s3:::made/*", why="delete")


def stack(**over):
    given = {"stack": "churn", "region": REGION, "ecs": {"cluster": "c", "service": "s"}}
    return Stack.model_validate(given | over)


class Calls:
    """A session factory that remembers for whom it made sessions, and what was sent to STS."""

    def __init__(self):
        self.sessions, self.assumed = [], []

    def __call__(self, region, credentials):
        self.sessions.append((region, credentials))
        keys = {"aws_access_key_id": "AK", "aws_secret_access_key": "SK"}
        if credentials:
            keys = {
                "aws_access_key_id": credentials.access_key,
                "aws_secret_access_key": credentials.secret_key,
                "aws_session_token": credentials.token,
            }
        session = aws_session(region_name=region, **keys)
        session.events.register("provide-client-params.sts.AssumeRole", self._assumes)
        return session

    def _assumes(self, params, **_):
        self.assumed.append(params)


@pytest.fixture
def calls():
    with mock_aws():
        yield Calls()


def test_the_role_is_assumed_with_the_step_s_rights_and_the_run_as_source_identity(calls):
    aws = StackSessions("eu-west-1", calls).for_stack(
        stack(role=f"arn:aws:iam::{ACCOUNT}:role/act", account=ACCOUNT), "run-42", "restart", [STOP]
    )
    (asked,) = calls.assumed
    assert asked["SourceIdentity"] == "run-42"
    assert asked["RoleSessionName"] == "steward-restart"
    assert asked["DurationSeconds"] == 900
    assert json.loads(asked["Policy"])["Statement"] == [
        {"Effect": "Allow", "Action": ["ecs:StopTask"], "Resource": f"arn:aws:ecs:eu-west-2:{ACCOUNT}:task/c/*"}
    ]
    assert (aws.region, aws.read_only) == (REGION, False)
    own, stacks = calls.sessions
    assert (own[0], own[1], stacks[0]) == ("eu-west-1", None, REGION)
    assert stacks[1].account == ACCOUNT
    assert stacks[1].secret_key not in repr(stacks[1])


def test_a_role_s_bare_name_is_taken_in_the_stack_s_account(calls):
    StackSessions(REGION, calls).for_stack(stack(role="act", account=OTHER), "run", "s", [STOP])
    assert calls.assumed[0]["RoleArn"] == f"arn:aws:iam::{OTHER}:role/act"


def test_s23_a_session_in_another_account_is_refused(calls):
    role = f"arn:aws:iam::{OTHER}:role/act"
    with pytest.raises(AwsDenied, match="WrongAccount"):
        StackSessions(REGION, calls).for_stack(stack(role=role, account=ACCOUNT), "run", "s", [STOP])


def test_without_a_role_the_own_session_is_used(calls):
    aws = StackSessions(REGION, calls).for_stack(stack(), "run", "s", [STOP])
    assert calls.assumed == []
    assert aws.sts.account() == ACCOUNT


def test_plan_mode_refuses_changes(calls):
    aws = StackSessions(REGION, calls).for_stack(stack(), "run", "s", [STOP], plan_mode=True)
    with pytest.raises(PlanModeViolation):
        aws.ecs.stop_task("c", "t", "why")


def test_plan_mode_still_assumes_the_role(calls):
    sessions = StackSessions(REGION, calls)
    found = sessions.for_stack(stack(role="act", account=ACCOUNT), "run", "s", [STOP, READ], plan_mode=True)
    assert found.read_only
    (asked,) = calls.assumed
    assert json.loads(asked["Policy"])["Statement"][0]["Action"] == ["ecs:DescribeTasks"], "s21: not even in its rights"


def test_s21_what_deletes_restores_or_registers_needs_the_data_role(calls):
    given = stack(role="act", dataRole="data", account=ACCOUNT)
    for permissions in ([READ], [STOP], [READ, DELETE]):
        StackSessions(REGION, calls).for_stack(given, "run", "s", permissions)
    assert [asked["RoleArn"].rpartition("/")[2] for asked in calls.assumed] == ["act", "act", "data"]


def test_s21_a_plan_of_a_deletion_is_made_with_the_other_role(calls):
    given = stack(role="act", dataRole="data", account=ACCOUNT)
    StackSessions(REGION, calls).for_stack(given, "run", "s", [READ, DELETE], plan_mode=True)
    (asked,) = calls.assumed
    assert asked["RoleArn"].endswith("role/act")
    assert "Delete" not in asked["Policy"]


def test_s23_the_stack_s_external_id_goes_along(calls):
    sessions = StackSessions(REGION, calls)
    sessions.for_stack(stack(role="act", account=ACCOUNT, externalId="steward-0123abcd"), "run", "s", [READ])
    sessions.for_stack(stack(role="act", account=ACCOUNT), "run", "s", [READ])
    assert [asked.get("ExternalId") for asked in calls.assumed] == ["steward-0123abcd", None]


def test_conditions_are_filled_and_rights_on_one_resource_are_put_together():
    condition = {"ArnEquals": {"ecs:cluster": "arn:{partition}:ecs:{region}:{account}:cluster/{cluster}"}}
    listing = Permission(action="ecs:ListTasks", resource="*", why="list", condition=condition)
    more = Permission(action="ecs:DescribeTasks", resource=STOP.resource, why="read")
    statements = json.loads(session_policy(stack(), ACCOUNT, [STOP, listing, more]))["Statement"]
    assert [statement["Action"] for statement in statements] == [
        ["ecs:ListTasks"],
        ["ecs:DescribeTasks", "ecs:StopTask"],
    ]
    assert statements[0]["Condition"] == {"ArnEquals": {"ecs:cluster": f"arn:aws:ecs:eu-west-2:{ACCOUNT}:cluster/c"}}


def test_a_right_on_something_the_stack_lacks_is_left_out_and_nothing_left_denies_all():
    database = Permission(action="rds:DescribeDBInstances", resource="arn:aws:rds:x:y:db:{database}", why="read")
    (statement,) = json.loads(session_policy(stack(), ACCOUNT, [database]))["Statement"]
    assert statement == {"Effect": "Deny", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), (REGION, "aws")]
)
def test_the_partition_follows_the_region(region, partition):
    assert f"arn:{partition}:ecs:{region}" in session_policy(stack(region=region), ACCOUNT, [STOP])


def test_a_template_that_names_nothing_known_is_our_mistake():
    with pytest.raises(KeyError):
        fill("arn:{nothing}", {})


def test_a_policy_longer_than_sts_takes_is_refused_before_it_is_sent():
    many = [Permission(action=f"ecs:Describe{n:040}", resource="*", why="w") for n in range(60)]
    with pytest.raises(AwsInvalid, match="characters"):
        session_policy(stack(), ACCOUNT, many)


LOGS = Permission(action="logs:FilterLogEvents", resource="*", why="read")


def many(name):
    return [Permission(action=f"ecs:Describe{name}{n:030}", resource="*", why="w") for n in range(28)]


class TestParts:
    def for_parts(self, calls, parts, **over):
        given = {"role": "act", "account": ACCOUNT}
        return StackSessions(REGION, calls).for_parts(stack(**(given | over)), "run-42", "diagnose", parts)

    def test_parts_that_fit_share_a_session_and_others_get_one_of_their_own_s21(self, calls):
        parts = {"a": many("A"), "b": [READ], "c": many("C"), "d": [LOGS]}
        found = self.for_parts(calls, parts, region=REGION)
        assert found["a"] is found["b"]
        assert found["a"] is not found["c"]
        for aws in found.values():
            assert aws.ecs
        assert all(len(asked["Policy"]) <= 2048 for asked in calls.assumed)
        actions = [
            {a for s in json.loads(asked["Policy"])["Statement"] for a in s["Action"]} for asked in calls.assumed
        ]
        assert set().union(*actions) == {one.action for part in parts.values() for one in part}
        assert {asked["SourceIdentity"] for asked in calls.assumed} == {"run-42"}
        assert [asked["RoleSessionName"] for asked in calls.assumed] == ["steward-diagnose-1", "steward-diagnose-2"]

    def test_a_role_is_assumed_when_a_part_first_asks_and_once_for_all_that_share_it(self, calls):
        found = self.for_parts(calls, {"a": [STOP], "b": [READ]})
        assert calls.assumed == []
        assert found["a"].ecs
        assert found["b"].logs
        assert len(calls.assumed) == 1

    def test_parts_asked_side_by_side_assume_the_role_once(self, calls):
        from concurrent.futures import ThreadPoolExecutor

        found = self.for_parts(calls, {name: [STOP] for name in "abcd"})
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda aws: (aws.ecs, aws.logs, aws.s3), found.values()))
        assert len(calls.assumed) == 1

    def test_a_part_too_large_for_any_session_is_refused_alone(self, calls):
        found = self.for_parts(calls, {"huge": many("A") + many("B") + many("C"), "small": [READ]})
        assert found["small"].ecs
        with pytest.raises(AwsInvalid, match="characters"):
            _ = found["huge"].ecs

    def test_without_a_role_every_part_has_steward_s_own_session(self, calls):
        found = self.for_parts(calls, {"a": [STOP], "b": [READ]}, role=None)
        assert found["a"] is found["b"]
        assert found["a"].ecs
        assert calls.assumed == []


def test_a_step_that_declares_no_rights_can_ask_nothing_and_no_role_is_assumed_s21(calls):
    aws = StackSessions(REGION, calls).for_stack(stack(role="act", account=ACCOUNT), "run", "s", [])
    with pytest.raises(AwsDenied, match="no rights"):
        _ = aws.ecs
    assert calls.assumed == []
