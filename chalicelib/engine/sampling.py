"""Asks checks: runs each probe once, then lets the pure predicates judge. A probe that fails for our
own reasons makes its checks unknown, never false (S3)."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.engine.around_run import made_by, neighbours_of, open_incidents_of
from chalicelib.engine.left_changes import left_changes, own_changes
from chalicelib.engine.meanwhile import Cancelled
from chalicelib.engine.ports import Ports
from chalicelib.errors import StewardError, StoreError
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.run import Run
from chalicelib.models.stack import Stack
from chalicelib.steps.step import Action, NoParams, Output, Probe, StepContext


def context(
    ports: Ports,
    run: Run,
    stack: Stack,
    step_id: str,
    now: datetime,
    *,
    alarms: tuple[str, ...],
    of: Action[Any] | Probe[Any, Any],
) -> StepContext:
    """For reading: everything below it refuses to change anything."""
    senses = ports.senses.of(stack)
    parts = {part.name: part.permissions for part in of.parts} if isinstance(of, Probe) else {}
    # A probe that asks others has no rights but theirs, and those may be more than one session holds (S21).
    own = () if parts else of.permissions
    ctx = StepContext(
        stack=stack,
        run_id=run.id,
        step_id=step_id,
        now=now,
        aws=ports.sessions.for_stack(stack, run.id, step_id, own, plan_mode=True),
        part_sessions=ports.sessions.for_parts(stack, run.id, step_id, parts, plan_mode=True) if parts else {},
        http=senses.asking(ports.http),
        alarms=alarms,
        since=run.created_at,
        databases=senses.databases,
        directories=senses.directories,
        in_network=senses.in_network,
        fingerprint_key=senses.fingerprint_key,
        diagnoser=senses.diagnoser,
        side_by_side=senses.side_by_side,
        history=ports.history,
        evidence=ports.senses.evidence,
        copies_at_once=ports.senses.copies_at_once,
        many_hands=ports.senses.many_hands,
        monotonic=ports.senses.monotonic,
        budget_s=ports.senses.budget_s,
        neighbours=neighbours_of(ports, stack),
        open_incidents=open_incidents_of(ports, run),
        cancelled=Cancelled(ports, run, ports.senses.monotonic),
        made=made_by(ports, run),
    )
    return replace(ctx, left_changes=lambda: left_changes(ports, ctx), own_changes=lambda: own_changes(ports, ctx, run))


def acting_context(
    ports: Ports, run: Run, stack: Stack, step_id: str, now: datetime, *, of: Action[Any]
) -> StepContext:
    """With the rights of the action, for a worker beside `advance` that does a part of it."""
    ctx = context(ports, run, stack, step_id, now, alarms=(), of=of)
    return replace(ctx, aws=ports.sessions.for_stack(stack, run.id, step_id, of.permissions, plan_mode=False))


def sample(
    ports: Ports, run: Run, stack: Stack, names: tuple[str, ...], now: datetime, alarms: tuple[str, ...]
) -> tuple[CheckResult, ...]:
    outputs: dict[str, Output | None] = {}
    reasons: dict[str, str] = {}
    results: list[CheckResult] = []
    for name in names:
        check = ports.checks.get(name)
        if check is None:
            results.append(CheckResult(check=name, answer=Answer.UNKNOWN, because="there is no such check"))
            continue
        if check.probe not in outputs:
            outputs[check.probe], reasons[check.probe] = _read(ports, run, stack, check.probe, now, alarms)
        results.append(check.judge(outputs[check.probe], reasons[check.probe]))
    return tuple(results)


def _read(
    ports: Ports, run: Run, stack: Stack, probe_name: str, now: datetime, alarms: tuple[str, ...]
) -> tuple[Output | None, str]:
    probe = ports.probes[probe_name]
    try:  # also around the session: a role that cannot be assumed is our own trouble too
        ctx = context(ports, run, stack, "check", now, alarms=alarms, of=probe)
        return probe.read(ctx, NoParams() if probe.Params is NoParams else probe.Params()), ""
    except StoreError:
        raise
    except StewardError as error:
        return None, f"not reachable from here: {error}"
    except Exception as error:  # noqa: BLE001
        # boundary: a bug in a probe makes its checks unknown; it never leaves a run that dies at every move
        return None, f"unexpected {type(error).__name__}: {error}"
