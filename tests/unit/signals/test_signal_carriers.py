"""EventBridge's envelope, SNS, SQS, HTTP: what carries a payload, and what it may not carry."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chalicelib.models.signal import SignalKind, SignalState
from chalicelib.signals.read import read_signals

EVENTS = Path(__file__).parents[2] / "fixtures" / "events"
NOW = datetime(2026, 3, 4, 5, 6, 10, tzinfo=UTC)


def event(name: str) -> dict:
    return json.loads((EVENTS / name).read_text())


def only(payload: object):
    (signal,) = read_signals(payload, received_at=NOW)
    return signal


def sqs(*bodies: object) -> dict:
    records = [
        {"messageId": f"q-{n}", "body": json.dumps(body), "eventSource": "aws:sqs"} for n, body in enumerate(bodies)
    ]
    return {"Records": records}


@pytest.mark.parametrize("payload", [None, [], "text", 7, True, [{"detail-type": "x"}]])
def test_what_is_not_an_object_is_invalid_and_says_what_it_is(payload):
    signal = only(payload)

    assert signal.kind is SignalKind.INVALID
    assert type(payload).__name__ in signal.reason


def test_every_invalid_fixture_says_why_in_words():
    for name in ("invalid/detail_is_null.json", "invalid/put_events_entry.json", "sns/broken_json.json"):
        assert len(only(event(name)).reason.split()) > 3


def test_an_event_keeps_its_own_id_and_one_without_gets_one_of_its_content():
    payload = event("ecs_service/steady.json")
    assert only(payload).id == payload["id"]

    del payload["id"]
    first, again = only(payload), only(json.loads(json.dumps(payload)))
    assert first.id == again.id
    payload["time"] = "2026-03-04T05:06:08Z"
    assert only(payload).id != first.id


def test_an_id_that_could_reach_into_another_key_is_replaced():
    payload = event("ecs_service/steady.json") | {"id": "RUN#r-1/../x"}

    assert only(payload).id.startswith("h-")


def test_s2_a_custom_bus_may_say_anything_and_is_never_believed():
    signal = only(event("unknown/custom_bus_says_ecs.json"))

    assert (signal.kind, signal.keys) == (SignalKind.UNKNOWN, ())
    assert "not AWS" in signal.reason


def test_a_source_of_aws_with_the_detail_type_of_another_service_is_unknown():
    assert only(event("ecs_task/pending.json") | {"source": "aws.rds"}).kind is SignalKind.UNKNOWN


def test_s2_the_topic_goes_on_with_what_the_message_carried():
    signal = only(event("sns/event_inside.json"))

    assert signal.source == "sns"
    assert "topic:arn:aws:sns:eu-central-1:210987654321:churn-alarms" in signal.keys


def test_s2_an_sns_message_without_a_topic_still_carries_a_topic_that_nobody_lists():
    payload = event("sns/event_inside.json")
    del payload["Records"][0]["Sns"]["TopicArn"]

    assert "topic:unknown" in only(payload).keys


def test_s2_a_subscription_confirmation_keeps_neither_token_nor_address():
    signal = only(event("sns/subscription.json"))

    assert (signal.kind, signal.actionable) == (SignalKind.SNS_SUBSCRIPTION, False)
    assert "2336412f37" not in signal.model_dump_json()
    assert "http" not in signal.model_dump_json()


def test_a_poison_record_fails_alone_and_keeps_its_message_id():
    first, poison, last = read_signals(event("sqs/one_poison_among_three.json"), received_at=NOW)

    assert (poison.kind, poison.id, poison.source) == (SignalKind.INVALID, "q-2", "sqs")
    assert (first.source, last.source) == ("sqs", "sns")


def test_records_that_are_no_records_are_judged_one_by_one():
    payload = {"Records": [None, 7, {"eventSource": "aws:kinesis"}, *sqs({"order": 1})["Records"]]}
    kinds = [one.kind for one in read_signals(payload, received_at=NOW)]

    assert kinds == [SignalKind.INVALID] * 3 + [SignalKind.SQS_MESSAGE]


def test_an_event_of_no_family_in_a_queue_stays_an_unknown_event():
    assert only(sqs(event("unknown/ec2.json"))).kind is SignalKind.UNKNOWN


def test_what_is_wrapped_too_often_is_invalid_and_not_a_crash():
    payload: dict = event("ecs_task/pending.json")
    for _ in range(6):
        payload = sqs(payload)

    assert only(payload).reason == "wrapped too many times"


def test_json_that_is_nested_absurdly_deep_is_invalid_and_not_a_crash():
    record = {"messageId": "q", "body": "[" * 200_000, "eventSource": "aws:sqs"}

    assert only({"Records": [record]}).kind is SignalKind.INVALID


@pytest.mark.parametrize("name", ["manual/asked.json", "schedule/ours.json"])
def test_s27_nobody_asks_in_anybodys_name_through_a_queue_or_a_topic(name):
    topic = {"Type": "Notification", "TopicArn": "arn:aws:sns:x:1:t", "Message": json.dumps(event(name))}
    for payload in (sqs(event(name)), topic, sqs(topic)):
        signal = only(payload)
        assert signal.kind is SignalKind.INVALID
        assert "believed only from Steward itself" in signal.reason


def test_s27_a_request_of_stewards_own_in_an_http_body_stays_an_http_request():
    assert only(event("http_request/asking.json")).kind is SignalKind.HTTP_REQUEST


def test_an_aws_event_posted_to_a_webhook_is_invalid():
    payload = event("alertmanager/through_api_base64.json")
    payload |= {"body": json.dumps(event("ecs_task/crashed_exit_1.json")), "isBase64Encoded": False}

    assert only(payload).kind is SignalKind.INVALID


NOT_A_NUMBER = '{"alerts": [{"status": "firing", "v": NaN}], "status": "firing"}'
SAID_TWICE = '{"status": "resolved", "status": "firing", "alerts": [{"status": "firing"}]}'


@pytest.mark.parametrize("body", [NOT_A_NUMBER, SAID_TWICE])
def test_a_webhook_body_that_is_not_strict_json_is_told_and_not_acted_on(body):
    payload = event("alertmanager/through_api_base64.json") | {"body": body, "isBase64Encoded": False}
    signal = only(payload)

    assert (signal.kind, signal.state) == (SignalKind.WEBHOOK_ALERTMANAGER, SignalState.FIRING)
    assert not signal.actionable


def test_s28_the_same_alerts_sent_again_are_the_same_event_and_a_changed_one_is_not():
    group = event("alertmanager/half_resolved.json")
    ids = [one.id for one in read_signals(group, received_at=NOW)]
    group["externalURL"] = "http://other.example.invalid"
    assert [one.id for one in read_signals(group, received_at=NOW)] == ids
    assert ids[1] == f"{ids[0]}.2"

    group["alerts"][0]["status"] = "resolved"
    assert read_signals(group, received_at=NOW)[0].id != ids[0]


def test_an_event_without_a_time_happened_when_it_was_received():
    payload = event("ecs_task/pending.json")
    del payload["time"]

    assert only(payload).occurred_at == NOW
