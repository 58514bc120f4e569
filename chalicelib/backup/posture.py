"""From what history knows of a stack's backups and drills to how well it is protected. Pure."""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.models.history import Backup, Drill, Suspicion
from chalicelib.models.posture import DRILL_EVERY, Others, Posture, Protection, roughly
from chalicelib.models.stack import Stack


def posture_of(
    stack: Stack,
    now: datetime,
    *,
    database: tuple[Backup, ...],
    artifacts: tuple[Backup, ...],
    drills: tuple[Drill, ...],
    suspicion: Suspicion | None = None,
    others: Others | None = None,
) -> Posture:
    """Backups in any order; drills newest first."""
    proven = next((one for one in drills if one.proven), None)
    kinds = [("database", database)] if _has_database(stack) else []
    kinds += [("artifacts", artifacts)] if stack.artifacts and stack.artifacts.backup_bucket else []
    since = proven.at if proven else min((one.as_of for _, known in kinds for one in known), default=None)
    return Posture(
        stack=stack.stack,
        protections=tuple(_protection(stack, what, known, now) for what, known in kinds),
        proven_at=proven.at if proven else None,
        proven_age_s=_age(proven.at, now) if proven else None,
        proven=proven.detail if proven else None,
        drill_failed=drills[0].detail if drills and not drills[0].proven else None,
        unproven_s=_age(since, now) if since else None,
        others=others,
        suspicion=suspicion.why if suspicion and suspicion.stands else None,
        not_covered=(*_not_covered(stack, now, proven, others), *_only_elsewhere(stack, database), *_unread(artifacts)),
    )


def lines_of(posture: Posture) -> tuple[str, ...]:
    """What people read, in every summary and in `steward stacks check`."""
    lines = [str(one) for one in posture.protections]
    if posture.proven and posture.proven_age_s is not None:
        lines.append(f"last proven restore: {roughly(posture.proven_age_s)} ago; {posture.proven}")
    else:
        lines.append("no restore was ever proven: run restore-drill")
    if posture.drill_failed:
        lines.append(f"the last drill proved nothing: {posture.drill_failed}")
    if posture.suspicion:
        lines.append(f"backups are doubted, so nothing is pruned: {posture.suspicion}")
    if posture.others:
        lines.append(_of_others(posture.others))
    return (*lines, *(f"not covered: {gap}" for gap in posture.not_covered))


def _of_others(others: Others) -> str:
    newest = f", the newest of {others.newest_at:%Y-%m-%d %H:%M} UTC" if others.newest_at else ""
    bucket = f", {others.bucket} of AWS Backup of the artifact bucket" if others.bucket else ""
    database = f"{others.automated} automated of RDS, {others.aws_backup} of AWS Backup"
    return f"beside Steward's own: {database}{bucket}{newest}"


def _has_database(stack: Stack) -> bool:
    return stack.database is not None and stack.database.is_on_rds


def _protection(stack: Stack, what: str, known: tuple[Backup, ...], now: datetime) -> Protection:
    good = max((one for one in known if one.is_good), key=lambda one: (one.as_of, one.id), default=None)
    return Protection(
        what=what,
        newest_good=good.id if good else None,
        newest_good_at=good.as_of if good else None,
        age_s=_age(good.as_of, now) if good else None,
        objective_s=stack.backup.objective,
        suspect=sum(one.suspect is not None for one in known),
    )


def _age(at: datetime, now: datetime) -> int:
    return max(0, int((now - at).total_seconds()))


def _not_covered(stack: Stack, now: datetime, proven: Drill | None, others: Others | None) -> Iterator[str]:
    if stack.database is not None and not _has_database(stack):
        yield "the database is not on RDS: Steward takes no snapshots of it"
    yield from _of_artifacts(stack)
    if stack.backup.offsite is None and _has_database(stack):
        yield "a lost region or account: backup.offsite names neither a region nor an account"
    if not stack.backup.restore_security_groups and _has_database(stack):
        yield "restore-drill: backup.restoreSecurityGroups names no security group for its throw-away instance"
    if others is not None and others.automated == 0 and _has_database(stack):
        yield "points in time between snapshots: RDS keeps no automated backups of this database"
    if proven is not None and now - proven.at > DRILL_EVERY:
        yield f"what changed since the last proven restore, {roughly(_age(proven.at, now))} ago: run restore-drill"


def _only_elsewhere(stack: Stack, database: tuple[Backup, ...]) -> Iterator[str]:
    good = [one for one in database if one.is_good]
    if good and all(one.ref and f":{stack.region}:" not in one.ref for one in good):
        yield "a restore at once: all good snapshots are in another region, and one must be copied back by hand first"


def _unread(artifacts: tuple[Backup, ...]) -> Iterator[str]:
    good = max((one for one in artifacts if one.is_good), key=lambda one: (one.as_of, one.id), default=None)
    if good is not None and good.not_read is not None:
        yield f"contents that were compared by size and checksum alone: {good.not_read}"


def _of_artifacts(stack: Stack) -> Iterator[str]:
    artifacts = stack.artifacts
    if artifacts is None:
        yield "artifacts: the stack names no artifact bucket"
        return
    if artifacts.endpoint is not None:
        yield "artifacts: artifacts.endpoint is not Amazon's, and backups copy within Amazon S3"
    elif artifacts.backup_bucket is None:
        yield "artifacts: the stack names no artifacts.backupBucket"
    else:
        if stack.backup.mac_key is None:
            yield "tampering with manifests: backup.macKey names no key of KMS, so they are chained but not signed"
        if (prefix := artifacts.prefix.strip("/")) != "":
            also = "".join(f", {one}" for one in artifacts.also)
            yield f"what lies in {artifacts.bucket} outside {prefix}{also}: name it in artifacts.also if it matters"
