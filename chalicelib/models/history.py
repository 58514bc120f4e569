"""What is known of a stack beyond one run: what Steward made there, its backups, its drills.

Deletion rests on these records (S16), and so does the question whether pruning may go on (S18).
"""

from enum import StrEnum

from pydantic import Field

from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc


class MadeKind(StrEnum):
    SNAPSHOT = "snapshot"
    INSTANCE = "instance"
    CLUSTER = "cluster"
    CLUSTER_SNAPSHOT = "cluster-snapshot"
    QUARANTINE = "quarantine"
    SIDE_COPY = "side-copy"
    """Artifacts that a drill restored beside the others; its id is their prefix."""
    TASK_DEFINITION = "task-definition"


class Creation(Shape):
    """Steward made this; written before the call that makes it, so that nothing it made is ever unknown."""

    stack: str
    kind: MadeKind
    id: str
    run_id: str
    step: str
    at: Utc
    region: str | None = None
    """Where it is not the stack's own."""
    delete_after: Utc | None = None
    """Throw-away things: any later run may sweep them from then on."""
    gone_at: Utc | None = None
    """It was deleted, and seen to be gone."""
    bucket: str | None = None
    """Of a quarantine: where it lies, should the stack's bucket be another one by then."""
    folders: int | None = None
    bytes: int | None = None
    """Of a quarantine, as planned: what the next one is measured by (S15)."""
    version: int = 0


class MarkKind(StrEnum):
    HIDDEN = "hidden"
    """Steward deleted them as MLflow does; its API does not tell when."""
    TRIED = "tried"
    """gc asked MLflow for them; what is still there was kept."""


class RunsMark(Shape):
    """What was done about some runs of MLflow, and when."""

    stack: str
    kind: MarkKind
    run_id: str
    """Of Steward's own run."""
    at: Utc
    runs: tuple[str, ...]
    version: int = 0


class BackupKind(StrEnum):
    DATABASE = "database"
    ARTIFACTS = "artifacts"


class Placement(Shape):
    """How a database was set up when a backup of it was found good: what a restore goes by once it is gone itself."""

    database: str
    cluster: bool = False
    host: str | None = None
    port: int | None = None
    subnet_group: str | None = None
    security_groups: tuple[str, ...] = ()
    parameter_group: str | None = None
    instance_class: str | None = None
    """Of a cluster, its writer's."""
    member_parameter_group: str | None = None
    members: int = 0
    scaling: tuple[float, float] | None = None
    """Least and most capacity of Aurora Serverless v2."""
    storage_type: str | None = None
    iops: int | None = None
    throughput: int | None = None
    multi_az: bool = False
    public: bool = False


class Backup(Shape):
    stack: str
    kind: BackupKind
    id: str
    """Snapshot identifier, or the manifest's name."""
    run_id: str
    as_of: Utc
    """The recovery point."""
    verified_at: Utc | None = None
    """Good means this, not `available` (S18)."""
    restored_at: Utc | None = None
    """When a drill or a restore last proved it."""
    suspect: str | None = None
    """Why it is doubted; a suspect backup is never the newest good one."""
    ref: str | None = None
    """Where its manifest lies."""
    objects: int | None = None
    bytes: int | None = None
    not_read: str | None = None
    """Of artifacts: what was compared by size and checksum, and not read back in full."""
    rows: dict[str, int] = Field(default_factory=dict)
    """Row counts where they could be read: a fall of 20% is suspect (S18)."""
    placement: Placement | None = None
    """Of the database; none where RDS did not say."""
    gone_at: Utc | None = None
    version: int = 0

    @property
    def is_good(self) -> bool:
        return self.verified_at is not None and self.suspect is None and self.gone_at is None


class Drill(Shape):
    stack: str
    run_id: str
    at: Utc
    proven: bool
    recovery_time_s: int | None = None
    """From the order to restore until the data answered."""
    recovery_point_s: int | None = None
    """How old the restored data was."""
    blind: str | None = None
    """Why nothing could be compared: a fact about Steward, not about the backup (S3)."""
    detail: str = ""
    version: int = 0


class Suspicion(Shape):
    """While it stands, nothing is pruned, expired or collected on this stack; a person clears it (S18)."""

    stack: str
    why: str | None = None
    since: Utc | None = None
    run_id: str | None = None
    cleared_by: str | None = None
    cleared_reason: str | None = None
    cleared_at: Utc | None = None
    version: int = 0

    @property
    def stands(self) -> bool:
        return self.why is not None and self.cleared_at is None
