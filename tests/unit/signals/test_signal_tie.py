"""Tying a signal to a stack: the surest key decides, and in doubt nothing does."""

from datetime import UTC, datetime

import pytest

from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.stack import Stack
from chalicelib.signals.keys import arn_keys
from chalicelib.signals.tie import StackKeys, tie

NOW = datetime(2026, 3, 4, 5, 6, 10, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-central-1:210987654321:alarms"
GROUP = "arn:aws:elasticloadbalancing:eu-central-1:210987654321:targetgroup/tg/0a1b"


def stack(name: str, **more: object) -> Stack:
    given = {"stack": name, "region": "eu-central-1", "ecs": {"cluster": f"{name}-cluster", "service": name}, **more}
    return Stack.model_validate(given)


def signal(*keys: str, **more: object) -> Signal:
    given = {"id": "e-1", "kind": SignalKind.ALARM, "state": SignalState.FIRING, "source": "eventbridge",
             "occurred_at": NOW, "actionable": True, "reason": "it is slow", "keys": keys, **more}  # fmt: skip
    return Signal.model_validate(given)


CHURN = stack("churn", account="210987654321", alarms=["churn-*"], topics=[TOPIC],
              loadBalancer={"targetGroup": GROUP, "name": "shared"}, logs={"group": "/ecs/churn"},
              database={"instance": "churn-db", "cluster": "churn-aurora", "secret": "churn/db"},
              artifacts={"bucket": "models", "backupBucket": "models-backup"})  # fmt: skip
FRAUD = stack("fraud", alarms=["*-latency"], loadBalancer={"targetGroup": "fraud-tg", "name": "shared"},
              artifacts={"bucket": "models"})  # fmt: skip
KEYS = StackKeys.of([CHURN, FRAUD])


@pytest.mark.parametrize(
    "key",
    [
        "stack:churn",
        f"arn:{GROUP}",
        "service:churn-cluster/churn",
        "targetgroup:tg/0a1b",
        "db:churn-db",
        "dbcluster:churn-aurora",
        "bucket:models-backup",
        "secret:churn/db",
        "loggroup:/ecs/churn",
        "alarm:churn-anything",
        f"topic:{TOPIC}",
    ],
)
def test_each_kind_of_key_ties_by_itself(key):
    assert tie(signal(key), KEYS).stack == "churn"


def test_tying_takes_plain_stacks_too():
    assert tie(signal("db:churn-db"), [CHURN, FRAUD]).stack == "churn"


@pytest.mark.parametrize("key", ["cluster:churn-cluster", "db:other", "targetgroup:tg", "alarm:unchurn-x", "odd:churn"])
def test_what_fits_no_stack_is_left_as_it_was(key):
    before = signal(key)

    assert tie(before, KEYS) == before


def test_a_target_group_given_by_arn_is_not_tied_by_a_name_that_others_may_use():
    assert tie(signal("targetgroup:tg/ffff", "targetgroup:tg"), KEYS).stack is None
    assert tie(signal("targetgroup:fraud-tg/1", "targetgroup:fraud-tg"), KEYS).stack == "fraud"


def test_a_shared_load_balancer_does_not_matter_where_the_target_group_tells():
    assert tie(signal("targetgroup:fraud-tg", "loadbalancer:shared"), KEYS).stack == "fraud"


def test_an_alarm_glob_wins_over_dimensions_and_dimensions_break_the_tie_of_two_globs():
    assert tie(signal("alarm:churn-cpu", "service:fraud-cluster/fraud"), KEYS).stack == "churn"
    assert tie(signal("alarm:churn-latency", "service:fraud-cluster/fraud"), KEYS).stack == "fraud"


@pytest.mark.parametrize("key", ["loadbalancer:shared", "bucket:models", "alarm:churn-latency"])
def test_two_stacks_that_fit_equally_leave_it_untied_and_are_both_named(key):
    untied = tie(signal(key), KEYS)

    assert (untied.stack, untied.actionable) == (None, False)
    assert "churn, fraud" in untied.reason
    assert "it is slow" in untied.reason


@pytest.mark.parametrize(("more", "word"), [({"region": "us-east-1"}, "us-east-1"), ({"account": "1"}, "account 1")])
def test_s2_another_region_or_account_is_not_the_stack_and_the_reason_says_so(more, word):
    untied = tie(signal("service:churn-cluster/churn", **more), KEYS)

    assert (untied.stack, untied.actionable) == (None, False)
    assert word in untied.reason
    assert "S2" in untied.reason


def test_s2_what_is_not_known_is_not_held_against_an_event():
    assert tie(signal("service:churn-cluster/churn", account=None, region=None), KEYS).stack == "churn"
    assert tie(signal("service:fraud-cluster/fraud", account="999999999999"), KEYS).stack == "fraud"


def test_s2_region_decides_between_two_stacks_of_the_same_names():
    here, there = (
        stack("here", ecs={"cluster": "c", "service": "s"}),
        stack("there", ecs={"cluster": "c", "service": "s"}),
    )
    there = there.model_copy(update={"region": "us-east-1"})

    assert tie(signal("service:c/s", region="us-east-1"), [here, there]).stack == "there"


def test_s2_a_message_of_a_topic_that_the_stack_does_not_list_is_not_believed():
    untied = tie(signal("db:churn-db", "topic:arn:aws:sns:eu-central-1:210987654321:other"), KEYS)

    assert untied.stack is None
    assert "topic" in untied.reason
    assert tie(signal("db:churn-db", f"topic:{TOPIC}"), KEYS).stack == "churn"


def test_an_event_that_names_its_stack_is_tied_to_no_other():
    assert tie(signal("stack:fraud", "db:churn-db"), KEYS).stack == "fraud"
    unknown = tie(signal("stack:nobody", "db:churn-db"), KEYS)
    assert unknown.stack is None
    assert "nobody" in unknown.reason


def test_an_invalid_signal_is_never_tied():
    assert tie(signal("db:churn-db", kind=SignalKind.INVALID), KEYS).stack is None


@pytest.mark.parametrize(
    ("arn", "key"),
    [
        ("arn:aws:ecs:eu-central-1:210987654321:service/c/s", "service:c/s"),
        ("arn:aws:rds:eu-central-1:210987654321:db:churn-db", "db:churn-db"),
        ("arn:aws:rds:eu-central-1:210987654321:cluster:a", "dbcluster:a"),
        (GROUP, "targetgroup:tg/0a1b"),
        ("arn:aws:elasticloadbalancing:x:1:loadbalancer/app/lb/9", "loadbalancer:lb"),
        ("arn:aws:s3:::models/key", "bucket:models"),
        ("arn:aws-cn:cloudwatch:cn-north-1:1:alarm:a/b: c", "alarm:a/b: c"),
        ("arn:aws:secretsmanager:x:1:secret:churn/db-Ab12Cd", "secret:churn/db"),
        ("arn:aws:logs:x:1:log-group:/ecs/churn:*", "loggroup:/ecs/churn"),
    ],
)
def test_an_arn_stands_for_the_key_of_what_it_names(arn, key):
    assert set(arn_keys(arn)) >= {f"arn:{arn}", key}


@pytest.mark.parametrize("value", [None, 7, "", "arn:", "arn:aws:ecs", "arn:aws:ecs:::", "arn:" + "x" * 5000])
def test_what_is_no_arn_gives_no_key(value):
    assert arn_keys(value) == ()


def test_two_globs_of_one_stack_that_fit_the_same_alarm_are_one_stack():
    twice = stack("churn", alarms=["churn-*", "*-latency"])

    assert tie(signal("alarm:churn-latency"), [twice]).stack == "churn"


def test_tying_copies_a_signal_as_the_model_itself_would():
    before = signal("db:churn-db", facts={"period_s": 60})

    tied, copied = before.of_stack("churn"), before.model_copy(update={"stack": "churn"})

    assert tied == copied
    assert (tied.__getstate__(), before.stack) == (copied.__getstate__(), None)
