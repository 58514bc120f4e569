"""Sessions: the rights a step acts with. `advance` holds no mutating right of its own (S21).

For every step the stack's role is assumed anew with a session policy that says exactly what the
step declares, on exactly this stack's resources, and with the run's id as source identity.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.aws.gateways import Aws, Session
from chalicelib.aws.resources import fill, resource_facts, resource_of, role_arn
from chalicelib.aws.sts import Credentials
from chalicelib.errors import AwsDenied, AwsInvalid
from chalicelib.models.rights import StackRole, acting_with, reads_of, role_for
from chalicelib.models.stack import Stack
from chalicelib.models.step_index import Permission

if TYPE_CHECKING:
    Client = Callable[..., Any]

SessionFactory = Callable[[str, Credentials | None], Session]
"""Makes a session for a region; without credentials it is Steward's own."""

_POLICY_LIMIT = 2048
"""STS takes no longer inline session policy."""


class Sessions(Protocol):
    def for_stack(
        self, stack: Stack, run_id: str, step: str, permissions: Sequence[Permission], *, plan_mode: bool = False
    ) -> Aws: ...

    def for_parts(
        self,
        stack: Stack,
        run_id: str,
        step: str,
        parts: Mapping[str, Sequence[Permission]],
        *,
        plan_mode: bool = False,
    ) -> Mapping[str, Aws]:
        """For a probe that asks others: by the part's name, rights that hold what the part declares."""


class _NoRights:
    """Stands where nothing may be asked at all."""

    @property
    def client(self) -> "Client":
        raise AwsDenied("sts:AssumeRole", "NoRights", "this step declares no rights of its own")


class _AssumedLater:
    """A session whose role is assumed when its first client is made: of many parts some never ask."""

    def __init__(self, assume: Callable[[], Session]) -> None:
        self._assume = assume
        self._lock = threading.Lock()
        self._session: Session | None = None

    @property
    def client(self) -> "Client":
        with self._lock:  # parts of one session are asked side by side
            if self._session is None:
                self._session = self._assume()
            return self._session.client


def lean_session(region: str, credentials: Credentials | None) -> Session:
    from chalicelib.aws.lean_session import LeanSession

    if credentials is None:
        return LeanSession(region)
    return LeanSession(region, credentials.access_key, credentials.secret_key, credentials.token)


class StackSessions:
    def __init__(self, home_region: str, factory: SessionFactory = lean_session) -> None:
        self._home_region = home_region
        self._factory = factory
        self._kept: dict[tuple[str, bool], Aws] = {}

    @cached_property
    def own(self) -> Aws:
        """Steward's own rights, for its own state; steps never see it."""
        return Aws(self._factory(self._home_region, None), self._home_region, later=True)

    @cached_property
    def _account(self) -> str:
        return self.own.sts.account()

    def for_stack(
        self, stack: Stack, run_id: str, step: str, permissions: Sequence[Permission], *, plan_mode: bool = False
    ) -> Aws:
        """A stack without a role is cared for with Steward's own rights, which its operator chose.
        Where nothing but reading is wanted, no more is asked for: a plan never holds a right to change (S21)."""
        if stack.role is None:
            return self._unassumed(stack.region, plan_mode)
        wanted = reads_of(permissions) if plan_mode else acting_with(permissions)
        if not wanted:
            return Aws(_NoRights(), stack.region, read_only=plan_mode)
        credentials = self._assume(stack, role_of_stack(stack, stack.role, wanted), run_id, step, wanted)
        return Aws(self._factory(stack.region, credentials), stack.region, read_only=plan_mode)

    def for_parts(
        self,
        stack: Stack,
        run_id: str,
        step: str,
        parts: Mapping[str, Sequence[Permission]],
        *,
        plan_mode: bool = False,
    ) -> Mapping[str, Aws]:
        """As few sessions as session policies of 2,048 characters allow: each costs a call and clients."""
        role = stack.role
        if role is None:
            return dict.fromkeys(parts, self._unassumed(stack.region, plan_mode))
        found: dict[str, Aws] = {}
        for number, group in enumerate(grouped(stack, self._account_of(stack, role), parts), 1):
            wanted = [permission for part in group for permission in parts[part]]
            session = _AssumedLater(self._assuming(stack, role, run_id, f"{step}-{number}", wanted))
            found |= dict.fromkeys(group, Aws(session, stack.region, read_only=plan_mode))
        return found

    def _assuming(
        self, stack: Stack, role: str, run_id: str, step: str, permissions: Sequence[Permission]
    ) -> Callable[[], Session]:
        return lambda: self._factory(stack.region, self._assume(stack, role, run_id, step, permissions))

    def _unassumed(self, region: str, plan_mode: bool) -> Aws:
        """Kept: clients cost 30 to 90 ms each, and these rights are the same for every step."""
        known = self._kept.get((region, plan_mode))
        if known is None:
            known = self._kept[region, plan_mode] = Aws(self._factory(region, None), region, read_only=plan_mode)
        return known

    def _account_of(self, stack: Stack, role: str) -> str:
        """Asked of STS only where neither the stack nor its role says it."""
        return account_said(stack, role) or self._account

    def _assume(
        self, stack: Stack, role: str, run_id: str, step: str, permissions: Sequence[Permission]
    ) -> Credentials:
        account = self._account_of(stack, role)
        credentials = self.own.sts.assume_role(
            role_arn(role, account, stack.region),
            session_name=_name(f"steward-{step}"),
            source_identity=_name(run_id),
            policy=session_policy(stack, account, permissions),
            external_id=stack.external_id,
        )
        if credentials.account != account:  # S23: the account behind the session is the stack's
            message = f"the session is in account {credentials.account}, the stack in {account}"
            raise AwsDenied("sts:AssumeRole", "WrongAccount", message)
        return credentials


def role_of_stack(stack: Stack, act: str, permissions: Sequence[Permission]) -> str:
    """The stricter one where something is deleted, restored or registered. A stack that has no such role has no such
    rights: its one role holds none of them, and AWS says so."""
    return stack.data_role if stack.data_role and role_for(permissions) is StackRole.DATA else act


def account_said(stack: Stack, role: str | None) -> str | None:
    """None: neither the stack nor its role says it."""
    return stack.account or (account_of(role) if role else None)


def account_of(arn: str) -> str | None:
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 and parts[4] else None  # noqa: PLR2004 - arn:partition:service:region:account


def grouped(stack: Stack, account: str, parts: Mapping[str, Sequence[Permission]]) -> tuple[tuple[str, ...], ...]:
    """Parts whose rights fit together into one session policy, each part into the first group with room.
    One that fits into none is a group by itself: its session is refused, and the others are not."""
    groups: list[list[str]] = []
    for part in parts:
        for group in groups:
            together = [permission for one in (*group, part) for permission in parts[one]]
            if len(_policy(stack, account, together)) <= _POLICY_LIMIT:
                group.append(part)
                break
        else:
            groups.append([part])
    return tuple(tuple(group) for group in groups)


def session_policy(stack: Stack, account: str, permissions: Sequence[Permission]) -> str:
    """The step's declared actions on this stack's resources, and nothing else."""
    policy = _policy(stack, account, permissions)
    if len(policy) > _POLICY_LIMIT:
        raise AwsInvalid("sts:AssumeRole", "PackedPolicyTooLarge", f"the step's policy is {len(policy)} characters")
    return policy


def _policy(stack: Stack, account: str, permissions: Sequence[Permission]) -> str:
    facts = resource_facts(stack, account)
    groups: dict[tuple[str, str], set[str]] = {}
    for permission in permissions:
        resource = resource_of(permission, facts)
        if resource is not None:
            condition = {op: {k: fill(v, facts) or v for k, v in c.items()} for op, c in permission.condition.items()}
            groups.setdefault((resource, json.dumps(condition, sort_keys=True)), set()).add(permission.action)
    # Resources with the same rights share a statement: every character counts against the limit.
    merged: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for (resource, conditions), actions in sorted(groups.items()):
        merged.setdefault((tuple(sorted(actions)), conditions), []).append(resource)
    statements = [
        {
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": resources if len(resources) > 1 else resources[0],
            **({"Condition": json.loads(conditions)} if conditions != "{}" else {}),
        }
        for (actions, conditions), resources in merged.items()
    ]
    # An absent session policy would mean all of the role's rights: no rights are said as a denial.
    nothing = [{"Effect": "Deny", "Action": "*", "Resource": "*"}]
    return json.dumps({"Version": "2012-10-17", "Statement": statements or nothing}, separators=(",", ":"))


def _name(text: str) -> str:
    return re.sub(r"[^\w+=,.@-]", "-", text)[:64]
