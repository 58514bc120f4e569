"""steward sandbox: a local world that stays up, and what can be done to it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from types import FrameType
from typing import Any

import click

from chalicelib.errors import InputError, StewardError
from steward.cli.answers import answer, inert, json_option, print_json, table
from steward.cli.commands.signals import read_event
from steward.cli.desk import fresh_simulation, runbooks_option
from steward.cli.remote import NOTE, read_note, the_remote

Json = dict[str, Any]
UP_WITHIN_S = 30
DOWN_WITHIN_S = 10


@click.group()
def sandbox() -> None:
    """A local AWS with one MLflow deployment in it, Steward over it, and time that passes."""


@sandbox.command()
@click.option(
    "--speed", default=10.0, show_default=True, type=click.FloatRange(0.1, 600), help="Virtual per real second."
)
@click.option("--seed", default=0, show_default=True, type=int, help="The same seed is the same world.")
@click.option("--detach", is_flag=True, help="Leave it running in the background.")
@runbooks_option
@json_option
def up(speed: float, seed: int, detach: bool, runbooks_dir: str | None, as_json: bool) -> None:
    """Bring a world up; other commands talk to it until `steward sandbox down`."""
    note = read_note()
    if note is not None:
        raise InputError(f"a sandbox is up already at {note['address']} (process {note['pid']})")
    if detach:
        _detached(speed, seed, runbooks_dir, as_json)
    else:
        _foreground(speed, seed, runbooks_dir, as_json)


def _foreground(speed: float, seed: int, runbooks_dir: str | None, as_json: bool) -> None:
    from steward.cli.control import Control

    with fresh_simulation(runbooks_dir, seed=seed) as sim:
        control = Control(sim, speed, lambda text: click.echo(f"steward: {inert(text)}", err=True))

        def end(_number: int, _frame: FrameType | None) -> None:
            control.stop()

        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)
        answer(_public(control.note()), as_json, _drawn)
        sys.stdout.flush()
        control.serve()


def _detached(speed: float, seed: int, runbooks_dir: str | None, as_json: bool) -> None:
    NOTE.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "steward.cli.main", "sandbox", "up", "--speed", str(speed), "--seed", str(seed)]
    command += ["--runbooks", runbooks_dir] if runbooks_dir else []
    log = NOTE.with_suffix(".log")
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)  # noqa: S603 - our own command
    end = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < end:
        note = read_note()
        if note is not None and note["pid"] == child.pid:
            answer(_public(note), as_json, _drawn)
            return
        if child.poll() is not None:
            raise StewardError(f"the sandbox ended at once: {log.read_text().strip() or 'it said nothing'}")
        time.sleep(0.1)
    child.terminate()
    raise StewardError(f"the sandbox was not up after {UP_WITHIN_S} s; see {log}")


def _public(note: Json) -> Json:
    """Without the token: it is in the note that only this user can read."""
    return {key: value for key, value in note.items() if key != "token"} | {"note": str(NOTE)}


def _drawn(note: Json) -> Iterable[str]:
    yield f"sandbox: up at {note['address']}, process {note['pid']}, {note['speed']:g} virtual seconds a second"
    yield "  steward sandbox break task-hangs   # break it"
    yield "  steward now                        # look"
    yield "  steward sandbox down               # end it"
    yield f"API: {note['address']}/v1, signed as one of its made-up users; as the operator:"
    key, secret = note["operator"]
    yield f"  AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret} steward runs list --on {note['address']}"


@sandbox.command()
@json_option
def down(as_json: bool) -> None:
    """End the sandbox that is up."""
    note = read_note()
    the_remote().ask("down")
    end = time.monotonic() + DOWN_WITHIN_S
    while NOTE.exists() and time.monotonic() < end:
        time.sleep(0.1)
    if NOTE.exists():
        raise StewardError(f"the sandbox (process {note['pid'] if note else '?'}) was told to end and still runs")
    answer({"down": True}, as_json, lambda _: ["sandbox: down"])


@sandbox.command("break")
@click.argument("fault", metavar="FAULT")
@click.option("--with", "pairs", multiple=True, metavar="K=V", help="A parameter of the fault; may be repeated.")
@json_option
def break_world(fault: str, pairs: tuple[str, ...], as_json: bool) -> None:
    """Break the running world with FAULT (see `steward sandbox faults`)."""
    said = the_remote().ask("break", fault=fault, parameters=_parameters(pairs))
    answer(said, as_json, lambda s: [f"broken: {s['sentence']}", "  steward now   # in a moment, see what happens"])


def _parameters(pairs: tuple[str, ...]) -> Json:
    import json

    given: Json = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InputError(f"{pair!r} is not a parameter; write NAME=VALUE")
        try:
            given[name] = json.loads(text)
        except ValueError:
            given[name] = text
    return given


@sandbox.command()
@click.argument("file", metavar="FILE")
@json_option
def fire(file: str, as_json: bool) -> None:
    """Deliver the event in FILE to Steward in the running world, and print its decision."""
    said = the_remote().ask("fire", payload=read_event(file))
    answer({"file": file, **said}, as_json, lambda s: [f"{s['outcome']}: {'; '.join(s['reasons'])}"])


@sandbox.command()
@json_option
def faults(as_json: bool) -> None:
    """What can be broken."""
    from steward.sandbox.faults import FAULTS

    known = [{"name": fault.name, "sentence": fault.sentence} for fault in FAULTS.values()]
    answer({"faults": known}, as_json, lambda said: table(said["faults"], ("name", "sentence")))


@sandbox.command()
@json_option
def look(as_json: bool) -> None:
    """What time it is in the running world, and how its tasks are."""
    said = the_remote().ask("world")
    if as_json:
        print_json(said)
        return
    click.echo(f"{said['stack']} at {said['at']}")
    for line in table(said["tasks"], ("task", "status", "serves")):
        click.echo(inert(line))
