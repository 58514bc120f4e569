"""What is worth knowing and is the cause of nothing: drift, and quotas near their limit. Pure.

Notices come after every cause and change no outcome: a stack that has nothing else is healthy, and nothing
starts because of one.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from chalicelib.diagnosis.symptoms import ProbeReading
from chalicelib.models.finding import Evidence, Finding, Trust
from chalicelib.redact import mask, strip_hidden

_MOST_EVIDENCE, _MOST_TEXT = 4, 300
REMEDIES = {
    "drift.reverted": (
        "Decide which value is wanted. Where infrastructure code has put the old one back, write Steward's value "
        "into the code; else have Steward's run undone, so that its record says what is."
    ),
    "drift.differs": (
        "Somebody changed it after Steward did: see who and why, and write the value that is wanted into "
        "infrastructure code, or the next apply brings back another."
    ),
    "drift.changed_outside": (
        "Nothing, if it was meant. If trouble began after it, look here first; what was changed by hand is to be "
        "written into infrastructure code."
    ),
    "quota.near_limit": (
        "Ask for a higher quota (Service Quotas; this can take days) before the next scaling, snapshot or restore "
        "drill needs it, or remove what nobody needs."
    ),
}
"""In the order in which they are told."""
_SURE = {"drift.reverted": 0.95, "drift.differs": 0.9, "quota.near_limit": 0.9, "drift.changed_outside": 0.6}


def notices(readings: Iterable[ProbeReading]) -> tuple[Finding, ...]:
    """A probe that could not look gives none (S3)."""
    by_name = {reading.probe: reading.output for reading in readings if reading.failed is None}
    drift, quotas = by_name.get("stack.drift", {}), by_name.get("quotas.near_limit", {})
    found = {
        "drift.reverted": _drifted(drift.get("reverted", ())),
        "drift.differs": _drifted(drift.get("differs", ())),
        "drift.changed_outside": _outside(drift.get("outside", ())),
        "quota.near_limit": _near(quotas.get("near", ())),
    }
    return tuple(_notice(name, tuple(found[name])) for name in REMEDIES if found[name])


def _notice(name: str, evidence: tuple[Evidence, ...]) -> Finding:
    return Finding(
        cause=name,
        confidence=_SURE[name],
        evidence=evidence[:_MOST_EVIDENCE],
        remedy=REMEDIES[name],
        trust=Trust.AWS,
        notice=True,
    )


def _drifted(rows: Iterable[Mapping[str, Any]]) -> list[Evidence]:
    return [
        _evidence(
            "stack.drift",
            f"{row['sentence']} (run {row['run']}); now {row['now']}" + (f", last by {row['by']}" if row["by"] else ""),
            row["at"],
        )
        for row in rows
    ]


def _outside(rows: Iterable[Mapping[str, Any]]) -> list[Evidence]:
    return [
        _evidence("cloudtrail", f"{row['by']} called {row['event']} on {', '.join(row['touched'])}", row["at"])
        for row in rows
    ]


def _near(rows: Iterable[Mapping[str, Any]]) -> list[Evidence]:
    return [
        _evidence(
            "quotas.near_limit",
            f"{row['service']}: {row['used']:g} of {row['limit']:g} {row['name']} are used ({row['percent']}%)",
            None,
        )
        for row in rows
    ]


def _evidence(source: str, text: str, at: object) -> Evidence:
    """Whoever may call AWS may name things as they like (S30)."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else None
    return Evidence(source=source, text=" ".join(mask(strip_hidden(text)).split())[:_MOST_TEXT], at=moment)
