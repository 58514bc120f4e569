"""History: what Steward made on a stack, its backups, its drills, and whether they are doubted.

Every record is written once under its own key and amended by version, so doing it again after a
crash changes nothing. Without a table every question raises: nobody deletes on a guess.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from chalicelib.errors import StoreUnavailable, UnknownName
from chalicelib.models.history import Backup, BackupKind, Creation, Drill, MadeKind, MarkKind, RunsMark, Suspicion
from chalicelib.models.shape import Shape, content_hash
from chalicelib.store.columns import stamp
from chalicelib.store.rows import KEPT_FOR, body_of, contend, load
from chalicelib.store.table import Item, Key, Table, walk

M = TypeVar("M", bound=Shape)


class History:
    def __init__(self, table: Table | None) -> None:
        self._given = table

    @property
    def _table(self) -> Table:
        if self._given is None:
            raise StoreUnavailable("asking what is known of the stack", "no history was wired")
        return self._given

    # -- what Steward made (S16) ---------------------------------------------------------------

    def record_creation(self, creation: Creation) -> Creation:
        """Before the call that makes it. Again: what stands stays."""
        item = Item(_made_key(creation.stack, creation.kind, creation.id), body_of(creation))
        old = self._table.create(item)
        return load(Creation, old) if old else creation.model_copy(update={"version": 1})

    def creation(self, stack: str, kind: MadeKind, name: str) -> Creation | None:
        item = self._table.get(_made_key(stack, kind, name))
        return load(Creation, item) if item else None

    def creations(self, stack: str, kind: MadeKind | None = None, *, gone: bool = False) -> tuple[Creation, ...]:
        """Without those that are gone, unless asked for."""
        prefix = f"MADE#{kind.value}#" if kind else "MADE#"
        found = (load(Creation, item) for item in walk(self._table, _partition(stack), prefix=prefix))
        return tuple(one for one in found if gone or one.gone_at is None)

    def mark_gone(self, stack: str, kind: MadeKind, name: str, now: datetime) -> None:
        self._amend(_made_key(stack, kind, name), Creation, lambda one: {} if one.gone_at else {"gone_at": now}, now)

    # -- what was done about runs of MLflow -----------------------------------------------------

    def mark_runs(self, mark: RunsMark) -> None:
        """Again, at the same time and of the same runs: what stands stays."""
        name = f"{stamp(mark.at)}#{mark.run_id}#{content_hash(list(mark.runs))[:12]}"
        key = Key(_partition(mark.stack), f"RUNS#{mark.kind.value}#{name}")
        self._table.create(Item(key, body_of(mark), expires=mark.at + KEPT_FOR))

    def run_marks(self, stack: str, kind: MarkKind) -> Iterator[RunsMark]:
        """The oldest first."""
        for item in walk(self._table, _partition(stack), prefix=f"RUNS#{kind.value}#"):
            yield load(RunsMark, item)

    # -- backups -------------------------------------------------------------------------------

    def record_backup(self, backup: Backup) -> Backup:
        item = Item(_backup_key(backup.stack, backup.kind, backup.id), body_of(backup))
        old = self._table.create(item)
        return load(Backup, old) if old else backup.model_copy(update={"version": 1})

    def amend_backup(self, stack: str, kind: BackupKind, name: str, now: datetime, **facts: Any) -> None:
        """`verified_at`, `restored_at`, `suspect`, `rows`, `gone_at`, …; UnknownName where there is no such backup."""
        self._amend(_backup_key(stack, kind, name), Backup, lambda _: facts, now)

    def backup(self, stack: str, kind: BackupKind, name: str) -> Backup | None:
        item = self._table.get(_backup_key(stack, kind, name))
        return load(Backup, item) if item else None

    def backups(self, stack: str, kind: BackupKind, *, gone: bool = False) -> tuple[Backup, ...]:
        """Newest recovery point first."""
        items = walk(self._table, _partition(stack), prefix=f"BACKUP#{kind.value}#")
        found = [one for one in (load(Backup, item) for item in items) if gone or one.gone_at is None]
        return tuple(sorted(found, key=lambda one: (one.as_of, one.id), reverse=True))

    def newest_good(self, stack: str, kind: BackupKind) -> Backup | None:
        return next((one for one in self.backups(stack, kind) if one.is_good), None)

    # -- drills --------------------------------------------------------------------------------

    def record_drill(self, drill: Drill) -> None:
        key = Key(_partition(drill.stack), f"DRILL#{stamp(drill.at)}#{drill.run_id}")
        self._table.create(Item(key, body_of(drill), expires=drill.at + KEPT_FOR))

    def drills(self, stack: str) -> tuple[Drill, ...]:
        """Newest first."""
        found = [load(Drill, item) for item in walk(self._table, _partition(stack), prefix="DRILL#")]
        return tuple(reversed(found))

    # -- doubt (S18) ---------------------------------------------------------------------------

    def suspicion(self, stack: str) -> Suspicion | None:
        """The one that stands; None: backups are not doubted."""
        item = self._table.get(_suspicion_key(stack))
        found = load(Suspicion, item) if item else None
        return found if found and found.stands else None

    def last_suspicion(self, stack: str) -> Suspicion | None:
        """Also one that a person has cleared: what was doubted then is the measure from there on."""
        item = self._table.get(_suspicion_key(stack))
        return load(Suspicion, item) if item else None

    def suspect(self, stack: str, why: str, run_id: str, now: datetime) -> Suspicion:
        """The first doubt stands until a person clears it; a later one adds nothing."""
        facts = {"why": why, "since": now, "run_id": run_id}
        cleared: dict[str, Any] = {"cleared_by": None, "cleared_reason": None, "cleared_at": None}
        return self._turn(stack, lambda one: {} if one.stands else {**facts, **cleared})

    def clear_suspicion(self, stack: str, by: str, reason: str, now: datetime) -> Suspicion:
        facts = {"cleared_by": by, "cleared_reason": reason, "cleared_at": now}
        return self._turn(stack, lambda one: facts if one.stands else {})

    def _turn(self, stack: str, change: Callable[[Suspicion], dict[str, Any]]) -> Suspicion:
        key = _suspicion_key(stack)

        def read() -> Suspicion:
            item = self._table.get(key)
            return load(Suspicion, item) if item else Suspicion(stack=stack)

        def write(one: Suspicion) -> Suspicion:
            stored = self._table.replace(Item(key, body_of(one), version=one.version))
            return one.model_copy(update={"version": stored.version})

        def turned(one: Suspicion) -> tuple[Suspicion, None]:
            return one.model_copy(update=change(one)), None

        return contend(read, write, turned, f"doubting {stack}")[0]

    def _amend(self, key: Key, kind: type[M], change: Callable[[M], dict[str, Any]], now: datetime) -> None:
        def amended(item: Item | None) -> tuple[Item | None, None]:
            if item is None:
                raise UnknownName("record", str(key))
            news = change(load(kind, item))
            after = load(kind, item).model_copy(update=news)
            expires = now + KEPT_FOR if news.get("gone_at") else item.expires
            body = body_of(after)
            return (item if body == item.body else Item(key, body, item.version, expires=expires)), None

        def write(item: Item | None) -> Item | None:
            return self._table.replace(item) if item else None

        contend(lambda: self._table.get(key), write, amended, f"amending {key}")


def _partition(stack: str) -> str:
    """Apart from the Ledger's: whoever may write history may write no guard state (S24)."""
    return f"HISTORY#{stack}"


def _made_key(stack: str, kind: MadeKind, name: str) -> Key:
    return Key(_partition(stack), f"MADE#{kind.value}#{name}")


def _backup_key(stack: str, kind: BackupKind, name: str) -> Key:
    return Key(_partition(stack), f"BACKUP#{kind.value}#{name}")


def _suspicion_key(stack: str) -> Key:
    """In a partition of its own: the API clears it for people, and may write nothing else of the history (S16, S24)."""
    return Key(f"SUSPICION#{stack}", "META")
