"""The rehearsals that are shipped, and those of them that together need every right that any of them needs."""

from pathlib import Path

from steward.sandbox.rehearsals import find_rehearsals

FOUND = {
    f"{Path(file).parent.name}/{Path(file).stem}": (file, case)
    for file, case in find_rehearsals(Path(__file__).parents[1] / "rehearsals")
}
NEED_EVERY_RIGHT = frozenset(
    {
        "disaster-recovery/both-back",
        "tidy-up/tasks-by-the-clock",
        "high-latency/overload",
        "backup-artifacts/changes-meanwhile",
        "migrate-database/fails-and-resumes",
        "copy-snapshots-offsite/copied",
        "orphans/quarantined",
        "restore-drill/proven",
        "backup-artifacts/long-gone",
        "credentials-rotated/rotated",
        "scale/bigger",
        "upgrade-mlflow/image-is-missing",
        "tidy-up/backup-uploads",
        "prune-snapshots/here-and-offsite",
        "copy-snapshots-offsite/own-copied",
        "backup-artifacts/without-block",
        "gc/cancelled",
        "out-of-memory/tagged",
        "restore-database/host-in-secret",
        "restore-database/rotated-since",
        "deployment-failed/secret-in-parameter",
        "health-check/telemetry-gap",
    }
)
