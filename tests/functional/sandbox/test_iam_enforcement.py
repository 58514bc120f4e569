"""The world's IAM: what the packaged rights do not allow is denied, by action, resource and condition (S21, S23)."""

from functools import partial

import pytest

from chalicelib.aws.sessions import StackSessions
from chalicelib.errors import AwsDenied, StoreUnavailable
from chalicelib.models.stack import Stack
from chalicelib.steps.registry import ACTIONS
from chalicelib.store.dynamodb import DynamoTable, table_definition
from chalicelib.store.table import Item, Key
from steward.packaging.names import Names
from steward.sandbox import place
from steward.sandbox.enforcement import STAGE, Enforcement
from steward.sandbox.iam_policy import Asked, UnknownCondition, allowed_by, holds
from steward.sandbox.intrinsics import filled
from steward.sandbox.world import World
from tests.shipped import read_runbooks

SCALE, PRUNE = ACTIONS["ecs.scale_service"].permissions, ACTIONS["rds.prune_snapshots"].permissions


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def enforced(world, **over):
    stack = Stack.model_validate(place.STACK_DOCUMENT | over)
    iam = Enforcement.of(world, stack, read_runbooks())
    return iam, StackSessions(place.REGION, iam.session)


def test_a_step_may_do_what_it_declares_and_its_grants_are_noted(world):
    iam, sessions = enforced(world)
    aws = sessions.for_stack(iam.stack, "r-1", "scale", SCALE)
    assert aws.ecs.service(place.CLUSTER, place.SERVICE) is not None
    assert {grant.action for grant in iam.used} == {"ecs:DescribeServices"}
    assert iam.denied == []


def test_a_step_may_not_do_what_another_declares_although_the_role_holds_it_s21(world):
    iam, sessions = enforced(world)
    aws = sessions.for_stack(iam.stack, "r-1", "prune", PRUNE)
    with pytest.raises(AwsDenied):
        aws.ecs.service(place.CLUSTER, place.SERVICE)
    assert len(iam.denied) == 1


def test_another_service_s_resources_are_out_of_reach(world):
    iam, sessions = enforced(world)
    with pytest.raises(AwsDenied):
        sessions.for_stack(iam.stack, "r-1", "scale", SCALE).ecs.service(place.CLUSTER, "somebody-else-s")


def test_s16_a_snapshot_without_steward_s_tag_cannot_be_deleted(world):
    iam, sessions = enforced(world)
    automated = next(one.id for one in world.rds.of_region(place.REGION))
    with pytest.raises(AwsDenied, match="DeleteDBSnapshot"):
        sessions.for_stack(iam.stack, "r-1", "prune", PRUNE).rds_snapshots.delete(automated, cluster=False)


def test_a_capped_stack_s_step_is_denied_what_changes_s21(world):
    iam, sessions = enforced(world, autonomy="suggest")
    aws = sessions.for_stack(iam.stack, "r-1", "scale", SCALE)
    assert aws.ecs.service(place.CLUSTER, place.SERVICE) is not None
    with pytest.raises(AwsDenied):
        aws.ecs.set_desired_count(place.CLUSTER, place.SERVICE, 3)


def test_s23_without_the_external_id_nobody_becomes_the_role(world):
    iam, sessions = enforced(world)
    stranger = iam.stack.model_copy(update={"external_id": "somebody-else"})
    with pytest.raises(AwsDenied, match="does not trust"):
        sessions.for_stack(stranger, "r-1", "scale", SCALE)


def test_steward_itself_may_not_touch_the_stack_s21(world):
    _, sessions = enforced(world)
    with pytest.raises(AwsDenied):
        sessions.own.ecs.service(place.CLUSTER, place.SERVICE)


def test_a_denial_wins_and_a_session_only_narrows():
    allow = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    deny = {"Statement": [*allow["Statement"], {"Effect": "Deny", "Action": ["s3:Delete*"], "Resource": "*"}]}
    asked = Asked("s3:DeleteObject", "arn:aws:s3:::b/k")
    assert allowed_by([allow], asked)
    assert not allowed_by([deny], asked)
    assert not allowed_by([allow, deny], asked)
    assert not allowed_by([allow, {"Statement": []}], asked)


@pytest.mark.parametrize(
    ("condition", "context", "answer"),
    [
        ({"StringEquals": {"k": "v"}}, {"k": ("v",)}, True),
        ({"StringEquals": {"k": "v*"}}, {"k": ("vx",)}, False),
        ({"StringLike": {"k": "v*"}}, {"k": ("vx",)}, True),
        ({"StringEquals": {"k": "v"}}, {}, False),
        ({"Null": {"k": "false"}}, {}, False),
        ({"Null": {"k": "false"}}, {"k": ("v",)}, True),
        ({"ForAllValues:StringLike": {"k": ["v*"]}}, {"k": ("v1", "w")}, False),
        ({"ForAllValues:StringLike": {"k": ["v*"]}}, {}, True),
        ({"ForAnyValue:StringEquals": {"k": ["v"]}}, {"k": ("w", "v")}, True),
    ],
)
def test_conditions_hold_as_iam_has_them(condition, context, answer):
    assert holds(condition, context) is answer


def test_a_condition_that_is_not_known_here_is_no_yes():
    with pytest.raises(UnknownCondition):
        holds({"DateLessThan": {"aws:CurrentTime": "2030"}}, {})


# -- Steward's own functions (S24) --------------------------------------------------------------


def table_of(iam, function):
    return DynamoTable(Names(STAGE).table, lambda: iam.session_of(function).client("dynamodb"))


@pytest.fixture
def own(world):
    world.own_client("dynamodb").create_table(**table_definition(Names(STAGE).table))
    return enforced(world)[0]


def test_s24_a_function_does_in_the_table_what_it_names_and_is_denied_what_another_does(own):
    intake = table_of(own, "intake")
    intake.create(Item(Key("EVENT#e-1", "DECISION"), {}))
    assert own.denied == []
    for forbidden in (
        lambda: intake.get(Key("EVENT#e-1", "DECISION")),
        lambda: intake.create(Item(Key("APPROVAL#r-1", "001"), {})),
        lambda: intake.set_stopped(Key("FLEET", "LEDGER"), "a test"),
        lambda: intake.listed("RUN#any"),
    ):
        with pytest.raises(StoreUnavailable, match="AccessDenied"):
            forbidden()
    assert len(own.denied) == 4


def test_s24_a_right_that_nothing_used_is_named_by_action_and_partition(own):
    before = own.unused_of("intake")
    table_of(own, "intake").create(Item(Key("EVENT#e-1", "DECISION"), {}))
    (used,) = before - own.unused_of("intake")
    assert (used.action, "EVENT#*" in used.condition) == ("dynamodb:PutItem", True)


def test_what_is_not_there_is_told_only_to_who_may_list(own):
    world, names = own.world, Names(STAGE)
    for which in ("archive", "evidence"):
        here = {"LocationConstraint": place.REGION}
        world.own_client("s3").create_bucket(Bucket=filled(names.bucket(which)), CreateBucketConfiguration=here)
    sweep = StackSessions(place.REGION, partial(own.session_of, "sweep")).own.s3
    assert sweep.get(filled(names.bucket("archive")), "none") is None
    with pytest.raises(AwsDenied):
        sweep.get(filled(names.bucket("evidence")), "none")
