"""logs.search: what the stack's containers wrote since the trouble began, within a budget."""

from datetime import timedelta

from pydantic import Field

from chalicelib.errors import AwsError, AwsNotFound
from chalicelib.models.shape import Shape
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Duration, Utc
from chalicelib.redact import mask, strip_hidden
from chalicelib.steps.blindness import denied
from chalicelib.steps.step import Output, Params, Probe, StepContext

_TEXT, _READ = 1000, 16 * 1024


class SearchParams(Params):
    contains: str | None = Field(default=None, min_length=1, max_length=200)
    """One text, taken literally; without it every line."""
    within: Duration = 3600
    """How far back, where no incident says when it began."""
    lead: Duration = 300
    """How long before the beginning to start: an alarm is always later than its cause."""
    lines: int = Field(default=200, ge=1, le=2000)
    kilobytes: int = Field(default=128, ge=1, le=1024)
    budget: Duration = 8


class Line(Shape):
    at: Utc
    stream: str
    text: str
    """Inert (S30) and without what looks like a credential (S29), cut at 1,000 characters."""


class SearchOutput(Output):
    applicable: bool
    """False: the stack names no log group."""
    skipped: str | None = None
    group_exists: bool | None = None
    since: Utc | None = None
    count: int = 0
    cut_by: str | None = None
    """lines, bytes or time: which budget ended the search, so that later lines were not seen (S5)."""
    lines: tuple[Line, ...] = ()
    """Oldest first: the first error is nearer to the cause than its consequences."""


class Search(Probe[SearchParams, SearchOutput]):
    """Lines of the stack's log group since the incident began. Log text is a hint, never a proof (S4).

    ```yaml
    - id: errors
      do: logs.search
      with: {contains: ERROR, lines: 50}
    ```
    """

    name = "logs.search"
    Params = SearchParams
    Output = SearchOutput
    permissions = (
        Permission(
            action="logs:FilterLogEvents",
            resource="arn:{partition}:logs:{region}:{account}:log-group:{log_group}:*",
            why="what the containers wrote",
        ),
    )

    def read(self, ctx: StepContext, params: SearchParams) -> SearchOutput:
        if ctx.stack.logs is None:
            return SearchOutput(applicable=False)
        began = ctx.since or ctx.now - timedelta(seconds=params.within)
        since = began - timedelta(seconds=params.lead)
        try:
            page = ctx.aws.logs.search(
                ctx.stack.logs.group,
                since,
                ctx.now,
                term=params.contains,
                max_lines=params.lines,
                max_bytes=params.kilobytes * 1024,
                max_seconds=params.budget,
            )
        except AwsNotFound:
            return SearchOutput(applicable=True, group_exists=False, since=since)
        except AwsError as error:
            return SearchOutput(applicable=True, skipped=denied(error), since=since)
        return SearchOutput(
            applicable=True,
            group_exists=True,
            since=since,
            count=len(page.lines),
            cut_by=page.cut_by,
            lines=tuple(
                Line(at=line.at, stream=strip_hidden(line.stream)[-80:], text=_safe(line.text)) for line in page.lines
            ),
        )


def _safe(text: str) -> str:
    """Cut last: half a credential no longer looks like one."""
    return mask(strip_hidden(text[:_READ]))[:_TEXT]
