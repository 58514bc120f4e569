"""Which objects of a backup are meant: all, a prefix, one experiment or one run of MLflow. Pure.

MLflow keeps the artifacts of a run under `EXPERIMENT/RUN/artifacts/` and its logged models under
`EXPERIMENT/models/m-ID/artifacts/`; keys here are relative to the backed-up prefix.
"""

from collections.abc import Iterable, Iterator

from chalicelib.backup.entry import Entry
from chalicelib.backup.shards import WHOLE, Shard
from chalicelib.models.shape import Shape

_RUN_AT, _MODEL_AT = 1, 2
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
        pieces = key.split("/", _MODEL_AT + 1)
        is_models = len(pieces) > _MODEL_AT + 1 and pieces[_RUN_AT] == "models" and pieces[_MODEL_AT] in self.models
        return is_models or (len(pieces) > _RUN_AT + 1 and pieces[_RUN_AT] == self.run)

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
