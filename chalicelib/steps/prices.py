"""What a byte costs for a month, roughly: the public list price of the first tier. For reports, never for decisions."""

_GIB = 1024**3
S3_STANDARD = 0.023
"""Dollars a GiB and month; other storage classes are cheaper, so this is the most that is saved."""
LOGS_STORED = 0.03


def dollars_per_month(size: int, price: float = S3_STANDARD) -> float:
    return round(size / _GIB * price, 2)


def in_words(size: int) -> str:
    for unit, whole in (("TiB", 1024**4), ("GiB", _GIB), ("MiB", 1024**2), ("KiB", 1024)):
        if size >= whole:
            return f"{size / whole:.1f} {unit}"
    return f"{size} bytes"
