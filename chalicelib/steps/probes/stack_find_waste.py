"""stack.find_waste: what is paid for and used by nobody, and that only its owner can put right: rules to paste.

Steward changes no bucket's lifecycle and no log group's retention (S17): what it finds, it says.
"""

from collections.abc import Iterable

from chalicelib.aws.s3_vault import LifecycleRule
from chalicelib.errors import AwsError
from chalicelib.models.finding import Veto
from chalicelib.models.stack import ArtifactsPart
from chalicelib.models.step_index import Permission
from chalicelib.steps.artifact_places import STEWARDS, Place
from chalicelib.steps.blindness import denied
from chalicelib.steps.prices import LOGS_STORED, dollars_per_month, in_words
from chalicelib.steps.savings import READ_VERSIONING, Waste, keeps_versions, noncurrent_days, rule_waste
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_MOST_PAGES = 20
"""Of a thousand versions each; more are said to be more."""
_BUCKET = "arn:{partition}:s3:::{bucket}"
_OF_DATABASES = ("/aws/rds/instance/", "/aws/rds/cluster/")
_LOG_DAYS = 90


class WasteOutput(Output):
    skipped: str | None = None
    """Why some of it could not be looked at; what could is in `findings`."""
    versioned: bool | None = None
    """Of the artifact bucket: then what is deleted is still paid for, until a rule ends its versions."""
    noncurrent_bytes: int | None = None
    count: int = 0
    dollars_per_month: float = 0.0
    outcome: str = ""
    findings: tuple[Waste, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    """Waste forbids nothing."""


class FindWaste(Probe[NoParams, WasteOutput]):
    """Noncurrent versions and uploads without a lifecycle rule, log groups that keep everything for ever.

    ```yaml
    - id: waste
      do: stack.find_waste
    ```
    """

    name = "stack.find_waste"
    Params = NoParams
    Output = WasteOutput
    permissions = (
        *READ_VERSIONING,
        Permission(action="s3:ListBucketVersions", resource=_BUCKET, why="how much of it there is"),
        Permission(
            action="logs:DescribeLogGroups",
            resource="*",
            why="how large logs are and for how long they are kept",
        ),
    )

    def read(self, ctx: StepContext, params: NoParams) -> WasteOutput:  # noqa: ARG002 - it has none
        output = WasteOutput()
        artifacts = ctx.stack.artifacts
        if artifacts is not None and artifacts.endpoint is None:
            try:
                output = _of_bucket(ctx, artifacts)
            except AwsError as error:
                output = WasteOutput(skipped=denied(error))
        try:
            logs = _of_logs(ctx)
        except AwsError as error:
            logs, output = (), output.model_copy(update={"skipped": output.skipped or denied(error)})
        findings = (*output.findings, *logs)
        dollars = round(sum(one.dollars_per_month for one in findings), 2)
        said = (
            f"{len(findings)} kinds of waste for its owner to end, ${dollars:.2f} a month" if findings else "no waste"
        )
        told = {"findings": findings, "count": len(findings), "dollars_per_month": dollars, "outcome": said}
        return output.model_copy(update=told)


def _of_bucket(ctx: StepContext, artifacts: ArtifactsPart) -> WasteOutput:
    place = Place.of(artifacts)
    versioned = keeps_versions(ctx.aws.s3.versioning(place.bucket))
    rules = ctx.aws.vault.lifecycle(place.bucket)
    findings, size = list[Waste](), 0
    for prefix in _parts(place) if versioned else ():
        found, waste = _noncurrent(ctx, place, prefix, rules)
        findings, size = [*findings, *waste], size + found
    if not any(rule.aborts_uploads and rule.whole and place.prefix.startswith(rule.prefix) for rule in rules):
        said = "no lifecycle rule aborts uploads that never end"
        findings.append(rule_waste("unfinished_uploads", place, place.prefix, 0, said))
    return WasteOutput(versioned=versioned, noncurrent_bytes=size if versioned else None, findings=tuple(findings))


def _parts(place: Place) -> tuple[str, ...]:
    """What was in quarantine leaves its versions beside the stack's own prefix."""
    return (place.prefix, STEWARDS) if place.prefix else ("",)


def _noncurrent(
    ctx: StepContext, place: Place, prefix: str, rules: Iterable[LifecycleRule]
) -> tuple[int, tuple[Waste, ...]]:
    found = ctx.aws.leftovers.noncurrent(place.bucket, prefix, _MOST_PAGES)
    some = found.versions or not found.complete  # unseen is not none (S5)
    if not some or noncurrent_days(rules, prefix) is not None:
        return found.bytes, ()
    more = "" if found.complete else "at least "
    said = f"{more}{found.versions} noncurrent versions, {in_words(found.bytes)}, and no rule ends them"
    said += "" if found.complete else f"; only the first {_MOST_PAGES * 1000:,} versions were looked at"
    return found.bytes, (rule_waste("noncurrent_versions", place, prefix, found.bytes, said),)


def _of_logs(ctx: StepContext) -> tuple[Waste, ...]:
    wanted = [ctx.stack.logs.group] if ctx.stack.logs else []
    if ctx.stack.database and ctx.stack.database.instance:
        wanted.append(f"/aws/rds/instance/{ctx.stack.database.instance}/")
    if ctx.stack.database and ctx.stack.database.cluster:
        wanted.append(f"/aws/rds/cluster/{ctx.stack.database.cluster}/")
    groups = {group.name: group for prefix in wanted for group in ctx.aws.log_groups.find(prefix)}
    mine = [one for one in groups.values() if one.name in wanted or one.name.startswith(_OF_DATABASES)]
    return tuple(
        Waste(
            cause="logs_for_ever",
            where=group.name,
            bytes=group.stored_bytes,
            dollars_per_month=dollars_per_month(group.stored_bytes, LOGS_STORED),
            evidence=(f"keeps everything for ever: {in_words(group.stored_bytes)} so far",),
            remedy=f"aws logs put-retention-policy --log-group-name {group.name} --retention-in-days {_LOG_DAYS}",
        )
        for group in sorted(mine, key=lambda group: group.name)
        if group.retention_days is None
    )
