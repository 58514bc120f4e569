"""The `backup:` key of a stack file: how old a backup may get, which are kept, where copies go."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from chalicelib.models.shape import YamlShape
from chalicelib.models.words import Duration

OBJECTIVE_S = 26 * 3600
"""A daily backup that may be two hours late."""
GRACE_S = 7 * 86400
LEAST_GRACE_S = 86400
"""The day between two backups. With less, what somebody deletes is marked before anybody has missed it (S17)."""

KeyName = Annotated[
    str,
    StringConstraints(pattern=r"^(arn:aws[a-z-]*:kms:[!-~]+|alias/[A-Za-z0-9_/-]+|[0-9a-f-]{36}|mrk-[A-Za-z0-9_]+)$"),
]
KeyArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9_-]+$")]
"""An alias names no resource that a right could be scoped to."""
Schedule = Annotated[str, StringConstraints(pattern=r"^(cron|rate)\(.+\)$")]


class KeepPart(YamlShape):
    """Which backups stay: those that any of these rules wants. Days, weeks and months keep the newest of each."""

    count: int = Field(default=3, ge=1, le=1000)
    """The newest so many, whatever their age. Never none: that would delete everything."""
    days: int = Field(default=14, ge=0, le=3660)
    weeks: int = Field(default=8, ge=0, le=520)
    months: int = Field(default=12, ge=0, le=120)


class OffsitePart(YamlShape):
    """Where copies go that a lost region or account does not take along."""

    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] | None = None
    kms_key: KeyName | None = None
    """Of that region: a key does not leave its own."""
    account: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] | None = None
    """Snapshots are shared with it, so that it can copy them with rights of its own."""

    @model_validator(mode="after")
    def _somewhere(self) -> "OffsitePart":
        if self.region is None and self.account is None:
            raise ValueError("offsite names a region, an account or both")
        return self


class BackupPart(YamlShape):
    keep: KeepPart = KeepPart()
    objective: Duration = OBJECTIVE_S
    """The newest good backup may be at most this old."""
    offsite: OffsitePart | None = None
    artifacts_schedule: Schedule | None = None
    """Instead of the daily one of `backup-artifacts`."""
    grace: Duration = Field(default=GRACE_S, ge=LEAST_GRACE_S)
    """How long an artifact that was deleted at the source stays in the backup before it is marked deleted."""
    cost_limit_usd: Annotated[float, Field(ge=0)] | None = None
    """A backup that is estimated above it asks first."""
    restore_security_groups: tuple[str, ...] = ()
    """Of throw-away instances that a drill restores, and not the database's own (S16): let in only where the
    function `reach` stands. Without one no drill restores a database."""
    mac_key: KeyName | None = None
    """An HMAC key of KMS, with which manifests are signed."""
