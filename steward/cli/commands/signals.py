"""steward signal, steward explain: what an event says, and what would be decided about it."""

import base64
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chalicelib.clock import VirtualClock
from chalicelib.errors import InputError
from chalicelib.guards.webhook import SLACK_TIMESTAMP, slack_signer
from chalicelib.models.ledger import FleetLimits
from chalicelib.models.signal import Signal, SignalKind
from chalicelib.models.stack import Stack
from chalicelib.models.webhook import SecretPair
from chalicelib.signals.read import read_signals
from chalicelib.signals.tie import StackKeys, tie
from steward.cli.answers import answer, inert, json_option, print_json_line
from steward.cli.desk import fresh_simulation, on_option, open_desk, runbooks_option
from steward.cli.folders import read_stacks

if TYPE_CHECKING:
    from chalicelib.flows.parts import Parts

Json = dict[str, Any]
FIELDS = ("kind", "state", "name", "resource", "stack", "actionable", "reason", "occurred_at")
HEARD_AFTER = timedelta(seconds=5)
stacks_option = click.option("--stacks", "stacks_dir", metavar="DIR", help="Stack files. [default: stacks/]")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@stacks_option
@click.option("--slack-secret", metavar="FILE", help="Holds Slack's signing secret: what it did not sign is invalid.")
@json_option
def signal(files: tuple[str, ...], stacks_dir: str | None, slack_secret: str | None, as_json: bool) -> int:
    """Read event FILEs as Steward would and print the signals in them (JSON Lines with --json)."""
    keys = StackKeys.of(read_stacks(stacks_dir).values())
    secret = _secret_in(slack_secret)
    unread = 0
    for file in files:
        found = read_file(file, keys, secret)
        unread += int(not found["ok"])
        if as_json:
            print_json_line(found)
        else:
            for line in _drawn(found):
                click.echo(inert(line))
    if unread:
        click.echo(f"steward: {unread} of {len(files)} files could not be read", err=True)
    return 2 if unread else 0


def _secret_in(file: str | None) -> str | None:
    if file is None:
        return None
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: {error}") from error


def read_file(file: str, keys: StackKeys, slack_secret: str | None = None) -> Json:
    try:
        payload = read_event(file)
    except InputError as error:
        return {"file": file, "ok": False, "signals": [], "error": str(error)}
    now = datetime.now(UTC)
    found = read_signals(payload, received_at=now)
    if slack_secret is not None:
        found = tuple(_signed(each, payload, slack_secret) for each in found)
    signals = [signal_json(tie(each, keys)) for each in found]
    return {"file": file, "ok": True, "signals": signals, "error": None}


def _signed(signal: Signal, payload: object, secret: str) -> Signal:
    """A file is old, so of a signature in it only the body counts, not its time; the API asks for both."""
    if signal.kind not in {SignalKind.SLACK_INTERACTION, SignalKind.SLACK_COMMAND} or not isinstance(payload, dict):
        return signal
    headers = {str(name).lower(): str(value) for name, value in (payload.get("headers") or {}).items()}
    body = str(payload.get("body") or "").encode()
    body = base64.b64decode(body) if payload.get("isBase64Encoded") is True else body
    at = headers.get(SLACK_TIMESTAMP, "")
    then = datetime.fromtimestamp(int(at[:10]), UTC) if at.isdigit() and at.isascii() else datetime.now(UTC)
    name, why = slack_signer(body, headers, {"slack": SecretPair(secret)}, then)
    if name is not None:
        return signal
    return signal.model_copy(
        update={"kind": SignalKind.INVALID, "actionable": False, "name": None, "resource": None, "reason": why}
    )


def signal_json(given: Signal) -> Json:
    body = given.model_dump(mode="json")
    return {**{name: body[name] for name in FIELDS}, "fingerprint": given.fingerprint}


def read_event(file: str) -> object:
    try:
        return json.loads(Path(file).read_bytes())
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}") from error
    except RecursionError as error:
        raise InputError(f"{file}: nested too deeply to be an event") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not UTF-8 text: {error.reason} at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{file}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error


def _drawn(found: Json) -> Iterable[str]:
    if not found["ok"]:
        yield f"{found['file']}: cannot be read: {found['error']}"
    for each in found["signals"]:
        about = " ".join(str(each[name]) for name in ("name", "resource") if each[name])
        stack = f"stack {each['stack']}" if each["stack"] else "of no known stack"
        acts = "asks for action" if each["actionable"] else "asks for nothing"
        yield f"{found['file']}: {each['kind']} {each['state']} {about}; {stack}; {acts}"
        if each["reason"]:
            yield f"    {each['reason']}"


@click.command()
@click.argument("file", metavar="FILE")
@stacks_option
@runbooks_option
@on_option
@json_option
def explain(file: str, stacks_dir: str | None, runbooks_dir: str | None, where: str, as_json: bool) -> None:
    """Say what Steward would decide about the event in FILE, and why; nothing is written.

    In a fresh world the event has just happened, nothing else is going on, and the stacks are those of
    the folder.
    """
    payload = read_event(file)
    from steward.cli.remote import find_remote

    if where == "sandbox" and find_remote() is None:
        said = explain_fresh(payload, read_stacks(stacks_dir), runbooks_dir)
    else:
        with open_desk(where, runbooks_dir) as desk:
            said = desk.ask("explain", payload=payload)
    answer({"file": file, **said}, as_json, _explained)


def explain_fresh(payload: object, stacks: dict[str, Stack], runbooks_dir: str | None) -> Json:
    """By a Steward that knows nothing yet, a moment after the event happened."""
    from chalicelib.flows.ingest import explain as explain_event
    from steward.cli.operations import decision_json

    heard = read_signals(payload, received_at=datetime.now(UTC))
    with fresh_simulation(runbooks_dir) as sim:
        parts = with_stacks(sim.parts, stacks, max(each.occurred_at for each in heard) + HEARD_AFTER)
        return decision_json(explain_event(parts, payload))


def with_stacks(parts: "Parts", stacks: dict[str, Stack], at: datetime) -> "Parts":
    return replace(
        parts,
        engine=replace(parts.engine, stacks=stacks),
        stack_keys=StackKeys.of(stacks.values()),
        limits=FleetLimits(stacks=len(stacks)),
        clock=VirtualClock(at),
    )


def _explained(said: Json) -> Iterable[str]:
    yield f"{said['outcome']}{': runbook ' + said['runbook'] if said['runbook'] else ''}"
    for part in said["parts"]:
        signal = part["signal"]
        what = " ".join(str(signal[key]) for key in ("kind", "state", "name", "resource") if signal[key])
        yield f"  {what}, stack {signal['stack'] or 'unknown'}: {part['outcome']}"
        yield from (f"    because {reason}" for reason in part["reasons"])
        for guard in part["guards"]:
            yield f"    {'passes' if guard['passed'] else 'HOLDS '} {guard['guard']}: {guard['because']}"
