"""Who owns what, as the API tells it, and whether the database counts as many (S15).

A search that leaves something out looks like one that is whole. The database is asked before and after, since
runs begin meanwhile: what the API told must lie between. Where it cannot be asked from here, that is said (S3).
"""

from collections.abc import Mapping

from chalicelib.errors import StepRefused
from chalicelib.steps.caution import all_seeing_api, own_place
from chalicelib.steps.database_facts import Held, read_held
from chalicelib.steps.orphan_scan import Known, read_known
from chalicelib.steps.step import StepContext


def find_owners(ctx: StepContext) -> tuple[Known, str]:
    """And in words, whether the database agrees."""
    place, api, before = own_place(ctx), all_seeing_api(ctx), read_held(ctx)
    known = read_known(api, place, ctx.now)
    return known, agreed(ctx, before, known.counted)


def agreed(ctx: StepContext, before: Held, seen: Mapping[str, int]) -> str:
    """StepRefused where the API told more or fewer than the database holds."""
    if not before.answers:
        return f"not compared with the database: {before.skipped or before.detail}"
    after = read_held(ctx)
    counted = [name for name in sorted(seen) if name in before.rows and name in after.rows]
    for name in counted:
        least, most = sorted((before.rows[name], after.rows[name]))
        if not least <= seen[name] <= most:
            rows = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            said = f"MLflow's API tells of {seen[name]:,} {name}, its database holds {rows}"
            raise StepRefused(f"{said}: what it does not tell would look as if nobody owned it", rule="S15")
    if not counted:
        return "not compared with the database: it could not count its rows in time"
    return f"as many {' and '.join(counted)} as the database holds"
