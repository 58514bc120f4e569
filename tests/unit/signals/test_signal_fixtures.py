"""Every fixture under tests/fixtures/events, against what expected.jsonl says of it."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.models.signal import Signal, SignalKind
from chalicelib.models.stack import Stack
from chalicelib.signals.read import read_signals
from chalicelib.signals.tie import StackKeys, tie

EVENTS = Path(__file__).parents[2] / "fixtures" / "events"
NOW = datetime(2026, 3, 4, 5, 6, 10, tzinfo=UTC)
ROWS = [json.loads(line) for line in (EVENTS / "expected.jsonl").read_text().splitlines()]
CHURN = Stack.model_validate(
    {
        "stack": "churn",
        "region": "eu-central-1",
        "account": "210987654321",
        "ecs": {"cluster": "churn-cluster", "service": "churn-mlflow"},
        "loadBalancer": {"targetGroup": "churn-tg", "name": "churn-alb"},
        "database": {"instance": "churn-db", "secret": "churn/db"},
        "artifacts": {"bucket": "churn-artifacts"},
        "alarms": ["churn-*"],
        "topics": ["arn:aws:sns:eu-central-1:210987654321:churn-alarms"],
    }
)
STACKS = StackKeys.of([CHURN])


def event(name: str) -> dict:
    return json.loads((EVENTS / name).read_text())


def told(signal: Signal) -> dict:
    return {
        "kind": signal.kind.value,
        "state": signal.state.value,
        "name": signal.name,
        "resource": signal.resource,
        "actionable": signal.actionable,
        "stack": signal.stack,
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
def test_a_fixture_reads_and_ties_as_expected(row):
    signals = [tie(one, STACKS) for one in read_signals(event(row["file"]), received_at=NOW)]

    assert [told(one) for one in signals] == row["signals"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
def test_a_signal_survives_the_store_and_has_a_fingerprint(row):
    for signal in read_signals(event(row["file"]), received_at=NOW):
        assert Signal.model_validate_json(signal.model_dump_json()) == signal
        assert len(tie(signal, STACKS).fingerprint) == 20


def test_no_fixture_is_forgotten_and_every_source_has_two():
    there = {str(path.relative_to(EVENTS)) for path in EVENTS.glob("*/*.json")}
    sources = [name.split("/")[0] for name in there]

    assert there == {row["file"] for row in ROWS}
    assert {source for source in sources if sources.count(source) < 2} == set()


@pytest.mark.parametrize("kind", list(SignalKind), ids=lambda kind: kind.value)
def test_every_signal_kind_is_shown_by_a_fixture(kind):
    assert kind.value in {signal["kind"] for row in ROWS for signal in row["signals"]}


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """Every key and index in a payload; JSON inside of strings stays closed."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        yield from places(inner, (*path, key))


def inside(payload: dict, path: tuple) -> object:
    for step in path:
        payload = payload[step]
    return payload


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
def test_dropping_any_one_key_never_raises_and_still_yields_a_signal(row):
    whole = event(row["file"])
    for path in places(whole):
        payload = copy.deepcopy(whole)
        del inside(payload, path[:-1])[path[-1]]
        assert [tie(one, STACKS) for one in read_signals(payload, received_at=NOW)], path


STRANGE = [
    None,
    [],
    {},
    "",
    "null",
    0,
    -1,
    1e308,
    float("nan"),
    10**400,
    True,
    [None],
    {"a": [{}]},
    "\u202e\ud800",
    [[]],
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
def test_putting_something_strange_anywhere_never_raises(row):
    whole = event(row["file"])
    for path in places(whole):
        kept = inside(whole, path)
        for strange in STRANGE:
            inside(whole, path[:-1])[path[-1]] = strange
            signals = [tie(one, STACKS) for one in read_signals(whole, received_at=NOW)]
            assert signals, (path, strange)
            assert all(one.model_dump_json() for one in signals)
        inside(whole, path[:-1])[path[-1]] = kept


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["OK", "{", "aws.ecs"])
ANY_JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
TELLING_KEYS = """
    steward Records detail-type detail source alarmData Type TopicArn Message NewStateValue AlarmName Trigger
    alerts orgId ruleName state status requestContext path body Sns receiptHandle id time resources
"""
TELLING = st.sampled_from(TELLING_KEYS.split())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(payload=ANY_JSON | st.dictionaries(TELLING, ANY_JSON))
def test_arbitrary_json_never_raises_and_always_yields_a_signal(payload):
    signals = read_signals(payload, received_at=NOW)

    assert signals
    assert all(one.model_dump_json() and one.id for one in signals)


@settings(max_examples=150, deadline=None)
@given(row=st.sampled_from(ROWS), detail=st.dictionaries(TELLING, ANY_JSON))
def test_arbitrary_json_in_the_place_of_a_detail_never_raises(row, detail):
    payload = event(row["file"])
    for name in ("detail", "alarmData", "Records", "alerts"):
        if name in payload:
            payload[name] = detail

    assert read_signals(payload, received_at=NOW)
