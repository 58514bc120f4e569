"""Backups against `aws s3 sync`, `s5cmd` and `rclone`: requests, time and memory, on one server in one run.

Takes some minutes, so it runs only when asked for by name. Manifests are written and read as files beside it: their
requests are counted apart, but the time they take is in ours.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from chalicelib.aws.s3_lane_parts import PartRules
from chalicelib.backup.entry import Entry
from chalicelib.errors import InputError
from steward.bench.backup_rivals import Rivals
from steward.bench.backup_run import FolderManifest, lane
from steward.bench.backup_server import StubServer, back_up, make_buckets, rclone_server, stub_server
from steward.bench.figures import Figure

PAGE, EVERY, ROUNDS, SIZE = 1000, 100, 3, 1024
LARGE, LARGE_BYTES = 3, 6 * 1024**3
"""Objects that must be copied in parts, and their size."""
MB_LIMIT = 120.0


def backup_figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        rivals = Rivals(Path(folder))
        rivals.install()
        yield from requests(Path(folder))
        yield first_copy(Path(folder), rivals)
        yield on_rclone(Path(folder), rivals)
        yield one_percent(Path(folder), rivals)
        yield from memory(Path(folder))


def requests(folder: Path) -> Iterator[Figure]:
    """What the server counted against the least that can do: pages on both sides, copies, parts and two for each."""
    for number in (10_000, 100_000):
        with stub_server() as server:
            server.tell("seed", bucket="source", number=number, size=SIZE, large=LARGE, large_bytes=LARGE_BYTES)
            server.tell("seed", bucket="backup", kms=1)
            whole, parts = number + LARGE, LARGE * (len(PartRules().ranges(LARGE_BYTES)) + 2)
            pages = -(-whole // PAGE)
            told, worst, before = [], 0.0, None
            for run, name in enumerate(("first copy", "1% changed", "nothing changed")):
                least = 2 * pages if run else pages + 1 + number + parts
                if run == 1:
                    least += server.tell("touch", bucket="source", every=EVERY, below=LARGE_BYTES)["touched"]
                server.tell("forget")
                after = folder / f"requests-{number}-{run}"
                _, said = back_up(server.url, "source", "backup", before, after)
                sent, before = sum(server.counts().values()), after
                worst = max(worst, sent / least)
                told.append(f"{name} {sent} where {least} would do")
            detail = f"{', '.join(told)}; KMS and multipart objects among them, {LARGE} copied in parts"
            yield Figure(f"backup-requests-{number}", round(worst, 4), "times the least", 1.02, detail)
            yield Figure(f"backup-third-run-{number}", said["copied"], "copies", 0, "nothing had changed")


def first_copy(folder: Path, rivals: Rivals) -> Figure:
    number = 10_000
    with stub_server() as server:
        server.tell("seed", bucket="source", number=number, size=SIZE)

        def empty() -> None:
            server.tell("seed", bucket="backup")

        pairs = []
        for run in range(ROUNDS):
            empty()
            ours, _ = back_up(server.url, "source", "backup", None, folder / f"first-{run}")
            empty()
            pairs.append((ours, _needed(rivals, "s5cmd", server.url)))
        others = []
        for name in ("rclone", "aws"):
            empty()
            others.append(_told(rivals, name, rivals.seconds(name, server.url, "source", "backup")))
    return _against_s5cmd("backup-first-copy", pairs, 0.8, f"{number} objects", others)


def on_rclone(folder: Path, rivals: Rivals) -> Figure:
    """The same first copy on a server that is not ours and checks every signature; it is the slower half there."""
    number, pairs = 2_000, []
    for run in range(ROUNDS):
        took = []
        for who in ("ours", "s5cmd"):
            with rclone_server() as url:
                used = lane(url)
                make_buckets(url, "source", "backup")
                for n in range(number):
                    used.put("source", f"run-{n // 10:04}/file {n % 10}+é.bin", b"x" * 100)
                ours = who == "ours"
                took.append(
                    back_up(url, "source", "backup", None, folder / f"rclone-{run}")[0]
                    if ours
                    else _needed(rivals, "s5cmd", url)
                )
        pairs.append((took[0], took[1]))
    return _against_s5cmd("backup-first-copy-signed", pairs, 0.8, f"{number} objects on rclone serve s3", [])


def one_percent(folder: Path, rivals: Rivals) -> Figure:
    number = 100_000
    with stub_server() as server:
        server.tell("seed", bucket="source", number=number, size=SIZE)
        server.tell("seed", bucket="backup", number=number, size=SIZE)
        before = seeded_manifest(server, folder / "percent-0")
        pairs, others = [], []
        for run in range(1, ROUNDS + 1):
            server.tell("touch", bucket="source", every=EVERY)
            after = folder / f"percent-{run}"
            ours, said = back_up(server.url, "source", "backup", before, after)
            if said["copied"] != number // EVERY:
                raise InputError(f"copied {said['copied']}, changed were {number // EVERY}")
            server.tell("touch", bucket="source", every=EVERY)
            pairs.append((ours, _needed(rivals, "s5cmd", server.url)))
            before = seeded_manifest(server, folder / f"percent-after-{run}")
        for name in ("rclone", "aws"):
            server.tell("touch", bucket="source", every=EVERY)
            others.append(_told(rivals, name, rivals.seconds(name, server.url, "source", "backup")))
    return _against_s5cmd("backup-one-percent", pairs, 0.5, f"1% of {number} objects changed", others)


def memory(folder: Path) -> Iterator[Figure]:
    """1% changed, so that all three streams and the copies are in it."""
    peaks = {}
    for number in (10_000, 1_000_000):
        with stub_server() as server:
            server.tell("seed", bucket="source", number=number, size=SIZE)
            server.tell("seed", bucket="backup", number=number, size=SIZE)
            before = seeded_manifest(server, folder / f"memory-{number}")
            server.tell("touch", bucket="source", every=EVERY)
            took, said = back_up(server.url, "source", "backup", before, folder / f"memory-{number}-after")
            peaks[number] = said["peak_kb"] / 1024
            told = f"{said['copied']} copied, {said['same']} the same in {took:.0f} s"
    small, large = peaks.values()
    grown = f"{large:.0f} MB at 1,000,000 keys, {small:.0f} MB at 10,000; {told}"
    yield Figure("backup-memory", round(large / small, 3), "times that at 10,000 keys", 1.2, grown)
    yield Figure(
        "backup-memory-whole", round(large, 1), "MB", MB_LIMIT, "peak of the process, Python and botocore in it"
    )


def seeded_manifest(server: StubServer, folder: Path) -> Path:
    """As a backup that made the copies would have left it: sources and copies are in step, whoever copied last."""
    folder.mkdir()
    manifest, used = FolderManifest(folder), lane(server.url)
    for sources, copies in zip(used.list_pages("source"), used.list_pages("backup"), strict=True):
        for (key, size, etag), (_, _, copied) in zip(sources, copies, strict=True):
            manifest.add(Entry(key, size, etag, "seeded", None, None if copied == etag else copied))
    manifest.close()
    return folder


def _needed(rivals: Rivals, name: str, url: str) -> float:
    took = rivals.seconds(name, url, "source", "backup")
    if took is None:
        raise InputError(f"the bench compares with {name}, and there is none here: {rivals.missing[name]}")
    return took


def _told(rivals: Rivals, name: str, took: float | None) -> str:
    return f"{name} {took:.1f} s" if took is not None else f"no {name} here: {rivals.missing[name]}"


def _against_s5cmd(name: str, pairs: list[tuple[float, float]], limit: float, what: str, others: list[str]) -> Figure:
    ratio = round(median(ours / theirs for ours, theirs in pairs), 2)
    best = [min(side) for side in zip(*pairs, strict=True)]
    rest = f"; beside them {', '.join(others)}" if others else ""
    detail = f"{what}: {best[0]:.2f} s against {best[1]:.2f} s at best of {len(pairs)} pairs, processes whole{rest}"
    return Figure(name, ratio, "times s5cmd", limit, detail)
