"""What a deletion in the stack's bucket saves, and when: told by every plan and report that frees space.

Where a bucket keeps versions, a deletion only sets a marker. The object leaves the listing, and is paid for until a
lifecycle rule ends its noncurrent version; without such a rule, for ever. What could not be read is said (S3).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.aws.s3_vault import LifecycleRule
from chalicelib.errors import AwsError, HttpFailure
from chalicelib.models.shape import Shape
from chalicelib.models.step_index import Permission
from chalicelib.steps.artifact_places import STEWARDS, Place
from chalicelib.steps.artifact_store import open_store
from chalicelib.steps.blindness import denied, unseen
from chalicelib.steps.prices import dollars_per_month, in_words
from chalicelib.steps.step import StepContext

_KEEP_DAYS, _ABORT_DAYS = 30, 7
_BUCKET = "arn:{partition}:s3:::{bucket}"
READ_VERSIONING = (
    Permission(action="s3:GetBucketVersioning", resource=_BUCKET, why="whether what is deleted is still there"),
    Permission(action="s3:GetLifecycleConfiguration", resource=_BUCKET, why="which rules end it"),
)


class Waste(Shape):
    cause: str
    """noncurrent_versions, unfinished_uploads or logs_for_ever."""
    where: str
    bytes: int = 0
    dollars_per_month: float = 0.0
    evidence: tuple[str, ...]
    remedy: str
    """A command for its owner to paste."""


class Saving(Shape):
    unlisted_bytes: int = 0
    """They leave the listing at once, and in a bucket with versions no more than that."""
    freed_bytes: int = 0
    """Those of them that stop costing, sooner or later."""
    freed_after_days: int | None = 0
    """0: at once; None: never, or nobody knows."""
    dollars_per_month: float = 0.0
    """What is saved from then on."""
    outcome: str = ""


@dataclass(frozen=True)
class Afterlife:
    """What becomes of an object that is deleted here."""

    place: Place
    prefix: str
    days: int | None = 0
    """It is paid for so long; None: for ever, or nobody knows."""
    unread: str | None = None
    """Why nobody knows."""

    def saving(self, size: int) -> Saving:
        freed = 0 if self.days is None else size
        return Saving(
            unlisted_bytes=size,
            freed_bytes=freed,
            freed_after_days=self.days,
            dollars_per_month=dollars_per_month(freed),
            outcome=self.said(size) if size else "",
        )

    def said(self, size: int) -> str:
        cost = f"{in_words(size)} (${dollars_per_month(size):.2f} a month)"
        if self.unread is not None:
            return f"when {cost} stop costing is not known, {self.unread}"
        if self.days is None:
            kept = f"{self.place.bucket} keeps versions and no rule ends them"
            return f"nothing is saved: {kept}, so {cost} leave the listing and go on costing"
        if self.days == 0:
            return f"{cost} stop costing at once"
        return f"{cost} stop costing after {self.days} days, when the rule of {self.place.bucket} ends their versions"

    def findings(self, size: int) -> tuple[Waste, ...]:
        """With the rule to paste, where without it nothing would ever be saved."""
        if self.days is not None or self.unread is not None or not size:
            return ()
        said = f"{in_words(size)} would stay as noncurrent versions, and no rule ends them"
        return (rule_waste("noncurrent_versions", self.place, self.prefix, size, said),)


def afterlife(ctx: StepContext, place: Place, *prefixes: str) -> Afterlife:
    """Of what is deleted under each of the prefixes (none: the place's own), the longest."""
    asked, artifacts = prefixes or (place.prefix,), ctx.stack.artifacts
    if artifacts is None:
        return Afterlife(place, asked[0], None, unseen("the stack names no artifact bucket"))
    try:
        store = open_store(ctx, artifacts)
        if not keeps_versions(store.versioning(place.bucket)):
            return Afterlife(place, asked[0])
        rules = store.vault().lifecycle(place.bucket)
    except (AwsError, HttpFailure) as error:
        return Afterlife(place, asked[0], None, denied(error) if isinstance(error, AwsError) else unseen(str(error)))
    days = {prefix: noncurrent_days(rules, prefix) for prefix in asked}
    without = [prefix for prefix, ends in days.items() if ends is None]
    if without:
        return Afterlife(place, without[0], None)
    return Afterlife(place, asked[0], max(ends or 0 for ends in days.values()))


def keeps_versions(versioning: str) -> bool:
    """A bucket that suspended its versions keeps those it has."""
    return versioning in {"Enabled", "Suspended"}


def noncurrent_days(rules: Iterable[LifecycleRule], prefix: str) -> int | None:
    """After how many days the last version of what is deleted under the prefix goes. None: it stays. A rule that
    keeps the newest noncurrent ones keeps just that last version."""
    days = [
        rule.noncurrent_days
        for rule in rules
        if rule.noncurrent_days and rule.whole and not rule.noncurrent_kept and prefix.startswith(rule.prefix)
    ]
    return min(days, default=None)


def together(savings: Sequence[Saving]) -> Saving:
    """Of several Changes; when each of them comes true, its own says."""
    freed = sum(one.freed_bytes for one in savings)
    days = [one.freed_after_days for one in savings]
    return Saving(
        unlisted_bytes=sum(one.unlisted_bytes for one in savings),
        freed_bytes=freed,
        freed_after_days=None if None in days else max((one or 0 for one in days), default=0),
        dollars_per_month=dollars_per_month(freed),
        outcome="; ".join(dict.fromkeys(one.outcome for one in savings if one.outcome)),
    )


def rule_waste(cause: str, place: Place, prefix: str, size: int, said: str) -> Waste:
    """What was in quarantine leaves its versions beside the stack's own prefix: the command has a rule for both."""
    named = {"noncurrent-and-unfinished": place.prefix} | ({"steward": STEWARDS} if place.prefix else {})
    ends: dict[str, Any] = {
        "NoncurrentVersionExpiration": {"NoncurrentDays": _KEEP_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ABORT_DAYS},
    }
    rules = [{"ID": name, "Status": "Enabled", "Filter": {"Prefix": of}, **ends} for name, of in named.items()]
    return Waste(
        cause=cause,
        where=f"s3://{place.bucket}/{prefix}",
        bytes=size,
        dollars_per_month=dollars_per_month(size),
        evidence=(said, "the command replaces the bucket's rules: put those it has beside these"),
        remedy=f"aws s3api put-bucket-lifecycle-configuration --bucket {place.bucket} "
        f"--lifecycle-configuration '{json.dumps({'Rules': rules}, separators=(',', ':'))}'",
    )
