"""Manifests are believed for good reasons alone: by their chain, their record, their MAC (S17)."""

import json
import zlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from chalicelib.backup.entry import Entry, Place
from chalicelib.backup.manifest import (
    Before,
    Head,
    PartWriter,
    Totals,
    head_bytes,
    read_head,
)
from chalicelib.backup.manifests import Manifests, Owner, Seal, backup_id, claim, rival, set_of
from chalicelib.backup.shards import Shard
from chalicelib.backup.turn import Reading, Turn
from chalicelib.errors import ManifestBroken

AS_OF = datetime(2026, 11, 2, 2, tzinfo=UTC)
SOURCE, TARGET = Place("models", "mlflow/"), Place("backup", "mlflow/")
SET = set_of(SOURCE, TARGET)


class MemoryShelf:
    """Versions and all, like the vault."""

    def __init__(self):
        self.objects = {}

    def put(self, bucket, key, body):
        self.objects.setdefault((bucket, key), []).append(body)
        return f"v{len(self.objects[bucket, key])}"

    def put_once(self, bucket, key, body):
        if (bucket, key) in self.objects:
            return False
        self.put(bucket, key, body)
        return True

    def get(self, bucket, key, version, max_bytes):
        found = self.objects.get((bucket, key))
        return None if not found else found[int(version[1:]) - 1 if version else -1][:max_bytes]

    def names(self, bucket, prefix, delimiter=""):
        return iter(sorted(key for where, key in self.objects if where == bucket and key.startswith(prefix)))


class Signer:
    def mac(self, key, message):
        return f"{zlib.crc32(key.encode() + message):08x}"

    def is_right(self, key, message, mac):
        return self.mac(key, message) == mac


def manifests(shelf, *, signed=True, known=None, signer=None):
    seal = Seal(signer or Signer(), "key") if signed else None
    return Manifests(shelf, "backup", SET, seal=seal, known=known)


def backed_up(shelf, entries, day=0, *, signed=True, before=None):
    kept = manifests(shelf, signed=signed)
    as_of = AS_OF + timedelta(days=day)
    backup = backup_id(SET, as_of, "run", "backup")
    writer = PartWriter()
    for entry in entries:
        writer.add(entry)
    return kept.put_head(
        Head(
            id=backup,
            stack="s",
            source="models/mlflow/",
            target="backup/mlflow/",
            as_of=as_of,
            run_id="run",
            parts=(kept.put_part(backup, 0, 0, writer),),
            totals=Totals(objects=len(entries)),
            before=before,
        )
    )


def test_s17_the_chain_names_the_manifest_before_and_notices_another_in_its_place():
    shelf = MemoryShelf()
    first = backed_up(shelf, [Entry("a", 1, "e", "v1")])
    second = backed_up(shelf, [Entry("a", 2, "f", "v2")], 1, before=Before(id=first.id, sha256=first.sha256))
    kept = manifests(shelf)
    kept.check_chain(second)
    assert kept.ids() == (first.id, second.id)
    assert kept.latest() == second
    assert kept.as_of(AS_OF + timedelta(hours=3)) == (first.id,)
    assert kept.as_of(AS_OF - timedelta(hours=3)) == ()
    elsewhere = (AS_OF - timedelta(hours=3)).astimezone(timezone(timedelta(hours=9)))
    assert kept.as_of(elsewhere) == (), "a time is compared as a time, wherever it was written down"
    key = next(key for _, key in shelf.objects if first.id in key and "/heads/" in key)
    other = first.model_copy(update={"run_id": "somebody"})
    unsigned = manifests(shelf, signed=False)
    shelf.put("backup", key, head_bytes(other))
    with pytest.raises(ManifestBroken, match="not the one that"):
        unsigned.check_chain(second)


def test_s17_a_head_is_believed_by_its_record_or_its_mac_and_never_without_either():
    shelf = MemoryShelf()
    head = backed_up(shelf, [Entry("a", 1, "e", "v1")], signed=False)
    assert manifests(shelf, signed=False).head(head.id) == head
    with pytest.raises(ManifestBroken, match="no MAC, and Steward has no record"):
        manifests(shelf).head(head.id)
    assert manifests(shelf, known={head.id: head.sha256}).head(head.id) == head
    with pytest.raises(ManifestBroken, match="another one than Steward wrote"):
        manifests(shelf, known={head.id: "0" * 64}).head(head.id)
    with pytest.raises(ManifestBroken, match="no longer in bucket"):
        manifests(shelf, known={"20991231T000000Z-x-y": "0" * 64}).ids()


def test_a_head_in_another_one_s_place_is_noticed():
    shelf = MemoryShelf()
    first, second = backed_up(shelf, [Entry("a", 1, "e", None)]), backed_up(shelf, [Entry("a", 1, "e", None)], 1)
    key = next(key for _, key in shelf.objects if second.id in key and "/heads/" in key)
    shelf.put("backup", key, head_bytes(first))
    with pytest.raises(ManifestBroken, match=f"says that it is {first.id}"):
        manifests(shelf).head(second.id)


def test_a_manifest_written_again_after_a_crash_stays_as_first_written():
    shelf = MemoryShelf()
    head = backed_up(shelf, [Entry("a", 1, "e", None)])
    again = manifests(shelf).put_head(head.model_copy(update={"run_id": "another"}))
    assert again == head


def test_s17_unsigned_a_head_newer_than_any_on_record_is_somebody_else_s_and_an_older_one_is_not():
    shelf = MemoryShelf()
    old, known, planted = (backed_up(shelf, [Entry("a", 1, "e", None)], day, signed=False) for day in range(3))
    ours = manifests(shelf, signed=False, known={known.id: known.sha256})
    assert (ours.head(old.id), ours.head(known.id)) == (old, known)
    with pytest.raises(ManifestBroken, match="newer than any that Steward has a record of"):
        ours.latest()
    assert manifests(shelf, signed=False).latest() == planted, "without any record there is nothing to compare it with"


def test_s17_unsigned_what_a_run_wrote_before_it_crashed_is_its_own_and_another_s_under_its_name_is_not():
    shelf = MemoryShelf()
    known, head = (backed_up(shelf, [Entry("a", 1, "e", None)], day, signed=False) for day in range(2))
    ours = manifests(shelf, signed=False, known={known.id: known.sha256})
    assert ours.put_head(head.model_copy(update={"run_id": "again"})) == head
    with pytest.raises(ManifestBroken, match="another one than this run made"):
        ours.put_head(head.model_copy(update={"totals": Totals(objects=9)}))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"format": 99}', b"\xff\xfe", b"{" * 5000])
def test_a_head_that_cannot_be_read_is_broken_and_no_crash(data):
    with pytest.raises(ManifestBroken):
        read_head(data, "m")


def test_a_head_of_another_format_or_with_parts_out_of_order_is_refused():
    shelf = MemoryShelf()
    head = backed_up(shelf, [Entry("a", 1, "e", None)])
    with pytest.raises(ManifestBroken, match="format 2"):
        read_head(head_bytes(head.model_copy(update={"format": 2})), "m")
    twice = head.model_copy(update={"parts": (*head.parts, *head.parts)})
    with pytest.raises(ManifestBroken, match="out of order"):
        read_head(head_bytes(twice), "m")


def test_parts_outside_a_shard_are_not_read():
    shelf = MemoryShelf()
    kept, parts = manifests(shelf), []
    for number, name in enumerate("abc"):
        writer = PartWriter()
        writer.add(Entry(name, 1, "e", None))
        parts.append(kept.put_part("id", 0, number, writer))
    shelf.objects["backup", parts[0].key] = [b"broken"]
    found = kept.entries_of("id", tuple(parts), Shard("a", "b"))
    assert [entry.key for entry in found] == ["b"]


def test_a_place_that_another_source_has_is_told_also_when_one_lies_in_the_other():
    shelf = MemoryShelf()
    claim(shelf, Owner("one", "models/mlflow/", "mlflow/", "first"), "backup")
    assert rival(shelf, Owner("two", "other/mlflow/", "mlflow/", "second"), "backup").source == "models/mlflow/"
    assert rival(shelf, Owner("two", "other/", "", "second"), "backup") is not None
    assert rival(shelf, Owner("two", "other/state/", "state/", "second"), "backup") is None
    assert rival(shelf, Owner("one", "models/mlflow/", "mlflow/", "first"), "backup") is None
    shelf.put("backup", ".steward-backup/owners/odd.json", json.dumps(["x"]).encode())
    with pytest.raises(ManifestBroken):
        rival(shelf, Owner("two", "other/state/", "state/", "second"), "backup")


OF_BEFORE_THERE_WAS_A_TURN = (
    b'{"as_of":"2026-11-02T02:00:00Z","before":null,"format":1,"id":"20261102T020000Z-0123456789ab-abcdef"'
    b',"mac":null,"parts":[],"proof":{"at":"2026-11-02T02:00:00Z","checked":1,"large":0,"large_bytes":0,"l'
    b'arge_read":0,"large_read_bytes":0,"read_back":1,"read_bytes":5,"wrong":[],"wrong_count":0},"requests'
    b'":{},"run_id":"r-1","source":"m/a/","stack":"s","suspect":null,"target":"b/a/","totals":{"bytes":5,"'
    b'changed":0,"failed":0,"gone":0,"known":0,"objects":1,"vanished":0}}'
)


def test_a_head_of_before_large_copies_had_their_turn_keeps_its_hash():
    assert read_head(OF_BEFORE_THERE_WAS_A_TURN, "a").sha256 == (
        "e72a181dfdf81c9ffc7a85e1a4740848c08f4b3acefdf9b1b8484fe6e15f252e"
    )


def test_where_the_turn_stands_is_in_the_hash():
    head = read_head(OF_BEFORE_THERE_WAS_A_TURN, "a")
    hashes = set()
    begun = Reading(rank="a", key="k", etag="e", version=None, offset=1)
    for turn in (None, Turn(), Turn(through="a"), Turn(reading=begun)):
        there = head.model_copy(update={"proof": head.proof.model_copy(update={"turn": turn})})
        assert read_head(head_bytes(there), "a").sha256 == there.sha256
        hashes.add(there.sha256)
    assert len(hashes) == 4
