"""`steward doctor` on what a stage depends on and packaging cannot keep so: what is missed has a remedy."""

import base64
import hashlib
import json

import pytest

from chalicelib.aws.installation import FunctionFacts, Installation
from chalicelib.models.stack import Stack
from steward.doctor.account_side import concurrency
from steward.doctor.finding import State
from steward.doctor.stage_functions import function_names, version_finding
from steward.packaging.deployed_stack import as_deployed
from steward.packaging.functions import RESERVED
from steward.packaging.rights import trust
from steward.sandbox import place

from .test_doctor import (  # noqa: F401 - fixtures
    ACCOUNT,
    ADVANCE,
    ENVIRONMENT,
    NAMES,
    REGION,
    STAGE,
    answering,
    deploy,
    runbooks,
    session,
    stage_findings,
    states,
)

NETWORK = {"subnets": ["subnet-0a1b2c3d4e5f60001"], "securityGroups": ["sg-0a1b2c3d4e5f60000"]}
STACK = Stack.model_validate({**place.STACK_DOCUMENT, "network": NETWORK})
TRUSTING = as_deployed(STACK, STAGE)


@pytest.fixture
def stage(session, runbooks):  # noqa: F811
    deploy(session, TRUSTING, runbooks)

    def findings():
        return stage_findings(session, STACK, runbooks)

    assert states(findings()) == {}
    return findings


def test_every_function_that_packaging_makes_is_looked_for(stage, session):  # noqa: F811
    wanted = function_names(NAMES, [STACK])
    assert len(wanted) == 8
    for which in ("webhook-authorizer", "copy-shard"):
        session.client("lambda").delete_function(FunctionName=NAMES.function(which))
    session.client("lambda").delete_function(FunctionName=wanted[-1])
    missed = [NAMES.function("webhook-authorizer"), NAMES.function("copy-shard"), wanted[-1]]
    assert states(stage()) == {("functions", name): State.WRONG for name in missed}


def test_the_machine_for_very_large_copies_is_missed_too(stage, session):  # noqa: F811
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAMES.prefix}-copies"
    session.client("stepfunctions").delete_state_machine(stateMachineArn=arn)
    assert states(stage()) == {("machine", f"{NAMES.prefix}-copies"): State.WRONG}


@pytest.mark.parametrize(
    ("roles", "word"),
    [
        ({}, "nobody may stop, approve or resume"),
        ({"viewer": ["arn:aws:iam::123456789012:role/ml"]}, "nobody may stop, approve or resume"),
        ({"operator": ["arn:aws:iam::123456789012:role/ml"]}, "nobody may approve or resume"),
        ({"approver": ["arn:aws:iam::123456789012:role/ml"]}, "nobody may resume"),
        ({"boss": ["arn:aws:iam::123456789012:role/ml"]}, "cannot be read"),
    ],
)
def test_s8_a_stage_that_nobody_may_stop_or_approve_is_wrong(stage, session, roles, word):  # noqa: F811
    told = {**ENVIRONMENT, "STEWARD_ROLES": json.dumps(roles)}
    function = NAMES.function("api")
    session.client("lambda").update_function_configuration(FunctionName=function, Environment={"Variables": told})
    found = stage()
    assert states(found) == {("people", "roles"): State.WRONG}
    assert word in found["people", "roles"].says
    assert "STEWARD_ROLES" in found["people", "roles"].remedy


def test_secrets_that_functions_and_channels_name_are_there_and_their_values_stay_unread(stage, session):  # noqa: F811
    asked = []
    session.events.register("before-call.secrets-manager", lambda model, **_: asked.append(model.name))
    for name in ("steward/fingerprints", "steward/hook"):
        session.client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    found = stage()
    assert states(found) == {("secrets", name): State.WRONG for name in ("steward/fingerprints", "steward/hook")}
    assert "webhook prometheus" in found["secrets", "steward/hook"].says
    assert "GetSecretValue" not in asked


def test_what_lies_in_a_queue_for_lost_things_is_counted_and_a_queue_that_is_gone_is_missed(stage, session):  # noqa: F811
    sqs = session.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=NAMES.queue("lost-events"))["QueueUrl"], MessageBody="{}")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=NAMES.queue("lost-sweeps"))["QueueUrl"])
    found = stage()
    assert states(found) == {
        ("queues", NAMES.queue("lost-events")): State.WRONG,
        ("queues", NAMES.queue("lost-sweeps")): State.WRONG,
    }
    assert found["queues", NAMES.queue("lost-events")].says.startswith("1 lie in it")


def test_s31_that_nobody_hears_steward_s_own_alarms_is_wrong(stage, session):  # noqa: F811
    sns = session.client("sns")
    (heard,) = sns.list_subscriptions()["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=heard["SubscriptionArn"])
    found = stage()
    assert states(found) == {("alarms", NAMES.topic): State.WRONG}
    assert "aws sns subscribe" in found["alarms", NAMES.topic].remedy


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (trust(["arn:aws:iam::123456789012:role/other"], TRUSTING.external_id), "does not trust advance"),
        (trust([ADVANCE], "somebody-else-s-id"), "another external id"),
        ({"Version": "2012-10-17", "Statement": trust([ADVANCE], TRUSTING.external_id)["Statement"][:1]}, "SetSource"),
    ],
    ids=["principal", "external-id", "source-identity"],
)
def test_s23_a_role_that_advance_could_not_take_is_wrong(stage, session, said, word):  # noqa: F811
    session.client("iam").update_assume_role_policy(RoleName=TRUSTING.data_role, PolicyDocument=json.dumps(said))
    found = stage()
    assert states(found) == {("roles", TRUSTING.data_role): State.WRONG}
    assert word in found["roles", TRUSTING.data_role].says


def test_a_role_that_is_gone_is_missed(stage, session):  # noqa: F811
    session.client("iam").delete_role(RoleName=TRUSTING.role)
    assert states(stage()) == {("roles", TRUSTING.role): State.WRONG}


def test_another_version_than_this_one_is_noted(stage, session):  # noqa: F811
    told = {**ENVIRONMENT, "STEWARD_VERSION": "0.0.9"}
    function = NAMES.function("api")
    session.client("lambda").update_function_configuration(FunctionName=function, Environment={"Variables": told})
    found = stage()
    assert states(found) == {("versions", "deployed"): State.NOTE}
    assert "0.0.9" in found["versions", "deployed"].says


def test_what_was_packaged_here_last_is_compared_with_what_runs_byte_by_byte(tmp_path):
    zipped = tmp_path / "deployment.zip"
    zipped.write_bytes(b"zip")
    told = {"STEWARD_VERSION": ENVIRONMENT["STEWARD_VERSION"]}
    same = base64.b64encode(hashlib.sha256(b"zip").digest()).decode()
    assert version_finding(FunctionFacts("Active", told, same), zipped).state is State.OK
    assert version_finding(FunctionFacts("Active", told, "other"), zipped).state is State.NOTE
    assert version_finding(FunctionFacts("Active", told, "other"), tmp_path / "none").state is State.OK


@pytest.mark.parametrize(("too_few", "state"), [(1, State.NOTE), (0, State.OK)])
def test_the_quota_must_hold_what_is_reserved_and_the_hundred_that_lambda_keeps(session, too_few, state):  # noqa: F811
    taken = sum(RESERVED.values()) + 2  # one `reach`
    limit = {"AccountLimit": {"ConcurrentExecutions": 100 + taken - too_few}}
    answering(session, "lambda", {"GetAccountSettings": limit})
    (found,) = concurrency(Installation(session, REGION), [STACK], STAGE)
    assert found.state is state
    assert str(taken) in found.says
