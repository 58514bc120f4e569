"""db.facts: what a database holds (schema, rows, newest run), beside what the one in use holds."""

from pydantic import Field

from chalicelib.steps.database_facts import READ_DATABASE, Held, read_held
from chalicelib.steps.step import Output, Params, Probe, StepContext

_A_FEW = 1000
"""Milliseconds by which two clocks may differ."""
_REFUSED = "the restored database refuses the stack's login: its passwords are those of the snapshot's moment"


class FactsParams(Params):
    host: str | None = Field(default=None, max_length=253)
    """Of a restored instance; without it, only the database in use is read."""
    port: int | None = Field(default=None, ge=1, le=65535)


class FactsOutput(Output):
    applicable: bool
    skipped: str | None = None
    """Why the database in use could not be read (S3)."""
    in_use: Held | None = None
    other: Held | None = None
    same_schema: bool | None = None
    missing_tables: tuple[str, ...] = ()
    """Counted in the database in use, and not there or empty in the other."""
    more_rows: tuple[str, ...] = ()
    """Tables in which the other has more rows: it is no earlier state of this database."""
    newest_run_lag_s: int | None = None
    """How much older the other's newest run is: the recovery point that was really achieved."""
    proven: bool | None = None
    """The other answers, has the same schema, rows in every table, and no run from the future."""


class Facts(Probe[FactsParams, FactsOutput]):
    """Schema, row counts and newest run of the database in use, and of a restored one compared with it.

    ```yaml
    - id: compare
      do: db.facts
      with: {host: "${steps.restore.host}"}
    ```
    """

    name = "db.facts"
    Params = FactsParams
    Output = FactsOutput
    permissions = READ_DATABASE

    def read(self, ctx: StepContext, params: FactsParams) -> FactsOutput:
        if ctx.stack.database is None or ctx.stack.database.secret is None:
            return FactsOutput(applicable=False)
        in_use = read_held(ctx)
        if params.host is None:
            return FactsOutput(applicable=True, skipped=in_use.skipped, in_use=in_use)
        return compared(in_use, read_held(ctx, params.host, params.port))


def compared(in_use: Held, other: Held) -> FactsOutput:
    """Pure. What is in use may be out of order: then the other stands alone, and nothing is proven by likeness."""
    both = in_use.answers and other.answers
    tables = sorted(in_use.rows) if both else []
    missing = tuple(name for name in tables if in_use.rows[name] and not other.rows.get(name))
    more = tuple(name for name in tables if other.rows.get(name, 0) > in_use.rows[name])
    lag = None
    if both and in_use.newest_run_at_ms is not None and other.newest_run_at_ms is not None:
        lag = in_use.newest_run_at_ms - other.newest_run_at_ms
    same = in_use.alembic_version == other.alembic_version if both else None
    return FactsOutput(
        applicable=True,
        skipped=in_use.skipped or other.skipped or (_REFUSED if other.refuses_login else None),
        in_use=in_use,
        other=other,
        same_schema=same,
        missing_tables=missing,
        more_rows=more,
        newest_run_lag_s=lag // 1000 if lag is not None else None,
        proven=_proven(other, both=both, same=same, missing=missing, lag=lag),
    )


def _proven(other: Held, *, both: bool, same: bool | None, missing: tuple[str, ...], lag: int | None) -> bool | None:
    if other.skipped or other.refuses_login:  # what it holds nobody has seen: it may be whole
        return None
    if not both:
        return None if other.answers else False
    return bool(same and other.rows and not missing and (lag is None or lag >= -_A_FEW))
