"""rds.recent_events: what RDS itself says has happened to the database lately."""

from datetime import timedelta

from pydantic import Field

from chalicelib.errors import AwsError
from chalicelib.models.shape import Shape
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Duration, Utc
from chalicelib.redact import strip_hidden
from chalicelib.steps.blindness import denied
from chalicelib.steps.step import Output, Params, Probe, StepContext

_TEXT = 300


class EventsParams(Params):
    within: Duration = 24 * 3600
    """RDS keeps 14 days."""
    limit: int = Field(default=20, ge=1, le=50)


class DatabaseEvent(Shape):
    at: Utc
    categories: tuple[str, ...]
    message: str


class EventsOutput(Output):
    applicable: bool
    """False: the stack names no database on RDS."""
    skipped: str | None = None
    count: int = 0
    categories: tuple[str, ...] = ()
    """Of all of them, each once, in alphabetical order."""
    events: tuple[DatabaseEvent, ...] = ()
    """The newest `limit`, oldest first: what came first is nearer to the cause."""


class RecentEvents(Probe[EventsParams, EventsOutput]):
    """Failovers, restarts, storage, maintenance and backups of the database, in RDS's own words.

    ```yaml
    - id: events
      do: rds.recent_events
      with: {within: 6h}
    ```
    """

    name = "rds.recent_events"
    Params = EventsParams
    Output = EventsOutput
    permissions = (Permission(action="rds:DescribeEvents", resource="*", why="what happened to the database lately"),)

    def read(self, ctx: StepContext, params: EventsParams) -> EventsOutput:
        database = ctx.stack.database
        name = (database.cluster or database.instance) if database else None
        if database is None or name is None:
            return EventsOutput(applicable=False)
        since = ctx.now - timedelta(seconds=params.within)
        try:
            found = ctx.aws.rds.events(name, cluster=bool(database.cluster), since=since, until=ctx.now)
        except AwsError as error:
            return EventsOutput(applicable=True, skipped=denied(error))
        return EventsOutput(
            applicable=True,
            count=len(found),
            categories=tuple(sorted({category for event in found for category in event.categories})),
            events=tuple(
                DatabaseEvent(at=event.at, categories=event.categories, message=strip_hidden(event.message)[:_TEXT])
                for event in found[-params.limit :]
            ),
        )
