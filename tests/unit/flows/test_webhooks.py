"""Webhooks of Alertmanager and Grafana at the door: believed, or refused with the right status and a record."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from chalicelib.errors import AwsUnavailable
from chalicelib.flows.webhook import MOST_BODY, speaker
from chalicelib.models.webhook import Source
from tests.unit.flows.hooks_desk import SECRETS, SIGNING, TOKEN, nothing_changed

# -- believed ----------------------------------------------------------------------------------


def test_a_firing_alert_starts_the_runbook_that_reacts_to_it(hooks):
    status, said = hooks.send(hooks.alert())
    assert (status, said["alerts"][0]["outcome"], said["alerts"][0]["stack"]) == (202, "run", "prod")
    (run,) = hooks.runs()
    assert hooks.world.finish(run.id).verdict == "verified"
    (decision,) = hooks.decisions()
    assert decision.principal == "webhook:prometheus"


def test_several_alerts_of_a_group_are_several_signals_and_resolved_ones_resolve(hooks):
    first = hooks.alert()
    hooks.send(first)
    done = {**hooks.alert(status="resolved"), "startsAt": first["startsAt"]}
    status, said = hooks.send(done, hooks.alert(stack="second", fingerprint="f2"))
    assert status == 202
    assert [one["stack"] for one in said["alerts"]] == ["prod", "second"]
    assert "the incident is told" in said["alerts"][0]["because"]
    assert {run.stack for run in hooks.runs()} == {"prod", "second"}


def test_s28_the_same_alert_in_another_group_is_the_same_event(hooks):
    alert = hooks.alert()
    hooks.send(alert)
    status, said = hooks.send(hooks.alert(fingerprint="f9", labels={"alertname": "Other"}), alert)
    assert (status, said["alerts"][1]["because"]) == (202, "heard before")
    assert len(hooks.runs()) == 1


def test_an_alert_that_began_anew_is_another_event(hooks):
    hooks.send(hooks.alert(ago_s=600))
    _, said = hooks.send(hooks.alert(ago_s=10))
    assert "heard before" not in said["alerts"][0]["because"]


def test_an_alert_that_is_told_again_after_hours_was_heard_before_and_is_not_stale(hooks):
    alert = hooks.alert()
    hooks.send(alert)
    hooks.world.wait(hours=5)
    status, said = hooks.send(alert)
    assert (status, said["alerts"][0]["because"]) == (202, "heard before")


def test_without_a_label_the_only_stack_of_a_credential_is_meant(hooks):
    status, said = hooks.send(hooks.alert(stack=None), by="single")
    assert (status, said["alerts"][0]["stack"]) == (202, "prod")


def test_grafana_s_unified_alerts_find_the_same_runbooks(hooks):
    status, said = hooks.send(hooks.alert(), by="grafana", source=Source.GRAFANA)
    assert (status, said["alerts"][0]["outcome"]) == (202, "run")


def test_what_is_archived_needs_no_credential_to_be_taken_over(hooks):
    hooks.world.table.die_before = 3
    with pytest.raises(BaseException, match="before"):
        hooks.send(hooks.alert(stack=None), by="single")
    hooks.world.table.die_before = None
    hooks.world.wait(minutes=2)
    hooks.world.sweep()
    (run,) = hooks.runs()
    assert run.stack == "prod"


# -- not believed ------------------------------------------------------------------------------


def test_s2_a_credential_cannot_speak_for_another_stack(hooks):
    status, said = hooks.send(hooks.alert(stack="second"), by="single")
    assert (status, said["status"]) == (403, 403)
    assert "may not speak for 'second'" in said["errors"][0]["detail"]
    assert nothing_changed(hooks)
    (refused,) = hooks.refusals()
    assert "may not speak for" in refused.parts[0].reasons[0]


def test_one_alert_of_a_foreign_stack_does_not_hold_the_others(hooks):
    status, said = hooks.send(hooks.alert(stack="elsewhere", fingerprint="f2"), hooks.alert())
    assert status == 202
    assert [one["accepted"] for one in said["alerts"]] == [False, True]
    assert len(hooks.runs()) == len(hooks.refusals()) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ago_s": 4000}, "stale"),
        ({"ago_s": -4000}, "still to come"),
        ({"startsAt": None}, "does not say when it began"),
        ({"startsAt": "0001-01-01T00:00:00Z"}, "does not say when it began"),
    ],
)
def test_late_alerts_and_those_of_no_time_are_refused_recorded_and_change_nothing(hooks, change, why):
    status, said = hooks.send(hooks.alert(**change))
    assert (status, why in said["errors"][0]["detail"]) == (422, True)
    assert nothing_changed(hooks)
    assert why in hooks.refusals()[0].parts[0].reasons[0]


def test_s28_a_resolved_of_long_ago_that_is_replayed_ends_no_incident_of_today(hooks):
    first = hooks.alert()
    hooks.send(first)
    hooks.send({**hooks.alert(status="resolved"), "startsAt": first["startsAt"]})
    hooks.world.wait(hours=3)
    again = hooks.alert()
    hooks.send(again)
    replayed = {**first, "status": "resolved", "endsAt": (hooks.world.now() - timedelta(hours=3)).isoformat()}
    _, said = hooks.send(replayed, hooks.alert(stack="second"))
    assert said["alerts"][0]["because"] == "heard before"
    assert all(incident.firing for incident in hooks.world.parts.engine.incidents.open_of("prod"))


DEEP = b"[" * 40 + b"]" * 40


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"\xff\xfe{}", 400),
        (b'{"alerts": [NaN]}', 400),
        (b'{"alerts": [], "alerts": []}', 400),
        (b'{"alerts": ' + DEEP + b"}", 400),
        (b'{"alerts": [{"labels": "\\ud800"}]}', 400),
        (b"null", 422),
        (b'{"alerts": {}}', 422),
        (b'{"alerts": [1]}', 422),
        (b'{"alerts": [' + b",".join([b"{}"] * 101) + b"]}", 422),
        (b" " * (MOST_BODY + 1), 413),
        (b"x" * 10_000_000, 413),
    ],
    ids=["empty", "broken-utf8", "nan", "twice", "deep", "half-a-character", "null", "object", "numbers", "101", "1MB+",
         "10MB"],
)  # fmt: skip
def test_a_body_that_is_no_group_of_alerts_is_refused_recorded_and_changes_nothing(hooks, raw, status):
    assert hooks.send(raw=raw)[0] == status
    assert nothing_changed(hooks)
    assert len(hooks.refusals()) == 1


def test_a_request_without_its_authorizer_s_word_or_of_another_source_is_refused(hooks):
    assert hooks.send(hooks.alert(), by=None)[0] == 403
    assert hooks.send(hooks.alert(), by="gone")[0] == 403
    assert hooks.send(hooks.alert(), by="grafana")[0] == 403
    assert nothing_changed(hooks)


def signed(body: bytes, at, secret: str = SIGNING) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-grafana-alerting-signature": digest, "x-grafana-alerting-timestamp": stamp}


def test_where_grafana_signs_an_unsigned_forged_or_late_body_is_refused(hooks):
    body = json.dumps({"orgId": 1, "status": "firing", "alerts": [hooks.alert()]}).encode()
    now = hooks.world.now()
    ways = (
        {},
        signed(body, now, "forged-forged-forged"),
        signed(body + b" ", now),
        signed(body, now - timedelta(hours=1)),
    )
    for headers in ways:
        assert hooks.send(raw=body, by="signed", source=Source.GRAFANA, headers=headers)[0] == 401
    assert nothing_changed(hooks)
    assert hooks.send(raw=body, by="signed", source=Source.GRAFANA, headers=signed(body, now))[0] == 202


# -- the authorizer ----------------------------------------------------------------------------


def test_the_authorizer_knows_a_credential_by_its_token_and_only_for_its_source(hooks):
    parts = hooks.world.parts
    assert speaker(parts, "alertmanager", f"Bearer {TOKEN}") == "prometheus"
    assert speaker(parts, "grafana", f"Bearer {TOKEN}") is None
    assert speaker(parts, "slack", f"Bearer {TOKEN}") is None
    assert speaker(parts, "alertmanager", "Bearer forged-forged-forged") is None


def test_forged_tokens_are_one_record_a_minute_however_many_come(hooks):
    for n in range(50):
        assert speaker(hooks.world.parts, "alertmanager", f"Bearer forged-forged-{n:08d}") is None
    assert len(hooks.refusals()) == 1
    hooks.world.wait(minutes=1)
    speaker(hooks.world.parts, "alertmanager", "Bearer forged-forged-forged")
    assert len(hooks.refusals()) == 2


def test_no_token_no_secret_is_read(hooks):
    def read(name):
        raise AssertionError(f"read {name}")

    hooks.world.with_parts(secret_pair=read)
    assert speaker(hooks.world.parts, "alertmanager", "Basic abc") is None


def test_what_may_pass_is_a_503_so_that_it_is_sent_again(hooks):
    def read(name):
        raise AwsUnavailable("secretsmanager:GetSecretValue", "InternalServiceError", "later")

    hooks.world.with_parts(secret_pair=read)
    assert hooks.send(hooks.alert(), by="signed", source=Source.GRAFANA)[0] == 503


def test_no_secret_comes_out_anywhere(hooks):
    speaker(hooks.world.parts, "alertmanager", f"Bearer {TOKEN}")
    speaker(hooks.world.parts, "alertmanager", "Bearer forged-canary-forged")
    _, said = hooks.send(hooks.alert(stack="second"), by="single")
    out = json.dumps([one.model_dump(mode="json") for one in hooks.decisions()]) + json.dumps(said)
    out += repr(hooks.world.parts.archive.__dict__) + repr(hooks.world.telemetry.__dict__)
    assert not any(secret in out for secret in (*SECRETS.values(), "forged-canary-forged"))
