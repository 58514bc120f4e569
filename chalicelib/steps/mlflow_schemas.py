"""Which schema an MLflow needs: its Alembic revisions in their order, and the last one that a release knows. Pure.

Read out of the released packages, never guessed: a release that is neither listed nor between two with the
same head is unknown, and whoever asks says so. tests/real compares the list with an installed MLflow.
"""

import re
from bisect import bisect
from enum import StrEnum

_IN_ORDER = """
    451aebb31d03 90e64c465722 181f10493468 df50e92ffc5e 7ac759974ad8 89d4b8295536 2b4d017a5e9b cfd24bdc0731
    0a8213491aaa 728d730b5ebd 27a6a02d2cf1 84291f40a231 a8c4a736bde6 39d1c3be5f05 c48cb773bb87 bd07f7e963c5
    0c779009ac13 cc1f77228345 97727af70f4d 3500859a5d39 7f2a7d5fae7d 2d6e25af4d3e acf3f17fdcc7 867495a8f9d4
    5b0e9adcef9c 4465047574b1 f5a4f2784254 0584bdc529eb 400f98739977 6953534de441 bda7b8c39065 cbc13b556ace
    770bee3ae1dd a1b2c3d4e5f6 de4033877273 1a0cddfcaa16 534353b11cbc 71994744cf8e 3da73c924c2f bf29a5ff90ea
    1bd49d398cd23 b7c8d9e0f1a2 5d2d30f0abce c9d4e5f6a7b8 2c33131f4dae d3e4f5a6b7c8 d0e1f2a3b4c5 c8d9e0f1a2b3
    1b5f0d9ad7c1 e1f2a3b4c5d6 76601a5f987d c3d6457b6d8a a5b4c3d2e1f0 ae8bbe7743c9 7d34483879f0 da6fb0208061
    89d3d66ed43f b7e4c1a90f23 a8b9c0d1e2f3 c1d2e3f4a5b6 c3d9e7f1a2b4 6f8d9c3b2a1e 1971f2d9a75b 17e22815139b
    b7e2c1a4d9f3 75868b020152 dc11669786a5
"""
CHAIN = tuple(_IN_ORDER.split())
"""All of MLflow's migrations, oldest first: one line without branches."""

HEADS = {
    "2.9.2": "acf3f17fdcc7",
    "2.14.3": "5b0e9adcef9c",
    "2.18.0": "0584bdc529eb",
    "2.22.5": "0584bdc529eb",
    "3.0.1": "bda7b8c39065",
    "3.1.4": "bda7b8c39065",
    "3.2.0": "770bee3ae1dd",
    "3.3.2": "1a0cddfcaa16",
    "3.4.0": "71994744cf8e",
    "3.5.0": "bf29a5ff90ea",
    "3.5.1": "bf29a5ff90ea",
    "3.6.0": "bf29a5ff90ea",
    "3.7.0": "bf29a5ff90ea",
    "3.8.1": "1bd49d398cd23",
    "3.9.0": "d3e4f5a6b7c8",
    "3.10.1": "1b5f0d9ad7c1",
    "3.11.1": "c3d6457b6d8a",
    "3.12.0": "7d34483879f0",
    "3.13.0": "da6fb0208061",
    "3.14.0": "b7e4c1a90f23",
    "3.15.2": "6f8d9c3b2a1e",
    "3.16.1": "b7e2c1a4d9f3",
    "3.17.2": "dc11669786a5",
}
MAKES_A_TRIGGER = "1bd49d398cd23"
"""On MySQL and MariaDB too."""
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class Need(StrEnum):
    """What a database needs before an MLflow can work on it."""

    NOTHING = "nothing"
    MIGRATION = "migration"
    NEWER_MLFLOW = "newer_mlflow"  # its schema is ahead: no upgrade goes back
    UNKNOWN = "unknown"


def numbers(version: str) -> tuple[int, int, int] | None:
    """None for whatever is no plain release: what a pre-release holds, nobody here has looked up."""
    match = _VERSION.fullmatch(version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def is_older(one: str, other: str) -> bool | None:
    first, second = numbers(one), numbers(other)
    return None if first is None or second is None else first < second


def head_of(version: str | None) -> str | None:
    """The revision that this release migrates to, and refuses to start without."""
    wanted = numbers(version) if version else None
    if wanted is None:
        return None
    known = sorted((found, head) for name, head in HEADS.items() if (found := numbers(name)))
    place = bisect(known, (wanted, "~"))
    before, after = known[place - 1 : place], known[place : place + 1]
    if before and before[0][0] == wanted:
        return before[0][1]
    # Migrations are never taken back, so between two releases with one head there can be no other.
    return before[0][1] if before and after and before[0][1] == after[0][1] else None


def need(now: str | None, wanted: str | None) -> Need:
    """Of a database at revision `now`, for an MLflow whose head is `wanted`."""
    if now is not None and now == wanted:
        return Need.NOTHING
    if now not in CHAIN or wanted not in CHAIN:
        return Need.UNKNOWN
    return Need.MIGRATION if CHAIN.index(now) < CHAIN.index(wanted) else Need.NEWER_MLFLOW


def may_cross(revision: str, now: str | None, version: str | None) -> bool:
    """Whether that migration lies before a database at `now` on its way to `version`. Of a release whose head nobody
    here knows, it may be as new as that of the next one that is known; after the last of them it may be any."""
    if now not in CHAIN or CHAIN.index(now) >= CHAIN.index(revision):
        return False
    wanted = numbers(version) if version else None
    known = sorted((found, head) for name, head in HEADS.items() if (found := numbers(name)))
    newest = next((head for found, head in known if wanted is not None and found >= wanted), None)
    return newest is None or CHAIN.index(newest) >= CHAIN.index(revision)
