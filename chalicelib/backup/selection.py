"""Which objects of a backup are meant: all, a prefix, one experiment or one run of MLflow. Pure.

MLflow keeps the artifacts of a run under `EXPERIMENT/RUN/artifacts/` and its logged models under
`EXPERIMENT/models/m-ID/artifacts/`, with workspaces all of it under `workspaces/NAME/`; keys here are relative to the
backed-up prefix.
"""

import re
from collections.abc import Iterable, Iterator

from chalicelib.backup.entry import Entry
from chalicelib.backup.shards import WHOLE, Shard
from chalicelib.models.shape import Shape

_RUN_AT, _MODEL_AT = 1, 2
WORKSPACES = "workspaces/"
WORKSPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_HOME = re.compile(f"{WORKSPACES}{WORKSPACE.pattern}/")
_NO_NEXT = (0xD7FF, 0x10FFFF)
"""After these comes no character that a key could have."""


class Selection(Shape):
    prefix: str = ""
    run: str | None = None
    models: tuple[str, ...] = ()
    """What the run logged as models: MLflow 3 keeps them beside it."""

    def has(self, key: str) -> bool:
        if not key.startswith(self.prefix):
            return False
        if self.run is None:
            return True
        pieces = _cut(key)
        is_models = len(pieces) > _MODEL_AT + 1 and pieces[_RUN_AT] == "models" and pieces[_MODEL_AT] in self.models
        return is_models or _is_of_run(pieces, self.run)

    def of(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Those that were at the source as of the backup."""
        return (entry for entry in entries if entry.gone_since is None and self.has(entry.key))

    @property
    def stretch(self) -> Shard:
        """Where in the order of keys they can be: the rest is not read."""
        if not self.prefix:
            return WHOLE
        last = ord(self.prefix[-1])
        after = self.prefix[:-1] + chr(last + 1) if last not in _NO_NEXT else None
        return Shard(self.prefix[:-1] or None, after)

    def __str__(self) -> str:
        if self.run is not None:
            return f"run {self.run}"
        return f"everything under {self.prefix!r}" if self.prefix else "everything"


def where(entries: Iterable[Entry], *, experiment: str | None = None, run: str | None = None) -> str | None:
    """The folder of that experiment, or of that run's experiment: nobody who names one names its workspace too."""
    for entry in entries:
        pieces = _cut(entry.key)
        if (len(pieces) > _RUN_AT and pieces[0] == experiment) or (run is not None and _is_of_run(pieces, run)):
            home = _HOME.match(entry.key)
            return f"{home[0] if home else ''}{pieces[0]}/"
    return None


def _cut(key: str) -> list[str]:
    """From the experiment's id on."""
    home = _HOME.match(key)
    return key[home.end() if home else 0 :].split("/", _MODEL_AT + 1)


def _is_of_run(pieces: list[str], run: str) -> bool:
    return len(pieces) > _RUN_AT + 1 and pieces[_RUN_AT] == run
