"""Whom a stage's environment lets do what by the API: with nobody named, nobody can stop it or say yes to it."""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.guards.roles import Role, Roles

_NOBODY = "nobody may stop, approve or resume by the API: everybody who may call it is a viewer"


def who_may_not(environment: Mapping[str, Any]) -> str | None:
    """What nobody may do with these variables; None: all is given to somebody."""
    try:
        given = set(Roles.of(json.loads(environment.get("STEWARD_ROLES") or "{}")).by_key.values())
    except (ValueError, AttributeError, TypeError) as error:
        return f"STEWARD_ROLES cannot be read: {error}"
    if not given - {Role.VIEWER}:
        return _NOBODY
    wanted = {Role.OPERATOR: "stop", Role.APPROVER: "approve", Role.ADMIN: "resume"}
    missing = [verb for role, verb in wanted.items() if not any(one.covers(role) for one in given)]
    return f"nobody may {' or '.join(missing)} by the API" if missing else None
