"""Alerts sent to the door of webhooks, and what came of them."""

import json
from datetime import timedelta

from chalicelib.flows.webhook import Knock
from chalicelib.flows.webhook_door import knocked
from chalicelib.models.decision import Outcome
from chalicelib.models.webhook import SecretPair, Source, WebhookCredential

TOKEN, SIGNING = "prometheus-token-0001", "grafana-signing-secret"
CREDENTIALS = {
    "prometheus": WebhookCredential(source=Source.ALERTMANAGER, secret="s/am", stacks=("prod", "second")),
    "single": WebhookCredential(source=Source.ALERTMANAGER, secret="s/one", stacks=("prod",)),
    "grafana": WebhookCredential(source=Source.GRAFANA, secret="s/gf", stacks=("prod",)),
    "signed": WebhookCredential(source=Source.GRAFANA, secret="s/gs", stacks=("prod",), signed_with="s/hmac"),
}
SECRETS = {"s/am": TOKEN, "s/one": "single-token-000001", "s/gf": "grafana-token-00001", "s/gs": "signed-token-0000001",
           "s/hmac": SIGNING}  # fmt: skip


class Hooks:
    def __init__(self, make_world) -> None:
        self.world = make_world(
            runbooks=(make_world.runbook(on=[{"alertmanager": {"alertname": "MLflow*"}}, {"manual": {}}]),),
            stacks=(make_world.stack(), make_world.stack("second")),
        )
        self.world.with_parts(webhooks=CREDENTIALS, secret_pair=lambda name: SecretPair(SECRETS[name]))

    def alert(self, *, ago_s: int = 60, status: str = "firing", stack: str | None = "prod", **more):
        starts = self.world.now() - timedelta(seconds=ago_s)
        labels = {"alertname": "MLflowDown", **({"steward_stack": stack} if stack else {}), **more.pop("labels", {})}
        ends = self.world.now() if status == "resolved" else None
        return {
            "status": status, "labels": labels, "annotations": {"summary": "it is down"}, "fingerprint": "f1",
            "startsAt": starts.isoformat(), "endsAt": ends.isoformat() if ends else "0001-01-01T00:00:00Z", **more,
        }  # fmt: skip

    def send(self, *alerts, by="prometheus", source=Source.ALERTMANAGER, raw=None, headers=None):
        group = {"version": "4", "receiver": "steward", "status": "firing", "groupKey": "{}", "alerts": list(alerts)}
        body = raw if raw is not None else json.dumps(group).encode()
        answered = knocked(lambda: self.world.parts, Knock(source, body, headers or {}, by))
        return answered.status, answered.as_json()

    def decisions(self):
        return self.world.parts.decisions.recent(limit=100).rows

    def refusals(self):
        return [one for one in self.decisions() if one.outcome is Outcome.INVALID]

    def runs(self):
        return [run for stack in ("prod", "second") for run in self.world.parts.engine.runs.recent(stack).rows]


def nothing_changed(hooks):
    return not hooks.runs() and not hooks.world.told() and not hooks.world.parts.engine.incidents.open_of("prod")
