"""Where manifests lie: in the backup bucket under a prefix of their own, one folder a set (one source in one target).

    .steward-backup/owners/SET.json                     whose this place is
    .steward-backup/SET/heads/ID.json                   one a backup; ids sort by time
    .steward-backup/SET/parts/ID/SHARD-NUMBER.jsonl.gz

The keys of the copies stay those of the source: a key of 1,024 bytes leaves no room for a prefix.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from chalicelib.backup.entry import Entry, Place
from chalicelib.backup.manifest import (
    MAC_BYTES,
    MOST_HEAD_BYTES,
    MOST_PART_BYTES,
    Head,
    Mac,
    Part,
    PartWriter,
    check_part,
    head_bytes,
    mac_message,
    probe_message,
    read_head,
    read_part,
)
from chalicelib.backup.shards import WHOLE, Shard, within
from chalicelib.errors import ManifestBroken, ManifestUnrecorded
from chalicelib.models.shape import canonical_json

RESERVED = ".steward-backup/"
RESTORED = "steward-restored/"
"""In the artifact bucket: where restores and drills put what they bring back."""
_STAMP = "%Y%m%dT%H%M%SZ"


class Shelf(Protocol):
    """Objects by version; `aws.s3_vault.Vault` is such."""

    def put(self, bucket: str, key: str, body: bytes) -> str | None: ...

    def put_once(self, bucket: str, key: str, body: bytes) -> bool: ...

    def get(self, bucket: str, key: str, version: str | None, max_bytes: int) -> bytes | None: ...

    def names(self, bucket: str, prefix: str, delimiter: str = "") -> Iterator[str]: ...


class Signer(Protocol):
    """`aws.kms.Kms` is such."""

    def mac(self, key: str, message: bytes) -> str: ...

    def is_right(self, key: str, message: bytes, mac: str) -> bool: ...


class Intents(Protocol):
    """What Steward was about to write, kept where no writer of the bucket can write: a run that is stopped between a
    head and its record has left no head that nobody knows."""

    def note(self, backup: str, sha256: str) -> None: ...

    def holds(self, backup: str, sha256: str) -> bool: ...


@dataclass(frozen=True)
class Seal:
    signer: Signer
    key: str


def set_of(source: Place, target: Place) -> str:
    """The same source in the same target, whoever asks."""
    spelled = canonical_json([source.bucket, source.prefix, target.bucket, target.prefix])
    return hashlib.sha256(spelled.encode()).hexdigest()[:12]


def backup_id(set_: str, as_of: datetime, run_id: str, step: str) -> str:
    made_by = hashlib.sha256(f"{run_id}/{step}".encode()).hexdigest()[:6]
    return f"{as_of.strftime(_STAMP)}-{set_}-{made_by}"


def set_in(backup: str) -> str:
    return backup.split("-")[1] if backup.count("-") > 1 else ""


class Manifests:
    """`known` are the ids and hashes that Steward's own history vouches for; `seal` None: nothing is signed."""

    def __init__(
        self,
        shelf: Shelf,
        bucket: str,
        set_: str,
        *,
        seal: Seal | None,
        known: dict[str, str] | None = None,
        intents: Intents | None = None,
    ) -> None:
        self._shelf, self._bucket, self._set, self._seal = shelf, bucket, set_, seal
        self._known, self._intents = known or {}, intents

    def ids(self) -> tuple[str, ...]:
        """Oldest first. What history knows of and is not there was cut off."""
        prefix = self._head_key("").removesuffix(".json")
        names = sorted(self._shelf.names(self._bucket, prefix))
        found = tuple(name.removeprefix(prefix).removesuffix(".json") for name in names)
        newest = max(self._known, default=None)
        if newest is not None and newest not in found:
            raise ManifestBroken(newest, f"it is no longer in bucket {self._bucket}")
        return found

    def latest(self) -> Head | None:
        ids = self.ids()
        return self.head(ids[-1]) if ids else None

    def as_of(self, moment: datetime) -> tuple[str, ...]:
        """The backups at or before it, oldest first."""
        stamp = moment.astimezone(UTC).strftime(_STAMP)
        return tuple(one for one in self.ids() if one.split("-")[0] <= stamp)

    def head(self, backup: str) -> Head:
        return self._believed(backup)

    def _believed(self, backup: str, *, is_own: bool = False) -> Head:
        """`is_own`: this very run wrote it before it crashed, so that no record knows of it yet."""
        data = self._shelf.get(self._bucket, self._head_key(backup), None, MOST_HEAD_BYTES)
        if data is None:
            raise ManifestBroken(backup, f"it is not in bucket {self._bucket}")
        head = read_head(data, backup)
        self._trust(head, backup)
        is_newer = bool(self._known) and backup > max(self._known)
        if self._seal is None and is_newer and not is_own and not self._was_intended(head):
            raise ManifestUnrecorded(backup, f"s3://{self._bucket}/{self._head_key(backup)}")
        return head

    def _was_intended(self, head: Head) -> bool:
        return self._intents is not None and self._intents.holds(head.id, head.sha256)

    def _trust(self, head: Head, backup: str) -> None:
        """By Steward's own record of its hash, else by its MAC. Without either only its chain speaks for it, and
        without any record at all; with records it would have one, unless somebody planted it."""
        if head.id != backup or set_in(head.id) != self._set:
            raise ManifestBroken(backup, f"its head says that it is {head.id}")
        recorded = self._known.get(backup)
        if recorded is not None and recorded != head.sha256:
            raise ManifestBroken(backup, "its head is another one than Steward wrote")
        if self._seal is None or (recorded is not None and head.mac is None):
            return
        if head.mac is None and self._was_intended(head):
            return  # written before the stack had a key
        if head.mac is None:
            raise ManifestBroken(backup, "it has no MAC, and Steward has no record of it")
        if head.mac.key != self._seal.key:
            if recorded is None:
                raise ManifestBroken(backup, f"it is signed with {head.mac.key}, not with the stack's key")
        elif not self._seal.signer.is_right(self._seal.key, mac_message(head), head.mac.mac):
            raise ManifestBroken(backup, "its MAC is wrong")

    def check_chain(self, head: Head) -> None:
        """The head before is there and is the one that this was made after."""
        if head.before is not None and self.head(head.before.id).sha256 != head.before.sha256:
            raise ManifestBroken(head.before.id, f"it is not the one that {head.id} was made after")

    def check_parts(self, head: Head, most_bytes: int) -> int:
        """Reads parts until so many bytes are read; how many of them were looked at. Raises at the first wrong one."""
        read = 0
        for number, part in enumerate(head.parts):
            if read + part.size > most_bytes:
                return number
            check_part(self._part_data(part), part, head.id)
            read += part.size
        return len(head.parts)

    def entries(self, head: Head | None, shard: Shard = WHOLE) -> Iterator[Entry]:
        """In order of keys; parts outside the shard are not read."""
        return within(self._all(head.id, head.parts, shard), shard) if head is not None else iter(())

    def entries_of(self, where: str, parts: tuple[Part, ...], shard: Shard = WHOLE) -> Iterator[Entry]:
        """Of parts that have no head yet."""
        return within(self._all(where, parts, shard), shard)

    def _all(self, where: str, parts: tuple[Part, ...], shard: Shard) -> Iterator[Entry]:
        for part in parts:
            if shard.after_key is not None and part.last <= shard.after_key:
                continue
            if shard.until_key is not None and part.first > shard.until_key:
                return
            yield from read_part(self._part_data(part), part, where)

    def _part_data(self, part: Part) -> bytes | None:
        return self._shelf.get(self._bucket, part.key, part.version, min(part.size, MOST_PART_BYTES) + 1)

    # -- writing -------------------------------------------------------------------------------

    def put_part(self, backup: str, shard: int, number: int, writer: PartWriter) -> Part:
        """Again after a crash: a new version of the same name, and the head names the one that counts."""
        key = f"{RESERVED}{self._set}/parts/{backup}/{shard:05d}-{number:06d}.jsonl.gz"
        data = writer.done()
        return writer.part(key, self._shelf.put(self._bucket, key, data), data)

    def ask_seal(self) -> None:
        """Reads only: raises where the key is not there, or may not be asked. The MAC is nobody's."""
        if self._seal is not None:
            self._seal.signer.is_right(self._seal.key, probe_message(self._bucket), "00" * MAC_BYTES)

    def try_seal(self) -> None:
        """Raises what `put_head` would raise only after everything was copied."""
        if self._seal is not None:
            self._seal.signer.mac(self._seal.key, probe_message(self._bucket))

    def put_head(self, head: Head) -> Head:
        """Signed, written once. A head of this id that is there already stays, and is what is returned."""
        if self._seal is not None:
            mac = self._seal.signer.mac(self._seal.key, mac_message(head))
            head = head.model_copy(update={"mac": Mac(key=self._seal.key, mac=mac)})
        if self._intents is not None:
            self._intents.note(head.id, head.sha256)
        if self._shelf.put_once(self._bucket, self._head_key(head.id), head_bytes(head)):
            return head
        there = self._believed(head.id, is_own=True)
        if (there.parts, there.totals, there.before) != (head.parts, head.totals, head.before):
            raise ManifestBroken(head.id, "it was there already, and is another one than this run made")
        return there

    def ref(self, head: Head) -> str:
        return f"s3://{self._bucket}/{self._head_key(head.id)}#{head.sha256}"

    def _head_key(self, backup: str) -> str:
        return f"{RESERVED}{self._set}/heads/{backup}.json"


def sha256_in(ref: str | None) -> str | None:
    """Of the head, as `ref` carries it."""
    return ref.rpartition("#")[2] if ref and "#" in ref else None


# -- whose a place is --------------------------------------------------------------------------


@dataclass(frozen=True)
class Owner:
    set: str
    source: str
    target_prefix: str
    stack: str


def claim(shelf: Shelf, owner: Owner, bucket: str) -> None:
    """Marks the place as this source's, for ever. Doing it again changes nothing."""
    body = {"source": owner.source, "target_prefix": owner.target_prefix, "stack": owner.stack}
    shelf.put_once(bucket, f"{RESERVED}owners/{owner.set}.json", canonical_json(body).encode())


def rival(shelf: Shelf, owner: Owner, bucket: str) -> Owner | None:
    """Another source that lies in the same place, or above or below it: keys of both would overwrite each other."""
    for key in shelf.names(bucket, f"{RESERVED}owners/"):
        data = shelf.get(bucket, key, None, 64 * 1024)
        other = _owner(data, key)
        one, two = other.target_prefix, owner.target_prefix
        if other.source != owner.source and (one.startswith(two) or two.startswith(one)):
            return other
    return None


def _owner(data: bytes | None, key: str) -> Owner:
    name = key.rpartition("/")[2].removesuffix(".json")
    try:
        said = json.loads(data or b"")
        return Owner(name, str(said["source"]), str(said["target_prefix"]), str(said["stack"]))
    except (ValueError, KeyError, TypeError) as exc:
        raise ManifestBroken(key, "it does not say whose backup lies there") from exc
