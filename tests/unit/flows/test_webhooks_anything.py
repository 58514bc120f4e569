"""Whatever comes to the door of webhooks is taken or refused, and breaks nothing."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.flows.webhook import Knock
from chalicelib.flows.webhook_door import knocked
from chalicelib.models.webhook import Source
from tests.unit.flows.hooks_desk import Hooks, nothing_changed


def test_a_delivery_while_another_worker_has_the_same_alert_is_a_503_and_is_sent_again(hooks):
    alert = hooks.alert()
    hooks.world.table.die_after = 1
    with pytest.raises(BaseException, match="after"):
        hooks.send(alert)
    hooks.world.table.die_after = None
    body = json.dumps({"status": "firing", "alerts": [alert]}).encode()
    knock = Knock(Source.ALERTMANAGER, body, {}, "prometheus")
    answered = knocked(lambda: hooks.world.parts, knock)
    assert (answered.status, answered.headers["Retry-After"]) == (503, "60")
    hooks.world.wait(minutes=2)
    assert hooks.send(alert)[0] == 202
    assert len(hooks.runs()) == 1


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("status", "labels", "annotations", "fingerprint", "startsAt", "endsAt")
ALERT = st.dictionaries(st.sampled_from(FIELDS), ANYTHING)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=ALERT, group=st.dictionaries(st.sampled_from(("status", "commonLabels", "receiver", "title")), ANYTHING))
def test_strange_alerts_are_taken_or_refused_and_never_break_anything(make_world, changes, group):
    hooks = Hooks(make_world)
    body = json.dumps({**group, "alerts": [{**hooks.alert(), **changes}]}).encode()
    status, said = hooks.send(raw=body)
    assert status in {202, 400, 403, 422}, said
    assert {run.stack for run in hooks.runs()} <= {"prod", "second"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(make_world, raw):
    hooks = Hooks(make_world)
    assert hooks.send(raw=raw)[0] in {400, 422}
    assert nothing_changed(hooks)
