"""What AWS would find too long only while it is deployed, or only when a step first runs."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.aws.sessions import session_policy
from chalicelib.catalog.deployed import stack_parameter
from chalicelib.errors import AwsInvalid
from chalicelib.models.rights import acting_with, reads_of
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.models.step_index import Permission
from chalicelib.steps.step import Probe
from chalicelib.wiring import pinned, step_index
from steward.packaging.event_patterns import patterns
from steward.packaging.rights_grants import HANDS_OFF, used_steps
from steward.packaging.stack_parameters import ADVANCED

_PATTERN = 2048
"""Characters of an event pattern (EventBridge's quotas)."""
_ACCOUNT = "0" * 12


def too_long(stack: Stack, runbooks: Mapping[str, Runbook]) -> Iterator[str]:
    size = len(stack_parameter(stack).encode())
    if size > ADVANCED:
        yield f"{size} bytes, and an SSM parameter takes {ADVANCED}: say less in it"
    for what, pattern in patterns(stack):
        length = pattern_length(pattern)
        if length > _PATTERN:
            less = "fewer or wider globs in `alarms`" if what == "alarms" else "shorter names"
            yield f"the pattern of its rule `{what}` has {length} characters, and EventBridge takes {_PATTERN}: {less}"
    yield from _session_policies(stack, runbooks)


def pattern_length(pattern: dict[str, Any]) -> int:
    """As EventBridge gets it, with what CloudFormation fills in."""
    text = json.dumps(pattern, separators=(",", ":"))
    text = re.sub(r'\{"(?:Fn::Sub|Ref)":("(?:[^"\\]|\\.)*")\}', r"\1", text)
    return len(text.replace("${AWS::AccountId}", _ACCOUNT).replace('"AWS::AccountId"', f'"{_ACCOUNT}"'))


def _session_policies(stack: Stack, runbooks: Mapping[str, Runbook]) -> Iterator[str]:
    """As sessions.py makes them: STS refuses a longer one when the step runs, which may be in an outage."""
    for step in used_steps(pinned(runbooks), step_index()):
        for part, permissions in _together(step):
            held = [reads_of(permissions)] + ([] if stack.autonomy in HANDS_OFF else [acting_with(permissions)])
            for wanted in held:
                try:
                    session_policy(stack, stack.account or _ACCOUNT, wanted)
                except AwsInvalid as error:
                    yield f"the step {part}: {error}; shorter names, or ARNs in place of what is written twice"
                    break


def _together(step: str) -> Iterator[tuple[str, Sequence[Permission]]]:
    """A probe that asks others has a session for as many of them as fit; each must fit by itself."""
    from chalicelib.steps.registry import PROBES

    probe = PROBES.get(step)
    if isinstance(probe, Probe) and probe.parts:
        yield from ((f"{step} ({part.name})", part.permissions) for part in probe.parts)
    else:
        yield step, step_index().steps[step].permissions
