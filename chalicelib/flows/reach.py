"""Reach: one question asked in the stack's network, with what the payload gives for it. Holds no AWS rights.

Nothing of the payload is logged or handed back: an answer is made of facts alone (S29). Where it may
connect to, the ports themselves decide (S25), whatever was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.errors import HttpFailure

if TYPE_CHECKING:  # what crosses is loaded when something crosses: no other function needs it
    from collections.abc import Mapping

    from chalicelib.net.database_login import DatabaseLogin
    from chalicelib.net.directory_login import DirectoryLogin
    from chalicelib.net.http import HttpPort
    from chalicelib.net.reach_words import Ask, Said


@dataclass(frozen=True)
class Inside:
    """The ports as they are in the stack's network."""

    databases: DatabaseLogin
    directories: DirectoryLogin
    http: HttpPort


def reach(inside: Inside, event: Mapping[str, Any]) -> dict[str, Any]:
    from chalicelib.net.reach_words import NotDone, ReachAnswer, ReachUnreadable, read_request

    said: Said
    try:
        said = _carried_out(inside, read_request(event).ask)
    except ReachUnreadable as error:
        said = NotDone(why=str(error))
    except Exception as error:  # noqa: BLE001  # boundary: a trace in the log could show what was asked with
        said = NotDone(why=f"unexpected {type(error).__name__}")
    return ReachAnswer(said=said).model_dump(mode="json")


def _carried_out(inside: Inside, ask: Ask) -> Said:
    from chalicelib.net import reach_words as words

    if isinstance(ask, words.AskDatabase):
        return words.SaidDatabase(facts=inside.databases.look(ask.request()))
    if isinstance(ask, words.AskDirectory):
        return words.SaidDirectory(facts=inside.directories.look(ask.request()))
    try:
        return words.SaidHttp.of(inside.http.ask(ask.request()))
    except HttpFailure as failure:
        return words.NoHttp(failure=failure.kind, detail=failure.detail)
