"""Waste that has gathered over the months, and waste that comes to life again."""

from datetime import timedelta
from typing import TYPE_CHECKING

from steward.sandbox import place
from steward.sandbox.fault import Fault
from steward.sandbox.leftovers import LeftUpload
from steward.sandbox.task_definitions import definition_of, install_and_serve

if TYPE_CHECKING:
    from steward.sandbox.world import World

_MIB = 1024**2
_OLD = timedelta(days=200)


def leftovers(world: "World", revisions: int = 24, uploads: int = 6, backup_uploads: int = 0) -> None:
    """Old revisions, uploads that broke off weeks ago and one that runs, versions and logs that nobody ends.

    `backup_uploads`: of copies into the backup bucket that broke off.
    """
    now, left = world.clock.now(), world.bucket.leftovers
    for number in range(revisions):
        world.definitions.register(definition_of(install_and_serve()), now - _OLD + timedelta(days=number))
    for number in range(uploads):
        at = now - timedelta(days=20 + number)
        key = f"{place.PREFIX}/1/left{number}/artifacts/model.bin"
        left.uploads.append(LeftUpload(key, f"left-{number}", at, [(64 * _MIB, at), (32 * _MIB, at)]))
    for number in range(backup_uploads):
        at = now - timedelta(days=40 + number)
        key = f"{place.PREFIX}/1/copy{number}/artifacts/model.bin"
        left.uploads.append(LeftUpload(key, f"left-copy-{number}", at, [(512 * _MIB, at)], place.BACKUP_BUCKET))
    lately = now - timedelta(hours=1)
    running = LeftUpload(f"{place.PREFIX}/1/now/artifacts/model.bin", "left-now", lately, [(8 * _MIB, lately)])
    resumed = LeftUpload(f"{place.PREFIX}/1/slow/a.bin", "left-slow", now - timedelta(days=30), [(8 * _MIB, lately)])
    beside = LeftUpload("other-team/a.bin", "left-beside", now - _OLD, [(8 * _MIB, now - _OLD)])
    left.uploads += [running, resumed, beside]
    left.noncurrent = [(f"{place.PREFIX}/1/old{n}/artifacts/model.bin", 700 * _MIB) for n in range(40)]
    left.log_bytes = 90 * 1024 * _MIB


LEFTOVER_FAULTS = (
    Fault(
        "leftovers",
        "Months of waste: old revisions, broken uploads, noncurrent versions, logs that are kept for ever.",
        leftovers,
    ),
)
