"""Goes through an account's clusters and proposes a stack for every service that serves MLflow. Reads only."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from chalicelib.aws.gateways import Session
from chalicelib.aws.survey import BalancerSeen, DatabaseSeen, ServiceSeen, Survey
from chalicelib.catalog.load import load_stack
from chalicelib.errors import AwsError, DocumentError, DocumentErrors
from steward.discovery.proposal import Around, Line, Proposal, propose
from steward.discovery.server import Server, server_of
from steward.discovery.stack_file import stack_text

Json = dict[str, Any]
T = TypeVar("T")


@dataclass
class _Notes:
    """What could not be read: less is then known, and the answer says so (S3)."""

    unread: list[str] = field(default_factory=list)

    def reading(self, read: Callable[[], T], instead: T) -> T:
        try:
            return read()
        except AwsError as error:
            self.unread.append(f"{error}")
            return instead


def discover(session: Session, region: str, cluster: str | None = None) -> Json:
    survey, notes = Survey(session, region), _Notes()
    account = survey.aws.sts.account()
    clusters = (cluster,) if cluster else survey.clusters()
    none: list[ServiceSeen] = []
    seen = [one for name in clusters for one in notes.reading(partial(_services, survey, name), none)]
    serving = [(one, server) for one in seen if (server := server_of(one.definition))]
    found = [_told(proposal, account, region) for proposal in _proposals(survey, notes, account, region, serving)]
    return {
        "account": account,
        "region": region,
        "looked_at": {"clusters": list(clusters), "services": len(seen)},
        "not_read": notes.unread,
        "found": found,
    }


def _services(survey: Survey, cluster: str) -> list[ServiceSeen]:
    return list(survey.services(cluster))


def _proposals(
    survey: Survey, notes: _Notes, account: str, region: str, serving: list[tuple[ServiceSeen, Server]]
) -> Iterator[Proposal]:
    if not serving:
        return
    databases: tuple[DatabaseSeen, ...] = notes.reading(survey.databases, ())
    buckets: tuple[str, ...] = notes.reading(survey.buckets, ())
    alarms: tuple[tuple[str, Mapping[str, str]], ...] = notes.reading(lambda: tuple(survey.alarms()), ())
    for seen, server in serving:
        groups, balancers = notes.reading(partial(_load_balancing, survey, seen), _NOTHING)
        around = Around(region, account, groups, balancers, databases, buckets, alarms)
        yield propose(seen, server, around)


_Balancing = tuple[dict[str, str], tuple[BalancerSeen, ...]]
_NOTHING: _Balancing = ({}, ())


def _load_balancing(survey: Survey, seen: ServiceSeen) -> _Balancing:
    groups = [survey.aws.elb.target_group(arn) for arn, _ in seen.target_groups]
    balancers = dict.fromkeys(arn for group in groups for arn in group.load_balancers)
    return {group.arn: group.name for group in groups}, survey.balancers(tuple(balancers))


def _told(proposal: Proposal, account: str, region: str) -> Json:
    text = stack_text(proposal, f"account {account}, {region}")
    return {
        "stack": proposal.stack,
        "service": proposal.service,
        "sure": [_line(line) for line in proposal.lines if line.sure],
        "guessed": [_line(line) for line in proposal.lines if not line.sure],
        "open": [{"key": each.key, "why": each.why} for each in proposal.open],
        "mistakes": _mistakes(text, f"{proposal.stack}.yml"),
        "text": text,
    }


def _line(line: Line) -> Json:
    value = list(line.value) if isinstance(line.value, tuple) else line.value
    return {"key": ".".join(line.path), "value": value, "why": line.why}


def _mistakes(text: str, file: str) -> list[str]:
    """What the linter of stack files says to it: a name that no stack can have, for one."""
    try:
        load_stack(text, file)
    except DocumentErrors as errors:
        return [str(each) for each in errors.errors]
    except DocumentError as error:
        return [str(error)]
    return []
