"""Asks checks: runs each probe once, then lets the pure predicates judge. A probe that fails for our
own reasons makes its checks unknown, never false (S3)."""

from datetime import datetime

from chalicelib.engine.ports import Ports
from chalicelib.errors import StewardError, StoreError
from chalicelib.models.check import Answer, CheckResult
from chalicelib.models.run import Run
from chalicelib.models.stack import Stack
from chalicelib.steps.step import NoParams, Output, StepContext


def context(
    ports: Ports, run: Run, stack: Stack, step_id: str, now: datetime, *, alarms: tuple[str, ...], permissions: object
) -> StepContext:
    aws = ports.sessions.for_stack(stack, run.id, step_id, permissions, plan_mode=True)  # type: ignore[arg-type]
    return StepContext(
        stack=stack,
        run_id=run.id,
        step_id=step_id,
        now=now,
        aws=aws,
        http=ports.http,
        alarms=alarms,
        since=run.created_at,
        databases=ports.senses.databases,
        directories=ports.senses.directories,
        in_network=ports.senses.in_network,
        fingerprint_key=ports.senses.fingerprint_key,
        diagnoser=ports.senses.diagnoser,
        side_by_side=ports.senses.side_by_side,
        history=ports.history,
        evidence=ports.senses.evidence,
        monotonic=ports.senses.monotonic,
        budget_s=ports.senses.budget_s,
    )


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
        ctx = context(ports, run, stack, "check", now, alarms=alarms, permissions=probe.permissions)
        return probe.read(ctx, NoParams() if probe.Params is NoParams else probe.Params()), ""
    except StoreError:
        raise
    except StewardError as error:
        return None, f"not reachable from here: {error}"
    except Exception as error:  # noqa: BLE001
        # boundary: a bug in a probe makes its checks unknown; it never leaves a run that dies at every move
        return None, f"unexpected {type(error).__name__}: {error}"
