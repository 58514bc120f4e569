"""Stack: one MLflow deployment under care, as people write it in `stacks/NAME.yml`."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from chalicelib.models.shape import YamlShape, content_hash
from chalicelib.models.stack_backup import BackupPart, KeyArn, KeyName
from chalicelib.models.words import Autonomy, Duration, Name, Utc

Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$")]
AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Channel = Annotated[str, StringConstraints(pattern=r"^(log|(sns|chat|slack):[A-Za-z0-9_./-]+)$")]
"""`log`, `sns:TOPIC` (plain text), `chat:TOPIC` (AWS chat's JSON) or `slack:SECRET`: a name, never a URL or a
token (S22)."""

SubnetId = Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-f]{8,17}$")]
SecurityGroupId = Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-f]{8,17}$")]
FunctionName = Annotated[
    str,
    StringConstraints(
        pattern=r"^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:)?[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]+)?$"
    ),
]


class MlflowAuth(StrEnum):
    NONE = "none"
    BASIC = "basic"


class MlflowPart(YamlShape):
    auth: MlflowAuth = MlflowAuth.NONE
    admin_secret: str | None = None
    metrics: str | None = None


class EcsPart(YamlShape):
    cluster: str
    service: str
    container: str = "mlflow"
    task_role: RoleArn | None = None
    execution_role: RoleArn | None = None
    """The roles of the task definition. Steward may pass exactly these to a new revision, no others (S11)."""


class LoadBalancerPart(YamlShape):
    target_group: str
    """Name, or full ARN when two load balancers use the same name."""
    name: str | None = None


class DatabasePart(YamlShape):
    engine: Annotated[str, StringConstraints(pattern=r"^(postgres|mysql|mariadb)$")] = "postgres"
    instance: str | None = None
    cluster: str | None = None
    name: str = "mlflow"
    secret: str | None = None
    kms_key: KeyArn | None = None
    """Your own key, if one encrypts the database: snapshots and restores need rights on it."""

    @model_validator(mode="after")
    def _one_under_the_key(self) -> "DatabasePart":
        if self.kms_key and self.instance and self.cluster:
            raise ValueError("kmsKey is of an instance or of a cluster: name the one that is backed up")
        return self

    @property
    def is_on_rds(self) -> bool:
        return bool(self.instance or self.cluster)


class ArtifactsPart(YamlShape):
    bucket: str
    prefix: str = ""
    also: tuple[Annotated[str, StringConstraints(min_length=1, max_length=512)], ...] = Field(default=(), max_length=8)
    """More prefixes of this bucket that are backed up with the artifacts: a Terraform state, say."""
    kms_key: KeyArn | None = None
    """Your own key, if one encrypts the bucket: reading and writing need rights on it."""
    backup_bucket: str | None = None
    backup_region: Region | None = None
    """Where the backup bucket lies, if not in the stack's region."""
    backup_account: AccountId | None = None
    """Whose it is, if not the stack's own account's."""
    backup_kms_key: KeyName | None = None
    """What copies are encrypted with, in the backup's region; without it as the bucket does by default."""
    endpoint: str | None = None
    """Of MinIO and the like; without it the bucket is Amazon's."""
    secret: str | None = None
    """For `endpoint`: a secret `{"username": ACCESS_KEY, "password": SECRET_KEY}`. Steward's own AWS
    credentials never go there."""


class LdapPart(YamlShape):
    """The directory that people's logins are checked against, where there is one."""

    url: Annotated[str, StringConstraints(pattern=r"^ldaps?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$")]
    base_dn: str
    bind_secret: str
    """A secret `{"username": DN, "password": …}`."""
    user_filter: str | None = None
    """As MLflow's plugin has it, with `{username}`."""
    start_tls: bool = False


class NetworkPart(YamlShape):
    """Where the function `reach` lives for this stack: packaging deploys it there. Without it, whatever is
    only reachable in the stack's network is said to be not reachable from here."""

    subnets: tuple[SubnetId, ...] = Field(min_length=1, max_length=16)
    """Private ones with a way to the database; the function needs no way out."""
    security_groups: tuple[SecurityGroupId, ...] = Field(min_length=1, max_length=5)
    """Of the function. The database's own group must admit one of them."""
    function: FunctionName | None = None
    """A function that is there already. Without it packaging makes one for all stacks of the same subnets and groups;
    it can do so only where Steward itself stands."""


class LogsPart(YamlShape):
    group: str


class Weekday(StrEnum):
    MON, TUE, WED, THU, FRI, SAT, SUN = "mon", "tue", "wed", "thu", "fri", "sat", "sun"


class FreezeWindow(YamlShape):
    """A standing time in which nothing starts by itself."""

    days: tuple[Weekday, ...] = tuple(Weekday)
    start: ClockTime = Field(alias="from")
    until: ClockTime
    timezone: str = "UTC"
    reason: str = "freeze window"


class OneFreeze(YamlShape):
    start: Utc = Field(alias="from")
    until: Utc
    reason: str = "planned freeze"


class Limits(YamlShape):
    max_tasks: int = Field(default=4, ge=1, le=100)
    """Ceiling for anything that scales the service."""
    approval_expires: Duration = 4 * 3600
    max_reconsiders: int = Field(default=12, ge=1, le=100)


class Stack(YamlShape):
    stack: Name
    region: Region
    account: AccountId | None = None
    role: str | None = None
    """With which everything is read and what is reversible is done; packaging names the one it makes."""
    data_role: str | None = None
    """With which is deleted, restored and registered (S21). Only beside `role`; without it such steps are denied."""
    external_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@:/-]{8,128}$")] | None = None
    """What the roles' trust asks for (S23): packaging generates one a stack."""
    url: str | None = None
    url_hosts: tuple[str, ...] = ()
    """Hosts that `url` may resolve to besides the stack's own load balancer (S25)."""
    allow_plain_http: bool = False
    """Send credentials over plain http to `url`. Reported wherever it is used (S25)."""
    autonomy: Autonomy = Autonomy.SUGGEST
    """A new stack starts at `suggest`: it earns `auto` by being watched."""
    mlflow: MlflowPart = MlflowPart()
    ecs: EcsPart
    load_balancer: LoadBalancerPart | None = None
    database: DatabasePart | None = None
    artifacts: ArtifactsPart | None = None
    backup: BackupPart = BackupPart()
    logs: LogsPart | None = None
    ldap: LdapPart | None = None
    network: NetworkPart | None = None
    alarms: tuple[str, ...] = ()
    """Glob patterns of alarm names that belong to this stack whatever their dimensions say."""
    topics: tuple[str, ...] = ()
    """SNS topic ARNs whose messages are believed for this stack (S2)."""
    channels: dict[str, tuple[Channel, ...]] = {"default": ("log",)}
    freeze: tuple[FreezeWindow | OneFreeze, ...] = ()
    limits: Limits = Limits()
    owners: tuple[str, ...] = ()

    @field_validator("channels")
    @classmethod
    def _has_default(cls, channels: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if "default" not in channels:
            raise ValueError("channels needs a `default` list, used when no severity has its own")
        return channels

    @model_validator(mode="after")
    def _data_beside_act(self) -> "Stack":
        if self.data_role is not None and self.role is None:
            raise ValueError("dataRole stands beside role: without role nothing is assumed at all")
        return self

    @model_validator(mode="after")
    def _one_is_shared(self) -> "Stack":
        """The rights for both, with those to share, are more than a session policy takes."""
        shared = self.backup.offsite is not None and self.backup.offsite.account is not None
        if shared and self.database is not None and self.database.instance and self.database.cluster:
            raise ValueError(
                "backup.offsite.account shares an instance's or a cluster's: name the one that is backed up"
            )
        return self

    @property
    def version(self) -> str:
        return content_hash(self.model_dump(mode="json"))[:16]

    @property
    def service_ref(self) -> str:
        return f"{self.ecs.cluster}/{self.ecs.service}"
