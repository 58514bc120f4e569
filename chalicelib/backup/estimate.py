"""What a backup will take: objects, bytes, requests, dollars, time. Pure; rounded, so that a plan made twice is one.

Prices are those of S3 Standard as AWS lists them for Europe (London), the dearer of the usual regions, in dollars;
storage is not in them, since it is paid for as long as the copies lie there.
"""

from dataclasses import dataclass

from chalicelib.backup.manifest import Head

PER_1000_WRITES = 0.0053
"""COPY, PUT and LIST cost the same."""
PER_GB_ELSEWHERE = 0.02
"""What leaves its region."""
PAGE = 1000
PART_BYTES = 512 * 1024**2
LARGEST_COPY = 5 * 1024**3
COPIES_A_SECOND = 250.0
KEYS_A_SECOND = 15_000.0
BYTES_A_SECOND = 400 * 1024**2
READ_A_SECOND = 60 * 1024**2
"""One stream, hashed on the way."""
CHANGES_SHARE = 0.05
"""Of what is there, where no backup has told yet how much changes from one to the next."""
LONG_S = 3600.0
"""Beyond this one worker is not enough."""


@dataclass(frozen=True)
class Extent:
    objects: int
    bytes: int
    source: str
    """Where the numbers are from, in words."""
    exact: bool = True


@dataclass(frozen=True)
class Estimate:
    objects: int
    bytes: int
    copies: int
    copy_bytes: int
    requests: int
    dollars: float
    seconds: int
    source: str

    def __str__(self) -> str:
        return (
            f"about {self.objects:,} objects ({size_text(self.bytes)}), of which {self.copies:,} to copy"
            f" ({size_text(self.copy_bytes)}): {self.requests:,} requests, ${self.dollars:,.2f},"
            f" {time_text(self.seconds)} ({self.source})"
        )


def estimate(extent: Extent, last: Head | None, *, elsewhere: bool, read_back: int = 0) -> Estimate:
    """`read_back`: bytes of large copies that may be read in full, which leave the backup's region as well."""
    objects, size = about(extent.objects), about(extent.bytes)
    share = _share(last, extent.objects)
    copies, copied = about(extent.objects * share), about(extent.bytes * share)
    parts = copied // PART_BYTES if copies and copied / copies > LARGEST_COPY else 0
    pages = 3 * (extent.objects // PAGE + 1)  # source, backup, and the backup again to verify
    requests = about(copies + parts + pages + extent.objects // 20_000 + 4)
    large = last.proof.large_bytes if last is not None and last.proof is not None else extent.bytes
    read = min(read_back, large)
    away = (copied + read) / 1024**3 * PER_GB_ELSEWHERE if elsewhere else 0.0
    dollars = requests / 1000 * PER_1000_WRITES + away
    seconds = copies / COPIES_A_SECOND + 2 * extent.objects / KEYS_A_SECOND + copied / BYTES_A_SECOND
    seconds += 2 * read / READ_A_SECOND
    return Estimate(objects, size, copies, copied, requests, round(dollars, 2), max(1, about(seconds)), extent.source)


def _share(last: Head | None, objects: int) -> float:
    """How much of it will be copied: all at first, then as much as last time."""
    if last is None or objects == 0:
        return 1.0
    if last.before is None:
        return CHANGES_SHARE
    return min(1.0, last.requests.get("copied", 0) / max(1, last.totals.objects))


def about(number: float) -> int:
    """Two digits that count."""
    whole = round(number)
    digits = len(str(abs(whole)))
    step: int = 10 ** max(0, digits - 2)
    return int(round(whole / step) * step)


def size_text(size: int) -> str:
    value, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB", "TB", "PB"):
        if value < 1024 or unit == "PB":  # noqa: PLR2004
            break
        value /= 1024
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"  # noqa: PLR2004


def time_text(seconds: int) -> str:
    if seconds < 90:  # noqa: PLR2004
        return f"{seconds} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{round(seconds / 3600)} h"  # noqa: PLR2004
