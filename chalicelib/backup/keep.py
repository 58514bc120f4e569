"""Which backups stay, by count, days, weeks and months (grandfather, father, son). Pure.

A rule keeps the newest good one of each of the latest periods that have one, so that a pause in the
backups never lets a rule run empty. Only good ones count: keeping three that cannot be restored is
keeping none. The newest good one stays whatever the rules say, and without a good one all stay.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

BAD_STAYS = timedelta(days=7)
"""One that failed or was never verified is kept so long, for whoever wants to know why."""


@dataclass(frozen=True)
class Candidate:
    id: str
    at: datetime
    """The recovery point."""
    good: bool
    """Verified and not doubted (S18)."""
    held: bool = False
    """Under a legal hold."""
    finished: bool = True
    """False: it is still being made."""


@dataclass(frozen=True)
class Rules:
    count: int
    days: int = 0
    weeks: int = 0
    months: int = 0

    def __post_init__(self) -> None:
        if self.count < 1 or min(self.days, self.weeks, self.months) < 0:
            raise ValueError("keep rules keep at least one backup, and no negative number of anything")


@dataclass(frozen=True)
class Judged:
    keep: dict[str, str]
    """Id to the reason why it stays."""
    prune: tuple[str, ...]
    """Oldest first."""


def judge(candidates: Iterable[Candidate], rules: Rules, now: datetime) -> Judged:
    """`candidates` are Steward's own of one database in one region; nobody else's may be among them."""
    found = sorted(candidates, key=lambda one: (one.at, one.id), reverse=True)
    good = [one for one in found if one.good and one.finished and one.at <= now]
    if not good:
        return Judged({one.id: "there is no good backup, so nothing is pruned" for one in found}, ())
    keep = {good[0].id: "the newest good one"}
    _add(keep, good[: rules.count], f"one of the newest {rules.count}")
    _add(keep, _newest_of_each(good, lambda at: at.date(), rules.days), f"one a day, {rules.days} days")
    _add(keep, _newest_of_each(good, lambda at: at.isocalendar()[:2], rules.weeks), f"one a week, {rules.weeks} weeks")
    _add(
        keep, _newest_of_each(good, lambda at: (at.year, at.month), rules.months), f"one a month, {rules.months} months"
    )
    for one in found:
        if one.id not in keep and (why := _stays_anyway(one, good[0], now)):
            keep[one.id] = why
    return Judged(keep, tuple(one.id for one in reversed(found) if one.id not in keep))


def _add(keep: dict[str, str], wanted: Iterable[Candidate], why: str) -> None:
    for one in wanted:
        keep.setdefault(one.id, why)


def _newest_of_each(good: list[Candidate], period: Callable[[datetime], Hashable], most: int) -> list[Candidate]:
    """`good` is newest first, so the first of a period is its newest."""
    first: dict[Hashable, Candidate] = {}
    for one in good:
        first.setdefault(period(one.at), one)
    return list(first.values())[:most]


def _stays_anyway(one: Candidate, newest_good: Candidate, now: datetime) -> str | None:
    if one.held:
        return "under a legal hold"
    if not one.finished:
        return "still being made"
    if one.at > now:
        return "its recovery point lies in the future: some clock is wrong"
    if not one.good and (one.at > newest_good.at or now - one.at < BAD_STAYS):
        return "not good, and too new to be thrown away"
    return None
