"""What people ask of backups: which there are, how one stands, and that a doubt is settled (S18)."""

from typing import Any

from chalicelib.errors import UnknownName
from chalicelib.flows.parts import Parts
from chalicelib.models.history import Backup, BackupKind


def listed(parts: Parts, stack: str) -> dict[str, Any]:
    """Newest recovery point first, of the database and of the artifacts."""
    _must_be_known(parts, stack)
    history = parts.engine.history
    found = [each for kind in BackupKind for each in history.backups(stack, kind)]
    doubt = history.suspicion(stack)
    return {
        "stack": stack,
        "suspicion": doubt.model_dump(mode="json") if doubt else None,
        "backups": [told(one) for one in sorted(found, key=lambda one: (one.as_of, one.id), reverse=True)],
    }


def shown(parts: Parts, stack: str, backup: str) -> dict[str, Any]:
    _must_be_known(parts, stack)
    for kind in BackupKind:
        one = parts.engine.history.backup(stack, kind, backup)
        if one is not None:
            return told(one)
    known = [one["id"] for one in listed(parts, stack)["backups"]]
    raise UnknownName("backup", backup, known)


def cleared(parts: Parts, stack: str, by: str, reason: str) -> dict[str, Any]:
    """A person has looked: pruning and expiry go on. Clearing what is not doubted changes nothing."""
    _must_be_known(parts, stack)
    before = parts.engine.history.suspicion(stack)
    parts.engine.history.clear_suspicion(stack, by, reason, parts.clock.now())
    return {"stack": stack, "cleared": before.why if before else None, "by": by, "reason": reason}


def told(one: Backup) -> dict[str, Any]:
    state = "suspect" if one.suspect else "verified" if one.verified_at else "unverified"
    return {**one.model_dump(mode="json", exclude={"version"}), "state": state, "good": one.is_good}


def _must_be_known(parts: Parts, stack: str) -> None:
    if stack not in parts.engine.stacks:
        raise UnknownName("stack", stack, list(parts.engine.stacks))
