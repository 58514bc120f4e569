"""What the diagnosis of this run forbids: no restart while the database is out of disk (pure).

A cause that rests on log text alone vetoes nothing (S4); the diagnosis leaves such vetoes out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.guards.results import passes, refuses
from chalicelib.models.decision import GuardResult
from chalicelib.models.finding import Veto


def vetoed(actions: Iterable[str], outputs: Iterable[Mapping[str, Any] | None]) -> GuardResult:
    """`outputs` are those of the run's probes so far; a diagnosis among them has `vetoes`."""
    wanted = set(actions)
    try:
        vetoes = [Veto.model_validate(one) for output in outputs if output for one in output.get("vetoes") or ()]
    except ValueError:
        return refuses("veto", "lacks a diagnosis it can read")
    against = [veto for veto in vetoes if veto.step in wanted]
    if not against:
        return passes("veto", "no diagnosis speaks against it" if vetoes else "nothing was diagnosed that forbids it")
    said = dict.fromkeys(f"{veto.step} would do harm while {veto.cause}: {veto.why}" for veto in against)
    return refuses("veto", "; ".join(said))
