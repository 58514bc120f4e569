"""Who may do what by the API: roles from principals, by account, role and identity-provider name (S27).

Pure. Nobody is more than viewer unless the configuration says so; what cannot be read is nobody.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

_ASSUMED = re.compile(
    r"arn:aws[a-z-]*:sts::(?P<account>\d{12}):assumed-role/(?P<role>[\w+=,.@-]+)/(?P<session>[^/\s]+)"
)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?:[\w+=,.@/-]+/)?(?P<role>[\w+=,.@-]+)")
_USER = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):user/(?P<user>[\w+=,.@/-]+)")
_IDENTITY_CENTER = "AWSReservedSSO_"
"""In its roles the session's name is the person's, given by the identity provider; elsewhere anybody chooses it."""


class Role(StrEnum):
    """From least to most; who may do more may do the less."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


def keys_of(principal: str) -> tuple[str, ...]:
    """The names under which a principal may be listed, surest first; none: it is nobody."""
    if user := _USER.fullmatch(principal):
        return (f"{user['account']}:user/{user['user']}",)
    if assumed := _ASSUMED.fullmatch(principal):
        role = f"{assumed['account']}:role/{assumed['role']}"
        person = f"{role}/{assumed['session']}"
        return (person, role) if assumed["role"].startswith(_IDENTITY_CENTER) else (role,)
    if role_arn := _ROLE.fullmatch(principal):
        return (f"{role_arn['account']}:role/{role_arn['role']}",)
    return ()


@dataclass(frozen=True)
class Roles:
    by_key: Mapping[str, Role]

    @classmethod
    def of(cls, listed: Mapping[str, Iterable[str]]) -> "Roles":
        """`{"operator": ["arn:…:role/ops", …], …}`. Raises ValueError for what names no role or no principal."""
        found: dict[str, Role] = {}
        for name, principals in listed.items():
            role = Role(name)
            for principal in principals:
                keys = keys_of(principal)
                if not keys:
                    raise ValueError(f"{principal[:120]!r} is no ARN of a role, a user or an assumed role")
                if _is_session_name(principal):
                    raise ValueError(f"{principal[:120]!r}: a self-chosen session name is nobody; list its role")
                known = found.get(keys[0])
                found[keys[0]] = role if known is None or role.covers(known) else known
        return cls(found)

    def role_of(self, principal: str | None) -> Role | None:
        """None: nobody. The listed name that grants most counts."""
        keys = keys_of(principal or "")
        if not keys:
            return None
        held = [self.by_key[key] for key in keys if key in self.by_key]
        return max(held, key=list(Role).index, default=Role.VIEWER)


def _is_session_name(principal: str) -> bool:
    assumed = _ASSUMED.fullmatch(principal)
    return assumed is not None and not assumed["role"].startswith(_IDENTITY_CENTER)
