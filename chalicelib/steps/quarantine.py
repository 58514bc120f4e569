"""Quarantine: folders moved out of the way with a manifest each, whole and restorable until a later run.

    .steward/quarantine/DATE/ID/manifests/00007.json     what was there, before anything was moved
    .steward/quarantine/DATE/ID/objects/KEY              the object itself, under its whole former key

manifest ─▶ every object copied ─▶ copies compared with the manifest ─▶ sources deleted, those unchanged
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.aws.s3 import S3
from chalicelib.aws.s3_objects import MOST_AT_ONCE, StoredObject
from chalicelib.errors import StepFailed
from chalicelib.models.history import Creation, MadeKind
from chalicelib.steps.artifact_places import STEWARDS
from chalicelib.steps.step import StepContext

ROOT = f"{STEWARDS}quarantine/"
_LONGEST_MANIFEST = 512 * 1024 * 1024


@dataclass(frozen=True)
class Entry:
    key: str
    size: int
    etag: str
    changed_at: str

    @classmethod
    def of(cls, stored: StoredObject) -> "Entry":
        return cls(stored.key, stored.size, stored.etag, stored.changed_at.isoformat())


@dataclass(frozen=True)
class Quarantine:
    """One, by its record in the stack's history (S16)."""

    creation: Creation
    bucket: str

    @classmethod
    def of(cls, creation: Creation, bucket: str) -> "Quarantine":
        """`bucket`: the stack's, for a record that does not name its own."""
        return cls(creation, creation.bucket or bucket)

    @property
    def root(self) -> str:
        return f"{ROOT}{self.creation.at:%Y-%m-%d}/{self.creation.id}/"

    def manifest_key(self, number: int) -> str:
        return f"{self.root}manifests/{number:05d}.json"

    def key_of(self, key: str) -> str:
        return f"{self.root}objects/{key}"


def record(
    ctx: StepContext, bucket: str, name: str, until: datetime | None, folders: int = 0, size: int = 0
) -> Quarantine:
    """Before anything is moved. Again: the first record stands, and with it the date in the prefix."""
    made = Creation(
        stack=ctx.stack.stack,
        kind=MadeKind.QUARANTINE,
        id=name,
        run_id=ctx.run_id,
        step=ctx.step_id,
        at=ctx.now,
        delete_after=until,
        bucket=bucket,
        folders=folders,
        bytes=size,
    )
    return Quarantine(ctx.history.record_creation(made), bucket)


def known(ctx: StepContext, bucket: str, name: str) -> Quarantine | None:
    creation = ctx.history.creation(ctx.stack.stack, MadeKind.QUARANTINE, name)
    return Quarantine.of(creation, bucket) if creation and creation.gone_at is None else None


@dataclass(frozen=True)
class Manifest:
    folder: str
    entries: tuple[Entry, ...]


def write_manifest(store: S3, place: Quarantine, number: int, folder: str, newest: datetime) -> Manifest | None:
    """The one that stands, where there is one. None: the folder was written to since, and is left alone."""
    standing = read_manifest(store, place, number)
    if standing is not None:
        return standing
    listed = list(store.many().list(place.bucket, folder))
    if any(stored.changed_at > newest for stored in listed):
        return None
    body = {
        "folder": folder,
        "run": place.creation.run_id,
        "objects": [vars(Entry.of(stored)) for stored in listed],
    }
    store.put_once(place.bucket, place.manifest_key(number), json.dumps(body, sort_keys=True).encode())
    return read_manifest(store, place, number)


def read_manifest(store: S3, place: Quarantine, number: int) -> Manifest | None:
    data = store.get(place.bucket, place.manifest_key(number), max_bytes=_LONGEST_MANIFEST)
    if data is None:
        return None
    body: dict[str, Any] = json.loads(data)
    entries = (Entry(one["key"], one["size"], one["etag"], one["changed_at"]) for one in body["objects"])
    return Manifest(body["folder"], tuple(entries))


def manifest_numbers(store: S3, place: Quarantine) -> list[int]:
    keys = (stored.key for stored in store.many().list(place.bucket, f"{place.root}manifests/"))
    return [int(key.rsplit("/", 1)[-1].removesuffix(".json")) for key in keys]


def copy_there(store: S3, place: Quarantine, entry: Entry) -> None:
    """Once: what an attempt that died has copied is not copied again."""
    objects, to = store.many(), place.key_of(entry.key)
    facts = objects.facts(place.bucket, to)
    if facts is None or facts[0] != entry.size:
        objects.copy(place.bucket, entry.key, to, entry.size)


def release_sources(ctx: StepContext, store: S3, place: Quarantine, manifest: Manifest) -> int:
    """Deletes what was moved, once every copy is there. What was written over since the manifest stays."""
    objects = store.many()
    there = {one.key: one.size for one in objects.list(place.bucket, place.key_of(manifest.folder))}
    lost = [entry.key for entry in manifest.entries if there.get(place.key_of(entry.key)) != entry.size]
    if lost:
        raise StepFailed(ctx.step_id, f"{len(lost)} copies of {manifest.folder} are not whole; nothing was deleted")
    moved = {(entry.key, entry.etag) for entry in manifest.entries}
    keys = [one.key for one in objects.list(place.bucket, manifest.folder) if (one.key, one.etag) in moved]
    for at in range(0, len(keys), MOST_AT_ONCE):
        objects.delete(place.bucket, keys[at : at + MOST_AT_ONCE])
    return len(keys)
