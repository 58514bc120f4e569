"""Aws: one session, one client a service, made when first used. The only way from a step to AWS.

A further client on one session costs 30 to 40 ms, on a session of its own 90: so there is one.
"""

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.aws.plan_mode import refuse_changes
from chalicelib.aws.when_used import WhenUsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.aws.autoscaling import Autoscaling
    from chalicelib.aws.cloudtrail import Cloudtrail
    from chalicelib.aws.cloudwatch import Cloudwatch
    from chalicelib.aws.ecr import Ecr
    from chalicelib.aws.ecs import Ecs
    from chalicelib.aws.ecs_families import EcsFamilies
    from chalicelib.aws.ecs_one_off import EcsOneOff
    from chalicelib.aws.elb import Elb
    from chalicelib.aws.kms import Kms
    from chalicelib.aws.kms_keys import KmsKeys
    from chalicelib.aws.lambda_invoke import LambdaInvoke
    from chalicelib.aws.log_groups import LogGroups
    from chalicelib.aws.logs import Logs
    from chalicelib.aws.quotas import Quotas
    from chalicelib.aws.rds import Rds
    from chalicelib.aws.rds_restores import RdsRestores
    from chalicelib.aws.rds_snapshots import RdsSnapshots
    from chalicelib.aws.recovery_points import RecoveryPoints
    from chalicelib.aws.s3 import S3
    from chalicelib.aws.s3_lane import S3Lane
    from chalicelib.aws.s3_leftovers import Leftovers
    from chalicelib.aws.s3_vault import Vault
    from chalicelib.aws.secrets import Login, Secrets
    from chalicelib.aws.sfn import Sfn
    from chalicelib.aws.sns import Sns
    from chalicelib.aws.ssm import Ssm
    from chalicelib.aws.sts import Sts


class Session(Protocol):
    """What of `boto3.Session` is used."""

    @property
    def client(self) -> "Callable[..., Any]": ...


class Aws:
    def __init__(self, session: Session, region: str, *, read_only: bool = False, later: bool = False) -> None:
        """`read_only` is plan mode. It is put on the clients, since a session can be shared.
        `later` makes a client at its first call: wiring hands out gateways of which an event needs one or two."""
        self.region, self.read_only, self._session = region, read_only, session
        self._later, self._making = later, threading.Lock()

    def in_region(self, region: str) -> "Aws":
        """The same rights elsewhere: what is copied to another region is made and looked at there."""
        if region == self.region:
            return self
        kept: dict[str, Aws] = self.__dict__.setdefault("_elsewhere", {})
        return kept.setdefault(region, Aws(self._session, region, read_only=self.read_only))

    def _client(self, service: str, config: Any = None, **over: str) -> Any:  # noqa: ANN401 - each gateway says which client it takes
        from botocore.config import Config

        # Long enough for a slow answer, short enough that a lease is never outlived by one call.
        usual = Config(
            region_name=self.region,
            retries={"mode": "standard", "max_attempts": 3},
            connect_timeout=3,
            read_timeout=15,
            user_agent_extra="mlflow-steward",
        )
        config = usual.merge(config) if config is not None else usual

        create = self._session.client

        def make() -> Any:  # noqa: ANN401
            client = create(service, region_name=self.region, config=config, **over)
            if self.read_only:
                refuse_changes(client.meta.events)
            return client

        if self._later:
            return WhenUsed(make, self._making)
        with self._making:  # probes side by side ask for clients at once, and sessions of boto3 are not thread-safe
            return make()

    @cached_property
    def autoscaling(self) -> "Autoscaling":
        from chalicelib.aws.autoscaling import Autoscaling

        return Autoscaling(self._client("application-autoscaling"))

    @cached_property
    def cloudtrail(self) -> "Cloudtrail":
        from chalicelib.aws.cloudtrail import Cloudtrail

        return Cloudtrail(self._client("cloudtrail"))

    @cached_property
    def cloudwatch(self) -> "Cloudwatch":
        from chalicelib.aws.cloudwatch import Cloudwatch

        return Cloudwatch(self._client("cloudwatch"))

    @cached_property
    def ecr(self) -> "Ecr":
        from chalicelib.aws.ecr import Ecr

        return Ecr(self._client("ecr"))

    @cached_property
    def ecs(self) -> "Ecs":
        from chalicelib.aws.ecs import Ecs

        return Ecs(self._client("ecs"))

    @cached_property
    def ecs_families(self) -> "EcsFamilies":
        from chalicelib.aws.ecs_families import EcsFamilies

        return EcsFamilies(*(self._client(service) for service in ("ecs", "events", "scheduler")))

    @cached_property
    def leftovers(self) -> "Leftovers":
        from chalicelib.aws.s3_leftovers import Leftovers

        return Leftovers(self._client("s3"))

    @cached_property
    def log_groups(self) -> "LogGroups":
        from chalicelib.aws.log_groups import LogGroups

        return LogGroups(self._client("logs"))

    @cached_property
    def ecs_one_off(self) -> "EcsOneOff":
        from chalicelib.aws.ecs_one_off import EcsOneOff

        return EcsOneOff(self._client("ecs"))

    @cached_property
    def elb(self) -> "Elb":
        from chalicelib.aws.elb import Elb

        return Elb(self._client("elbv2"))

    @cached_property
    def lambda_invoke(self) -> "LambdaInvoke":
        from botocore.config import Config

        from chalicelib.aws.lambda_invoke import LambdaInvoke

        # Longer than anything that may be asked of it (15 s), start included; tried once.
        once: Any = {"mode": "standard", "total_max_attempts": 1}
        return LambdaInvoke(self._client("lambda", Config(read_timeout=25, retries=once)))

    @cached_property
    def kms(self) -> "Kms":
        from chalicelib.aws.kms import Kms

        return Kms(self._client("kms"))

    @cached_property
    def kms_keys(self) -> "KmsKeys":
        from chalicelib.aws.kms_keys import KmsKeys

        return KmsKeys(self._client("kms"))

    @cached_property
    def logs(self) -> "Logs":
        from chalicelib.aws.logs import Logs

        return Logs(self._client("logs"))

    @cached_property
    def _rds_client(self) -> Any:  # noqa: ANN401 - as _client
        return self._client("rds")

    @cached_property
    def quotas(self) -> "Quotas":
        from chalicelib.aws.quotas import Quotas

        return Quotas(self._client("service-quotas"))

    @cached_property
    def recovery_points(self) -> "RecoveryPoints":
        from chalicelib.aws.recovery_points import RecoveryPoints

        return RecoveryPoints(self._client("backup"))

    @cached_property
    def rds(self) -> "Rds":
        from chalicelib.aws.rds import Rds

        return Rds(self._rds_client)

    @cached_property
    def rds_restores(self) -> "RdsRestores":
        from chalicelib.aws.rds_restores import RdsRestores

        return RdsRestores(self._rds_client)

    @cached_property
    def rds_snapshots(self) -> "RdsSnapshots":
        from chalicelib.aws.rds_snapshots import RdsSnapshots

        return RdsSnapshots(self._rds_client)

    @cached_property
    def s3(self) -> "S3":
        from chalicelib.aws.s3 import S3

        return S3(self._client("s3"))

    def s3_at(self, endpoint: str, keys: "Login | None") -> "S3":
        """Another server that speaks S3, with its own keys. Without keys it is asked anonymously: this
        session's credentials are Amazon's, and their token would go to whoever runs that server."""
        from botocore import UNSIGNED
        from botocore.config import Config

        from chalicelib.aws.s3 import S3

        by_path: Any = {"addressing_style": "path"}  # virtual hosts want a wildcard name that MinIO rarely has
        if keys is None:
            anonymous = Config(signature_version=UNSIGNED, s3=by_path)
            return S3(self._client("s3", anonymous, endpoint_url=endpoint))
        given = {"aws_access_key_id": keys.username, "aws_secret_access_key": keys.password}
        return S3(self._client("s3", Config(s3=by_path), endpoint_url=endpoint, **given))

    @cached_property
    def vault(self) -> "Vault":
        from botocore.config import Config

        from chalicelib.aws.s3_vault import Vault

        # A copy of 5 GB is silent until it is done. What is read is hashed here: a wrong checksum is a finding.
        config = Config(read_timeout=60, response_checksum_validation="when_required")
        return Vault(self._client("s3", config))

    def s3_lane(
        self,
        region: str | None = None,
        *,
        source_region: str | None = None,
        kms_key: str | None = None,
        connections: int = 64,
    ) -> "S3Lane":
        """The fast way to list and copy, signed for one region: the listed bucket's, or the copy's target's.
        `source_region`: where copies come from, if that is another; large ones have to be read there."""
        from chalicelib.aws.s3_lane import S3Lane
        from chalicelib.aws.s3_lane_session import wire_to

        where = region or self.region
        afar = source_region if source_region != where else None
        near = wire_to(self._session, where, connections, read_only=self.read_only)
        far = wire_to(self._session, afar, connections, read_only=self.read_only) if afar else None
        return S3Lane(near, source_wire=far, kms_key=kms_key)

    @cached_property
    def secrets(self) -> "Secrets":
        from chalicelib.aws.secrets import Secrets

        return Secrets(self._client("secretsmanager"))

    @cached_property
    def sfn(self) -> "Sfn":
        from chalicelib.aws.sfn import Sfn

        return Sfn(self._client("stepfunctions"))

    @cached_property
    def sns(self) -> "Sns":
        from chalicelib.aws.sns import Sns

        return Sns(self._client("sns"))

    @cached_property
    def ssm(self) -> "Ssm":
        from chalicelib.aws.ssm import Ssm

        return Ssm(self._client("ssm"))

    @cached_property
    def sts(self) -> "Sts":
        from chalicelib.aws.sts import Sts

        return Sts(self._client("sts"))
