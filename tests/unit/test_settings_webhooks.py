"""STEWARD_WEBHOOKS: whose webhooks are believed, and mistakes in it that are told without a value."""

import json

import pytest

from chalicelib.models.webhook import Source
from chalicelib.settings import Settings, SettingsInvalid

GOOD = {
    "STEWARD_STAGE": "dev",
    "STEWARD_TABLE": "steward-dev",
    "STEWARD_ARCHIVE_BUCKET": "steward-dev-archive",
    "STEWARD_EVIDENCE_BUCKET": "steward-dev-evidence",
    "STEWARD_MACHINE_ARN": "arn:aws:states:eu-west-2:123456789012:stateMachine:steward-dev",
    "STEWARD_ACCOUNT": "123456789012",
    "AWS_REGION": "eu-west-2",
}
PROMETHEUS = {"source": "alertmanager", "secret": "steward/webhooks/prometheus", "stacks": ["a"]}


def test_none_is_configured_by_default():
    assert Settings.from_env(GOOD).webhooks == {}


def test_credentials_are_read_from_json():
    found = Settings.from_env({**GOOD, "STEWARD_WEBHOOKS": json.dumps({"prometheus": PROMETHEUS})}).webhooks
    assert (found["prometheus"].source, found["prometheus"].stacks) == (Source.ALERTMANAGER, ("a",))


@pytest.mark.parametrize(
    "text",
    ["{", "[]", json.dumps({"x": {**PROMETHEUS, "stacks": []}}), json.dumps({"x": {**PROMETHEUS, "token": "canary"}})],
)
def test_a_mistake_names_the_variable_and_repeats_no_value(text):
    with pytest.raises(SettingsInvalid, match="STEWARD_WEBHOOKS") as caught:
        Settings.from_env({**GOOD, "STEWARD_WEBHOOKS": text})
    assert "canary" not in str(caught.value)
