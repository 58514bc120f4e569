"""A backup's manifest: parts of gzipped JSON Lines, one an object in order of keys, under a head that names them.

The head holds totals, the hash and place of every part, the hash of the head before, and a MAC of all that. Whoever
changes a part, drops one, or puts an older manifest in its place is found out by reading: hash, count and order of
every part are checked before its first line is believed. Pure: bytes in, bytes out.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator
from datetime import datetime
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from pydantic import Field, ValidationError

from chalicelib.backup.entry import Entry
from chalicelib.backup.turn import Turn
from chalicelib.errors import ManifestBroken
from chalicelib.models.shape import Shape, canonical_json
from chalicelib.models.words import Utc

FORMAT = 1
MAC_BYTES = 32
"""Of HMAC-SHA-256."""
MOST_HEAD_BYTES = 16 * 1024 * 1024
MOST_PART_BYTES = 64 * 1024 * 1024
MOST_LINE_BYTES = 16 * 1024
"""A key of 1,024 bytes, escaped, and its neighbours are well below."""
LINES_A_PART = 20_000
LINES_AT_ONCE = 256
_CHUNK = 256 * 1024


class Part(Shape):
    """One object of the backup bucket with some of the lines. `version` pins it: a version never changes."""

    key: str
    version: str | None
    sha256: str
    """Of the bytes as they lie there."""
    size: int
    lines: int
    bytes: int
    """The sizes of its objects together."""
    first: str
    last: str


class Totals(Shape):
    objects: int = 0
    """At the source when it was backed up."""
    bytes: int = 0
    gone: int = 0
    """Kept, though vanished at the source."""
    known: int = 0
    """Of the manifest before: what was at the source then."""
    changed: int = 0
    vanished: int = 0
    """Of the known: in another state now, or missed for the first time."""
    failed: int = 0
    """Could not be copied; their last copy stays."""


class Before(Shape):
    id: str
    sha256: str


class Proof(Shape):
    """What was compared after the copy, and how it came out."""

    at: Utc
    checked: int
    """Copies whose size and ETag were compared with a new listing."""
    wrong: tuple[str, ...] = ()
    """What is missing or differs; cut after a few."""
    wrong_count: int = 0
    read_back: int = 0
    """Copies that were read in full and compared with the source."""
    read_bytes: int = 0
    large: int = 0
    """Copies so large that only some are read in a backup, in turn."""
    large_bytes: int = 0
    large_read: int = 0
    """Of these, how many are read in full by now whose turn it was, and compared with the source."""
    large_read_bytes: int = 0
    """What was read of large ones this time, also of one that the next backup goes on with."""
    turn: Turn | None = None

    @property
    def holds(self) -> bool:
        return self.wrong_count == 0


class Mac(Shape):
    key: str
    mac: str
    """Hex, HMAC-SHA-256 by KMS over `mac_message`."""


class Head(Shape):
    format: int = FORMAT
    id: str
    stack: str
    source: str
    """`bucket/prefix`."""
    target: str
    as_of: Utc
    run_id: str
    parts: tuple[Part, ...]
    totals: Totals
    before: Before | None
    proof: Proof | None = None
    suspect: str | None = None
    """Why it is doubted (S18); a suspect manifest is one to restore from only with open eyes."""
    requests: dict[str, int] = Field(default_factory=dict)
    mac: Mac | None = None

    @property
    def sha256(self) -> str:
        """Of everything but the MAC, which is made over it; heads of before there was a turn keep theirs."""
        said = self.model_dump(mode="json", exclude={"mac"})
        if self.proof is not None and self.proof.turn is None:
            del said["proof"]["turn"]
        return hashlib.sha256(canonical_json(said).encode()).hexdigest()

    @property
    def size(self) -> int:
        """Of all parts as they lie there."""
        return sum(part.size for part in self.parts)


def mac_message(head: Head) -> bytes:
    """What KMS signs: at most 4,096 bytes, and of no use for anything else."""
    return f"mlflow-steward manifest {FORMAT}\n{head.target}\n{head.id}\n{head.sha256}\n".encode()


def probe_message(target: str) -> bytes:
    """Asks whether the key signs at all. No head has such a message, whose first line would be another."""
    return f"mlflow-steward probe {FORMAT}\n{target}\n".encode()


def head_bytes(head: Head) -> bytes:
    return canonical_json(head.model_dump(mode="json")).encode()


def read_head(data: bytes, where: str) -> Head:
    if len(data) > MOST_HEAD_BYTES:
        raise ManifestBroken(where, f"its head is longer than {MOST_HEAD_BYTES} bytes")
    try:
        head = Head.model_validate_json(data)
    except ValidationError as exc:
        raise ManifestBroken(where, f"its head cannot be read ({exc.error_count()} mistakes)") from exc
    if head.format != FORMAT:
        raise ManifestBroken(where, f"it is of format {head.format}, this Steward reads {FORMAT}")
    last = None
    for part in head.parts:
        if part.first > part.last or (last is not None and part.first <= last) or part.lines < 1:
            raise ManifestBroken(where, f"its part {part.key} is out of order")
        last = part.last
    return head


# -- parts -------------------------------------------------------------------------------------


_DECODER = json.JSONDecoder()


def line_of(entry: Entry) -> bytes:
    """As `json.dumps` would write it, in a sixth of the time: a backup where nothing changed writes every line anew."""
    line = f'{{"key":{quoted(entry.key)},"size":{entry.size},"etag":{quoted(entry.etag)}'
    if entry.version is not None:
        line += f',"version":{quoted(entry.version)}'
    if entry.gone_since is not None:
        line += f',"gone_since":"{entry.gone_since.isoformat()}"'
    if entry.copy_etag is not None:
        line += f',"copy_etag":{quoted(entry.copy_etag)}'
    return f"{line}}}\n".encode()


class PartWriter:
    """Collects the lines of one part, compressed as they come."""

    def __init__(self) -> None:
        self._zip = zlib.compressobj(2, wbits=31)  # gzip, with no time in its header: the same lines, the same bytes
        self._chunks: list[bytes] = []
        self._pending: list[bytes] = []
        self.lines = self.bytes = 0
        self.first = self.last = ""

    def add(self, entry: Entry) -> None:
        if not self.lines:
            self.first = entry.key
        self.last = entry.key
        self.lines += 1
        self.bytes += entry.size
        self._pending.append(line_of(entry))
        if len(self._pending) >= LINES_AT_ONCE:
            self._compress()

    def _compress(self) -> None:
        """Many lines at once: a call a line costs more than the compression."""
        self._chunks.append(self._zip.compress(b"".join(self._pending)))
        self._pending.clear()

    def done(self) -> bytes:
        self._compress()
        return b"".join((*self._chunks, self._zip.flush()))

    def part(self, key: str, version: str | None, data: bytes) -> Part:
        digest = hashlib.sha256(data).hexdigest()
        return Part(
            key=key,
            version=version,
            sha256=digest,
            size=len(data),
            lines=self.lines,
            bytes=self.bytes,
            first=self.first,
            last=self.last,
        )


def check_part(data: bytes | None, part: Part, where: str) -> bytes:
    if data is None:
        raise ManifestBroken(where, f"its part {part.key} is gone")
    if len(data) != part.size or hashlib.sha256(data).hexdigest() != part.sha256:
        raise ManifestBroken(where, f"its part {part.key} is not the one that was written")
    return data


def read_part(data: bytes | None, part: Part, where: str) -> Iterator[Entry]:
    """Raises ManifestBroken before the first entry if the bytes are others, and after the last if lines lack."""
    lines, last = 0, None
    for some in _lines(check_part(data, part, where), part, where):
        for read in _decoded(some, part, where):
            entry = _entry(read, part, where)
            if last is not None and entry.key <= last:
                raise ManifestBroken(where, f"its part {part.key} is out of order at {entry.key!r}")
            lines, last = lines + 1, entry.key
            yield entry
    if lines != part.lines or last != part.last:
        raise ManifestBroken(where, f"its part {part.key} has {lines} lines, {part.lines} were written")


def _lines(data: bytes, part: Part, where: str) -> Iterator[list[bytes]]:
    """Unzipped piece by piece: a small part that unfolds to gigabytes costs no more than its longest line."""
    unzip = zlib.decompressobj(wbits=31)
    rest, pending = b"", data
    while pending or not unzip.eof:
        try:
            piece = unzip.decompress(pending, _CHUNK)
        except zlib.error as exc:
            raise ManifestBroken(where, f"its part {part.key} cannot be unzipped") from exc
        pending = unzip.unconsumed_tail
        if unzip.eof:
            pending = b""
        elif not piece and not pending:
            raise ManifestBroken(where, f"its part {part.key} ends in the middle")
        *whole, rest = (rest + piece).split(b"\n")
        yield whole
        if len(rest) > MOST_LINE_BYTES:
            raise ManifestBroken(where, f"its part {part.key} has a line longer than {MOST_LINE_BYTES} bytes")
    if rest:
        raise ManifestBroken(where, f"its part {part.key} ends within a line")


_FIELDS = {"key", "size", "etag", "version", "gone_since", "copy_etag"}


def _decoded(lines: list[bytes], part: Part, where: str) -> list[Any]:
    """As one list of JSON: to decode line by line takes twice as long. No string holds the line break between them, and
    no line is half of an object: each is one by itself."""
    if any(len(line) > MOST_LINE_BYTES for line in lines):
        raise ManifestBroken(where, f"its part {part.key} has a line longer than {MOST_LINE_BYTES} bytes")
    try:
        read: list[Any] = _DECODER.decode((b"[" + b",\n".join(lines) + b"]").decode())
    except (ValueError, RecursionError) as exc:
        raise ManifestBroken(where, f"its part {part.key} has a line that cannot be read") from exc
    if len(read) != len(lines) or not all(line[:1] == b"{" and line[-1:] == b"}" for line in lines):
        raise ManifestBroken(where, f"its part {part.key} has a line that says something else than an object")
    return read


def _entry(read: Any, part: Part, where: str) -> Entry:  # noqa: ANN401 - whatever JSON holds
    try:
        key, size, etag = read["key"], read["size"], read["etag"]
        version, gone, copy_etag = read.get("version"), read.get("gone_since"), read.get("copy_etag")
        since = datetime.fromisoformat(gone) if gone is not None else None
        is_text = type(key) is type(etag) is type(version or "") is type(copy_etag or "") is str
        if is_text and type(size) is int and size >= 0 and read.keys() <= _FIELDS:
            return Entry(key, size, etag, version, since, copy_etag)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ManifestBroken(where, f"its part {part.key} has a line that cannot be read") from exc
    raise ManifestBroken(where, f"its part {part.key} has a line that says something else than an object")
