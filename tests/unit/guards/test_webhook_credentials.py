"""Whose webhook it is: tokens, signatures, rotation, the window, and the stacks it may speak for (S2, S28)."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

from chalicelib.guards import webhook as guard
from chalicelib.models.webhook import SecretPair, Source, WebhookCredential

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
OLD, NEW = "old-secret-old-secret", "new-secret-new-secret"
STAMP = str(int(NOW.timestamp()))


def pair(age_h: float = 1) -> SecretPair:
    return SecretPair(NEW, OLD, NOW - timedelta(hours=age_h))


def test_current_and_previous_are_accepted_while_rotating_and_the_previous_no_longer_after_a_day():
    assert guard.speaker(NEW, {"am": pair()}, NOW) == "am"
    assert guard.speaker(OLD, {"am": pair()}, NOW) == "am"
    assert guard.speaker(OLD, {"am": pair(25)}, NOW) is None
    assert guard.speaker(NEW, {"am": pair(25)}, NOW) == "am"


def test_a_previous_secret_of_unknown_age_is_not_accepted():
    assert guard.speaker(OLD, {"am": SecretPair(NEW, OLD, None)}, NOW) is None


def test_the_token_says_which_credential_it_is():
    offered = {"one": SecretPair("a" * 20), "two": SecretPair("b" * 20)}
    assert guard.speaker("b" * 20, offered, NOW) == "two"


@pytest.mark.parametrize("stored", ["", " " * 40, "short", "\n"])
def test_an_empty_or_guessable_secret_is_never_right(stored):
    assert guard.accepted(SecretPair(stored), NOW) == ()
    assert guard.speaker(stored, {"am": SecretPair(stored)}, NOW) is None


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer short", "Basic " + "x" * 30, "x" * 30, "Bearer " + "x" * 5000]
)
def test_what_is_no_bearer_token_is_none(header):
    assert guard.bearer(header) is None


def test_a_bearer_token_is_read_whatever_the_case_of_its_scheme():
    assert guard.bearer(f"bearer {NEW}") == guard.bearer(f"Bearer   {NEW} ") == NEW


@given(st.text())
def test_no_other_text_is_the_secret(text):
    assert guard.speaker(text, {"am": pair()}, NOW) == ("am" if text in {OLD, NEW} else None)


def test_a_secret_is_in_no_repr():
    assert NEW not in repr(pair())
    assert OLD not in repr(pair())


# -- Slack -------------------------------------------------------------------------------------


class At:
    def now(self) -> float:
        return NOW.timestamp()


def slack(body: bytes, secret: str = NEW, stamp: str = STAMP) -> dict[str, str]:
    signature = SignatureVerifier(secret, At()).generate_signature(timestamp=stamp, body=body)
    return {"x-slack-signature": signature, "x-slack-request-timestamp": stamp}


def signer(body: bytes, headers: dict[str, str]):
    return guard.slack_signer(body, headers, {"slack": pair()}, NOW)


def test_s28_slack_s_signature_counts_for_exactly_these_bytes():
    body = b"payload=%7B%7D"
    assert signer(body, slack(body)) == ("slack", "")
    assert signer(body, slack(body, OLD)) == ("slack", "")
    assert signer(body + b" ", slack(body))[0] is None
    assert signer(body, slack(body, "another-secret-another"))[0] is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"x-slack-signature": ""}, "not signed"),
        ({"x-slack-request-timestamp": ""}, "not signed"),
        ({"x-slack-request-timestamp": "soon"}, "no time"),
        ({"x-slack-request-timestamp": "\u0661\u0662"}, "no time"),
        ({"x-slack-request-timestamp": "9" * 40}, "no time"),
        ({"x-slack-signature": "v0=\u00e9"}, "another secret"),
    ],
)
def test_a_signature_that_cannot_be_read_is_refused_with_a_reason(change, why):
    body = b"a=b"
    name, said = signer(body, {**slack(body), **change})
    assert name is None
    assert why in said


@pytest.mark.parametrize("off", [301, -301, 86_400])
def test_a_signature_outside_the_window_is_refused(off):
    stamp = str(int(NOW.timestamp()) - off)
    name, said = signer(b"a=b", slack(b"a=b", stamp=stamp))
    assert name is None
    assert "more than 300" in said


def test_a_body_that_is_no_utf_8_is_refused_and_breaks_nothing():
    assert signer(b"\xff\xfe", slack(b"a=b"))[0] is None


# -- Grafana -----------------------------------------------------------------------------------


def grafana(body: bytes, secret: str = NEW, stamp: str = STAMP) -> dict[str, str]:
    signature = hmac.new(secret.encode(), stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {guard.SIGNATURE: signature, guard.TIMESTAMP: stamp}


def test_s28_grafana_s_signature_counts_for_the_body_and_its_time():
    body = b"{}"
    assert guard.grafana_doubt(body, grafana(body), pair(), NOW) is None
    assert guard.grafana_doubt(body, grafana(body, OLD), pair(), NOW) is None
    assert "another body" in (guard.grafana_doubt(b"{ }", grafana(body), pair(), NOW) or "")
    later = {**grafana(body), guard.TIMESTAMP: str(int(STAMP) + 1)}
    assert "another secret" in (guard.grafana_doubt(body, later, pair(), NOW) or "")


def test_grafana_unsigned_without_time_or_late_is_refused():
    signed = grafana(b"{}")
    assert "not signed" in (guard.grafana_doubt(b"{}", {}, pair(), NOW) or "")
    assert "no time" in (guard.grafana_doubt(b"{}", {guard.SIGNATURE: signed[guard.SIGNATURE]}, pair(), NOW) or "")
    late = grafana(b"{}", stamp=str(int(STAMP) - 400))
    assert "400 s old" in (guard.grafana_doubt(b"{}", late, pair(), NOW) or "")


# -- stacks and times --------------------------------------------------------------------------


def test_s2_labels_choose_only_among_the_stacks_of_the_credential():
    known = ("a", "b", "c")
    assert guard.choose_stack("b", ("a", "b"), known) == ("b", "")
    assert guard.choose_stack(None, ("a",), known) == ("a", "")
    for label, allowed in (("c", ("a", "b")), (None, ("a", "b")), ("gone", ("gone",))):
        stack, why = guard.choose_stack(label, allowed, known)
        assert stack is None
        assert why


def test_an_alert_s_own_times_say_whether_it_is_being_told_now():
    def doubt(starts_h: float | None, ends_h: float | None = None, resolved: bool = False) -> str | None:
        at = [None if h is None else NOW - timedelta(hours=h) for h in (starts_h, ends_h)]
        return guard.doubt_of_time(at[0], at[1], resolved, NOW)

    assert doubt(0.5) is None
    assert doubt(5, 0.1, resolved=True) is None
    assert "stale" in (doubt(1.1) or "")
    assert "stale" in (doubt(5, 2, resolved=True) or "")
    assert "still to come" in (doubt(-1) or "")
    assert "does not say when" in (doubt(None) or "")


def test_a_credential_speaks_for_at_least_one_stack_and_says_nothing_that_its_source_lacks():
    good = {"source": "slack", "secret": "s", "stacks": ["a"], "people": {"T/U": "arn:x"}}
    assert WebhookCredential.model_validate(good).source is Source.SLACK
    for bad in ({"stacks": []}, {"source": "grafana"}, {"signed_with": "other"}, {"secret": ""}):
        with pytest.raises(ValueError, match=r"."):
            WebhookCredential.model_validate({**good, **bad})
