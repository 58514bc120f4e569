"""One backup in a process of its own, as the benchmarks measure it: manifest read from one folder, written to another.

`python -m steward.bench.backup_run URL SOURCE BACKUP FROM TO` (FROM `-`: there is none) prints one JSON document.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.aws.s3_lane import S3Lane
from chalicelib.aws.s3_lane_address import Endpoint
from chalicelib.aws.s3_lane_keys import KeyRing
from chalicelib.aws.s3_lane_wire import Wire
from chalicelib.backup.entry import Entry, Place
from chalicelib.backup.manifest import LINES_A_PART, Part, PartWriter, read_part
from chalicelib.backup.mirror import Job, Limits, mirror
from steward.bench.peak import own_peak_kb

KEY, SECRET, REGION = "bench-key", "bench-secret", "us-east-1"


class FolderManifest:
    """The parts of a manifest as files, with the index that the head of a real one has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer = PartWriter()
        self._parts: list[Part] = []

    def add(self, entry: Entry) -> None:
        self._writer.add(entry)
        if self._writer.lines >= LINES_A_PART:
            self._flush()

    def close(self) -> None:
        if self._writer.lines:
            self._flush()
        index = [part.model_dump(mode="json") for part in self._parts]
        (self._folder / "index.json").write_text(json.dumps(index))

    def _flush(self) -> None:
        data, name = self._writer.done(), f"{len(self._parts):05}.jsonl.gz"
        (self._folder / name).write_bytes(data)
        self._parts.append(self._writer.part(name, None, data))
        self._writer = PartWriter()

    def entries(self) -> Iterator[Entry]:
        for raw in json.loads((self._folder / "index.json").read_text()):
            part = Part.model_validate(raw)
            yield from read_part((self._folder / part.key).read_bytes(), part, part.key)


def lane(url: str) -> S3Lane:
    from botocore.credentials import Credentials

    return S3Lane(Wire(Endpoint(url), REGION, KeyRing(lambda: Credentials(KEY, SECRET))))


def back_up(url: str, source: str, backup: str, before: str, after: str) -> dict[str, Any]:
    manifest, used = FolderManifest(Path(after)), lane(url)
    previous = FolderManifest(Path(before)).entries() if before != "-" else iter(())
    job = Job(Place(source), Place(backup), datetime.now(UTC), timedelta(days=7))
    outcome = mirror(job, used, used, previous, manifest, limits=Limits(in_flight=8))
    manifest.close()
    tally = outcome.tally
    return {
        "ended_by": outcome.ended_by,
        "copied": tally.copied,
        "same": tally.same,
        "failed": tally.failed,
        "requests": dict(used.requests),
        "peak_kb": own_peak_kb(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(back_up(*sys.argv[1:6])) + "\n")
