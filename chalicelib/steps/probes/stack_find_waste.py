"""stack.find_waste: what is paid for and used by nobody, and that only its owner can put right: rules to paste.

Steward changes no bucket's lifecycle and no log group's retention (S17): what it finds, it says.
"""

import json

from chalicelib.errors import AwsError
from chalicelib.models.finding import Veto
from chalicelib.models.shape import Shape
from chalicelib.models.stack import ArtifactsPart
from chalicelib.models.step_index import Permission
from chalicelib.steps.artifact_places import Place
from chalicelib.steps.blindness import denied
from chalicelib.steps.prices import LOGS_STORED, dollars_per_month, in_words
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_MOST_PAGES = 20
"""Of a thousand versions each; more are said to be more."""
_BUCKET = "arn:{partition}:s3:::{bucket}"
_OF_DATABASES = ("/aws/rds/instance/", "/aws/rds/cluster/")
_KEEP_DAYS, _ABORT_DAYS, _LOG_DAYS = 30, 7, 90


class Waste(Shape):
    cause: str
    """noncurrent_versions, unfinished_uploads or logs_for_ever."""
    where: str
    bytes: int = 0
    dollars_per_month: float = 0.0
    evidence: tuple[str, ...]
    remedy: str
    """A command for its owner to paste."""


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
        Permission(action="s3:GetBucketVersioning", resource=_BUCKET, why="whether what is deleted is still there"),
        Permission(action="s3:GetLifecycleConfiguration", resource=_BUCKET, why="which rules end it"),
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
    versioned = ctx.aws.s3.versioning(place.bucket) in {"Enabled", "Suspended"}  # suspended keeps what it has
    rules = [
        rule for rule in ctx.aws.vault.lifecycle(place.bucket) if rule.whole and place.prefix.startswith(rule.prefix)
    ]
    findings = []
    noncurrent = ctx.aws.leftovers.noncurrent(place.bucket, place.prefix, _MOST_PAGES) if versioned else None
    some = noncurrent is not None and (noncurrent.versions or not noncurrent.complete)  # unseen is not none (S5)
    if noncurrent is not None and some and not any(rule.noncurrent_days for rule in rules):
        more = "" if noncurrent.complete else "at least "
        said = f"{more}{noncurrent.versions} noncurrent versions, {in_words(noncurrent.bytes)}, and no rule ends them"
        said += "" if noncurrent.complete else f"; only the first {_MOST_PAGES * 1000:,} versions were looked at"
        findings.append(_rule_waste("noncurrent_versions", place, noncurrent.bytes, said))
    if not any(rule.aborts_uploads for rule in rules):
        said = "no lifecycle rule aborts uploads that never end"
        findings.append(_rule_waste("unfinished_uploads", place, 0, said))
    size = noncurrent.bytes if noncurrent else None
    return WasteOutput(versioned=versioned, noncurrent_bytes=size, findings=tuple(findings))


def _rule_waste(cause: str, place: Place, size: int, said: str) -> Waste:
    rule = {
        "ID": "noncurrent-and-unfinished",
        "Status": "Enabled",
        "Filter": {"Prefix": place.prefix},
        "NoncurrentVersionExpiration": {"NoncurrentDays": _KEEP_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ABORT_DAYS},
    }
    return Waste(
        cause=cause,
        where=f"s3://{place.bucket}/{place.prefix}",
        bytes=size,
        dollars_per_month=dollars_per_month(size),
        evidence=(said, "the command replaces the bucket's rules: put those it has beside this one"),
        remedy=f"aws s3api put-bucket-lifecycle-configuration --bucket {place.bucket} "
        f"--lifecycle-configuration '{json.dumps({'Rules': [rule]}, separators=(',', ':'))}'",
    )


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
