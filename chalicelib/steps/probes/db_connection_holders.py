"""db.connection_holders: who holds the database's connections, in names that people can act on.

The database knows applications and addresses, ECS knows whose addresses they are. Where no login gets
in (all slots are taken), what is left is RDS's count and the tasks that are there to hold them.
"""

from chalicelib.aws.ecs_shapes import Task
from chalicelib.errors import AwsError
from chalicelib.models.shape import Shape
from chalicelib.steps.blindness import denied
from chalicelib.steps.duplicates import Family, read_family
from chalicelib.steps.permissions import READ_SERVICE
from chalicelib.steps.probes.db_connect import Connect, ConnectOutput
from chalicelib.steps.probes.rds_describe_instance import DatabaseParams, DescribeInstance
from chalicelib.steps.service_state import ServiceState, read_service
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_NAMED = 5
"""In the sentence; the list has the rest."""


class HolderView(Shape):
    who: str
    """`task 1a2b3c4d of the service`, `task … outside the service, idle`, or `not a task of this stack`."""
    application: str
    """As it names itself; most leave it empty."""
    address: str
    connections: int | None
    """None: only that it is there is known, not how many it holds."""


class HoldersOutput(Output):
    named: str
    """All of it in one sentence."""
    source: str
    """`db.connect`, or `RDS and ECS` where the database let nobody in."""
    connections: int | None = None
    connection_limit: int | None = None
    duplicates: int
    """Idle duplicates of the service: what `ecs.stop_duplicates` would stop."""
    foreign: int
    """Connections of programs that are no tasks of this family."""
    holders: tuple[HolderView, ...] = ()
    left_alone: tuple[str, ...] = ()
    """Tasks beside the service that are not idle, and why."""
    blind: tuple[str, ...] = ()
    """What could not be asked (S3)."""


class ConnectionHolders(Probe[NoParams, HoldersOutput]):
    """Who holds the database's connections: application, address and count, and which of them are idle duplicates.

    ```yaml
    - id: holders
      do: db.connection_holders
    ```
    """

    name = "db.connection_holders"
    Params = NoParams
    Output = HoldersOutput
    permissions = (*Connect.permissions, *DescribeInstance.permissions[-1:], *READ_SERVICE)

    def read(self, ctx: StepContext, params: NoParams) -> HoldersOutput:
        state = read_service(ctx)
        family = read_family(ctx, state)
        login = Connect().read(ctx, params)
        holders = _from_login(state, family, login) if login.holders else _from_tasks(state, family)
        count, blind = login.connections, [f"db.connect: {login.skipped}"] if login.skipped else []
        if count is None:
            count, why = _measured(ctx)
            blind += [f"rds.describe_instance: {why}"] if why else []
        return HoldersOutput(
            named=_named(holders, count, login.connection_limit),
            source="db.connect" if login.holders else "RDS and ECS",
            connections=count,
            connection_limit=login.connection_limit,
            duplicates=len(family.idle),
            foreign=sum(each.connections or 0 for each in holders if each.who == _FOREIGN),
            holders=holders,
            left_alone=tuple(f"task {task.short} beside the service: {why}" for task, why in family.left_alone),
            blind=tuple(blind),
        )


_FOREIGN = "not a task of this stack"


def _owners(state: ServiceState, family: Family) -> dict[str, tuple[Task, str]]:
    named = [(task, f"task {task.short} outside the service, left alone") for task, _ in family.left_alone]
    named += [(task, f"task {task.short} of the service") for task in state.tasks]
    named += [(each.task, f"task {each.task.short}, an idle duplicate of the service") for each in family.idle]
    return {task.address: (task, who) for task, who in named if task.address}


def _from_login(state: ServiceState, family: Family, login: ConnectOutput) -> tuple[HolderView, ...]:
    owners = _owners(state, family)
    counts: dict[tuple[str, str], int] = {}
    for held in login.holders:
        counts[held.address, held.application] = counts.get((held.address, held.application), 0) + held.count
    return tuple(
        HolderView(
            who=owners[address][1] if address in owners else _FOREIGN,
            application=application,
            address=address,
            connections=count,
        )
        for (address, application), count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    )


def _from_tasks(state: ServiceState, family: Family) -> tuple[HolderView, ...]:
    return tuple(
        HolderView(who=who, application="", address=address, connections=None)
        for address, (_, who) in _owners(state, family).items()
    )


def _measured(ctx: StepContext) -> tuple[int | None, str | None]:
    """RDS's own count, a minute old, and why there is none."""
    try:
        found = DescribeInstance().read(ctx, DatabaseParams(metrics=True))
    except AwsError as error:
        return None, denied(error)
    return (round(found.connections) if found.connections is not None else None), found.skipped


def _named(holders: tuple[HolderView, ...], count: int | None, limit: int | None) -> str:
    of = f" of {limit}" if limit is not None else ""
    total = f"{count}{of} connections are in use" if count is not None else "how many connections are in use is unknown"
    parts = [
        f"{each.application or each.who} at {each.address}"
        + (f" holds {each.connections}" if each.connections is not None else "")
        for each in holders[:_NAMED]
    ]
    more = [f"{len(holders) - _NAMED} more"] if len(holders) > _NAMED else []
    return f"{total}: {', '.join([*parts, *more])}" if parts else total
