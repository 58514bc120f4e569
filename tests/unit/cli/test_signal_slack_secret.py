"""`steward signal --slack-secret`: what Slack did not sign with that secret is invalid, and says why (S28)."""

import base64
import json
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from slack_sdk.signature import SignatureVerifier

from steward.cli.main import cli

SECRET = "a-signing-secret-of-32-characters"
BODY = urlencode({"payload": json.dumps({"type": "block_actions", "user": {"id": "U1"}, "actions": [{"value": "v"}]})})


def read(tmp_path, *, body=BODY, encoded=False, secret=SECRET, stamp="1531420618"):
    signature = SignatureVerifier(SECRET).generate_signature(timestamp="1531420618", body=BODY)
    sent = base64.b64encode(body.encode()).decode() if encoded else body
    event = {
        "httpMethod": "POST", "path": "/slack/interactive", "requestContext": {"requestId": "r"}, "body": sent,
        "isBase64Encoded": encoded, "headers": {"X-Slack-Signature": signature, "X-Slack-Request-Timestamp": stamp},
    }  # fmt: skip
    (tmp_path / "event.json").write_text(json.dumps(event))
    (tmp_path / "secret").write_text(secret + "\n")
    words = ["signal", str(tmp_path / "event.json"), "--slack-secret", str(tmp_path / "secret"), "--json"]
    return json.loads(CliRunner().invoke(cli, words).stdout)["signals"][0]


@pytest.mark.parametrize("encoded", [False, True])
def test_what_slack_signed_is_read(tmp_path, encoded):
    assert read(tmp_path, encoded=encoded)["kind"] == "slack.interaction"


@pytest.mark.parametrize(
    "change", [{"body": BODY + " "}, {"secret": "another-secret-another"}, {"stamp": "1531420619"}, {"stamp": "x"}]
)
def test_what_it_did_not_sign_is_invalid_with_a_reason(tmp_path, change):
    said = read(tmp_path, **change)
    assert (said["kind"], said["actionable"], said["resource"]) == ("invalid", False, None)
    assert "signature" in said["reason"]


def test_a_secret_that_cannot_be_read_is_bad_input(tmp_path):
    done = CliRunner().invoke(cli, ["signal", "x.json", "--slack-secret", str(tmp_path / "gone")])
    assert done.exit_code != 0
