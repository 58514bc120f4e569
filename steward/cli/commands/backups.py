"""steward backups: which there are, how good they are, and that a doubt is settled."""

from collections.abc import Iterable
from typing import Any

import click

from steward.cli.answers import answer, json_option, table
from steward.cli.desk import on_option, open_desk, principal

Json = dict[str, Any]
stack_option = click.option("--stack", required=True, metavar="STACK")


@click.group()
def backups() -> None:
    """List and show backups of a stack; settle a doubt about them."""


@backups.command("list")
@stack_option
@on_option
@json_option
def list_backups(stack: str, where: str, as_json: bool) -> None:
    """Every backup that is known, of database and artifacts, newest first.

    State is verified, unverified or suspect; only what is verified and not suspect counts as good.
    """
    with open_desk(where) as desk:
        answer(desk.ask("backups", stack=stack), as_json, _drawn)


def _drawn(said: Json) -> Iterable[str]:
    doubt = said["suspicion"]
    if doubt:
        yield f"SUSPECT since {doubt['since']}: {doubt['why']}; nothing is pruned or expires"
        yield f'  steward backups clear-suspicion --stack {said["stack"]} --reason "…"'
    if not said["backups"]:
        yield "no backups"
        return
    yield from table(said["backups"], ("as_of", "kind", "id", "state", "objects", "bytes", "restored_at"))


@backups.command()
@click.argument("backup")
@stack_option
@on_option
@json_option
def show(backup: str, stack: str, where: str, as_json: bool) -> None:
    """One backup: its recovery point, who made it, what was proven of it."""
    with open_desk(where) as desk:
        said = desk.ask("backup", stack=stack, backup=backup)
    answer(said, as_json, lambda s: [f"{name}: {value}" for name, value in s.items() if value not in (None, {})])


@backups.command("clear-suspicion")
@stack_option
@click.option("--reason", required=True, metavar="TEXT", help="What you found; people will read it.")
@on_option
@json_option
def clear_suspicion(stack: str, reason: str, where: str, as_json: bool) -> None:
    """Say that you have looked into a suspect backup: pruning and expiry of STACK go on."""
    with open_desk(where) as desk:
        said = desk.ask("clear_suspicion", stack=stack, principal=principal(), reason=reason)
    answer(said, as_json, lambda s: [f"cleared: {s['cleared']}" if s["cleared"] else "nothing was doubted"])
