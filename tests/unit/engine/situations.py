"""What the evaluator is given, all of it ordinary unless a test says otherwise."""

from datetime import timedelta
from typing import Any

from chalicelib.engine.admission import Ids
from chalicelib.engine.evaluate import Situation
from chalicelib.engine.incidents import hear, open_incident
from chalicelib.models.ledger import Fleet, FleetLimits, Ledger, Slot
from chalicelib.models.runbook import Runbook
from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.models.stack import Stack
from chalicelib.models.words import utc

NOW = utc("2026-11-02T09:00:00+00:00")
ACCOUNT = "111122223333"


def runbook(autonomy: str = "auto", **guards: Any) -> Runbook:
    return Runbook.model_validate(
        {
            "runbook": "mend",
            "title": "Mend it",
            "on": [{"alarm": {}}, {"manual": {}}],
            "autonomy": autonomy,
            "guards": {"cooldown": "15m", "maxRuns": {"count": 3, "per": "6h"}, **guards},
            "inputs": {"max": {"type": "integer", "default": 1}},
            "steps": [{"id": "mend", "do": "fake.mend"}],
        }  # fmt: skip
    )


def stack(autonomy: str = "auto", **more: Any) -> Stack:
    return Stack.model_validate(
        {
            "stack": "prod",
            "region": "eu-west-2",
            "account": ACCOUNT,
            "autonomy": autonomy,
            "ecs": {"cluster": "c", "service": "s"},
            **more,
        }  # fmt: skip
    )


def signal(state: str = "firing", **more: Any) -> Signal:
    facts = {
        "id": "e1", "kind": SignalKind.ALARM, "state": SignalState(state), "name": "down", "resource": "c/s",
        "source": "eventbridge", "occurred_at": NOW, "actionable": state == "firing", "stack": "prod",
        "account": ACCOUNT, "region": "eu-west-2",
    }  # fmt: skip
    return Signal.model_validate({**facts, **more})


def by_hand(mode: str = "live", **more: Any) -> Signal:
    facts = {"mode": mode, "principal": "ada", "inputs": {"max": 2}, "undo_of": None, **more}
    return signal(kind=SignalKind.MANUAL, account=None, region=None, name="mend", resource="prod", facts=facts)


def situation(one: Signal | None = None, **more: Any) -> Situation:
    one = one or signal()
    facts = {
        "signal": one, "stack": stack(), "runbooks": (runbook(),), "incident": None, "ledger": Ledger(stack="prod"),
        "fleet": Fleet(), "limits": FleetLimits(stacks=10), "now": NOW, "ids": Ids.of(one.id, one.id),
        "own_account": ACCOUNT,
    }  # fmt: skip
    return Situation(**{**facts, **more})


def opened(**update: Any):
    return hear(open_incident(signal(), "i-1", NOW), signal(), NOW).model_copy(update=update)


def slot() -> Slot:
    return Slot(run_id="r-other", runbook="mend", since=NOW)


def cooling(minutes: int = 10) -> Ledger:
    return Ledger(stack="prod", cooldowns={"mend": NOW + timedelta(minutes=minutes)})
