"""`steward`: the door. Commands are loaded when called; every error becomes one sentence and an exit code.

0 done · 1 it failed · 2 what was given is wrong (usage, a file, a name).
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from chalicelib.errors import InputError, StewardError
from chalicelib.wiring import VERSION

_COMMANDS = {
    "demo": "demo:demo",
    "signal": "signals:signal",
    "explain": "signals:explain",
    "diagnose": "diagnose:diagnose",
    "runbooks": "runbooks:runbooks",
    "run": "runs:run",
    "runs": "runs:runs",
    "decisions": "runs:decisions",
    "stop": "stopping:stop",
    "resume": "stopping:resume",
    "freeze": "stopping:freeze",
    "now": "stopping:now",
    "sandbox": "sandbox:sandbox",
    "stacks": "stacks:stacks",
    "backups": "backups:backups",
    "bench": "bench:bench",
    "package": "package:package",
    "doctor": "doctor:doctor",
    "permissions": "permissions:permissions",
    "generate": "generate:generate",
}
"""Name to file and attribute under `steward.cli.commands`."""

USAGE, FAILED, INTERRUPTED = 2, 1, 130


class Door(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(importlib.import_module(f"steward.cli.commands.{module}"), attribute)
        return command


@click.command(cls=Door, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(VERSION, prog_name="steward")
def cli() -> None:
    """Looks after MLflow deployments on AWS: finds out what is wrong, acts within limits, proves whether it helped."""


def run_cli(argv: Sequence[str] | None = None) -> int:
    """The exit code; whatever happens, people get a sentence and no stack trace."""
    try:
        code = cli.main(args=None if argv is None else list(argv), prog_name="steward", standalone_mode=False)
    except BrokenPipeError:  # whoever read our output has seen enough; and nothing is to be said at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except click.Abort:
        return _complain("interrupted", INTERRUPTED)
    except Exception as error:  # noqa: BLE001  # boundary: every error becomes a sentence
        return _complain(*_told(error))
    return code if isinstance(code, int) else 0


def _told(error: Exception) -> tuple[str, int]:
    match error:
        case click.UsageError(ctx=context) if context is not None:
            return f"{error.format_message()} (try `{context.command_path} --help`)", USAGE
        case click.ClickException():
            return error.format_message(), USAGE
        case InputError():
            return str(error), USAGE
        case StewardError():
            return str(error), FAILED
        case OSError(filename=str(name)):
            return f"{name}: {error.strerror}", USAGE
    return f"a bug in steward ({type(error).__name__}: {error}); please report it", FAILED


def _complain(sentence: str, code: int) -> int:
    from steward.cli.answers import inert

    for line in sentence.splitlines():
        click.echo(f"steward: {inert(line)}", err=True)
    return code


def main(argv: Sequence[str] | None = None) -> NoReturn:
    sys.exit(run_cli(argv))


if __name__ == "__main__":
    main()
