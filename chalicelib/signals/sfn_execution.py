"""Step Functions executions. Failed and timed out fire; Steward's own carry the run's id in their name."""

import re

from chalicelib.models.signal import Signal, SignalKind, SignalState
from chalicelib.signals.fields import REASON_LIMIT, text
from chalicelib.signals.keys import arn_keys, parse_arn
from chalicelib.signals.origin import Event, make

_FIRING = frozenset({"FAILED", "TIMED_OUT"})
_OWN_NAME = re.compile(r"(r-[A-Za-z0-9]{6,40})-\d{1,6}")


def read_execution(event: Event) -> Signal:
    detail = event.detail
    machine, status = parse_arn(detail.get("stateMachineArn")), text(detail.get("status"))
    own = _OWN_NAME.fullmatch(text(detail.get("name")) or "")
    ours = own is not None and machine is not None and "steward" in machine.name
    return make(
        event.origin,
        SignalKind.SFN_EXECUTION,
        SignalState.FIRING if status in _FIRING else SignalState.INFO,
        name=machine.name if machine else None,
        resource=machine.name if machine else None,
        reason=text(detail.get("cause"), REASON_LIMIT) or text(detail.get("error")),
        keys=arn_keys(detail.get("stateMachineArn")),
        facts={
            "status": status,
            "execution": text(detail.get("name")),
            "execution_arn": text(detail.get("executionArn"), REASON_LIMIT),
            "error": text(detail.get("error")),
        },
        echo_of=own[1] if own and ours else None,
    )
