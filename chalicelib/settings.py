"""Settings: what a deployed Steward is told by its environment, read once and all of it checked.

Only wiring hands an environment in; nothing here looks at `os.environ`. A mistake names every
variable that is missing or wrong, so that nobody mends them one deployment at a time.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError

from chalicelib.errors import InputError
from chalicelib.models.ledger import FleetLimits
from chalicelib.models.shape import Shape
from chalicelib.models.stack import AccountId, Region
from chalicelib.models.webhook import WebhookCredential

PREFIX = "STEWARD_"

LEAST_BOTO3 = "1.28.0"
"""Lambda brings boto3, in a version that nobody here pins. Before 1.28 (July 2023) a failed conditional
write could not return the old item (`ReturnValuesOnConditionCheckFailure`), on which every claim rests."""
LEAST_BOTOCORE = "1.31.0"
"""What boto3 1.28.0 came with. Lambda asks this one: importing boto3 for its number would cost a cold start."""


def _read_json(given: object) -> object:
    """The environment has text; whether it names roles and principals is asked when they are first needed."""
    return json.loads(given) if isinstance(given, str) else given


_NOT_EMPTY = StringConstraints(min_length=1, max_length=256, strip_whitespace=True)
Text = Annotated[str, _NOT_EMPTY]
BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
MachineArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:states:[a-z0-9-]+:[0-9]{12}:stateMachine:.+$")]
HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[!-~]+$")]
RolesByName = Annotated[dict[str, tuple[str, ...]], BeforeValidator(_read_json)]
WebhooksByName = Annotated[dict[str, WebhookCredential], BeforeValidator(_read_json)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class SettingsInvalid(InputError):
    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"settings: {'; '.join(problems)}")


class Boto3TooOld(InputError):
    def __init__(self, found: str, least: str) -> None:
        self.found, self.least = found, least
        super().__init__(f"boto3 {found} is too old: Steward needs {least} or later; choose a newer Lambda runtime")


class Settings(Shape):
    stage: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,19}$")]
    table: Text
    archive_bucket: BucketName
    evidence_bucket: BucketName
    machine_arn: MachineArn
    copies_machine_arn: MachineArn | None = None
    """For backups that are too long for one worker; without it they are made in slices."""
    region: Region
    account: AccountId
    log_level: LogLevel = "INFO"
    console_url: HttpsUrl | None = None
    fingerprint_secret: Text | None = None
    """Name of the secret whose text keys the fingerprints of values that nobody may see (S29). Without it
    they are not shown at all, and what differs is said without them."""
    roles: RolesByName = Field(default_factory=dict)
    """Who may do what by the API, as JSON: `{"operator": ["arn:aws:iam::…:role/ops"]}`."""
    webhooks: WebhooksByName = Field(default_factory=dict)
    """Whose webhooks are believed, and for which stacks, as JSON: `{"prometheus": {"source": "alertmanager",
    "secret": "steward/webhooks/prometheus", "stacks": ["fraud-scoring-mlflow"]}}`. Names of secrets, never secrets."""
    max_concurrent: int = Field(default=3, ge=1, le=100)
    brake_stacks: int = Field(default=3, ge=1, le=1000)
    brake_share: float = Field(default=0.3, gt=0, le=1)
    brake_within_s: int = Field(default=600, ge=60, le=86_400)
    max_failed: int = Field(default=3, ge=1, le=100)
    failed_within_s: int = Field(default=6 * 3600, ge=60, le=7 * 86_400)

    # Lambda itself says where it runs; the account it does not say.
    _fallbacks: ClassVar[dict[str, str]] = {"region": "AWS_REGION"}

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Raises SettingsInvalid with every variable that is missing or wrong, by its name in the environment."""
        found: dict[str, str] = {}
        for field in cls.model_fields:
            value = env.get(variable(field)) or env.get(cls._fallbacks.get(field, ""))
            if value:  # an empty variable is a missing one: CloudFormation writes "" for an absent parameter
                found[field] = value
        try:
            return cls.model_validate(found)
        except ValidationError as exc:
            raise SettingsInvalid(
                [_problem(error["loc"], error["type"], error["msg"]) for error in exc.errors()]
            ) from exc

    def fleet_limits(self, stacks: int) -> FleetLimits:
        return FleetLimits(
            max_concurrent=self.max_concurrent,
            brake_stacks=self.brake_stacks,
            brake_share=self.brake_share,
            brake_within_s=self.brake_within_s,
            max_failed=self.max_failed,
            failed_within_s=self.failed_within_s,
            stacks=stacks,
        )


def variable(field: str) -> str:
    """The environment's name of a field: `archive_bucket` is STEWARD_ARCHIVE_BUCKET."""
    return PREFIX + field.upper()


def check_boto3(found: str, least: str = LEAST_BOTO3) -> None:
    """Raises Boto3TooOld. Called by wiring with botocore's version and least before the first client is made."""
    if _numbers(found) < _numbers(least):
        raise Boto3TooOld(found, least)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _problem(where: tuple[int | str, ...], kind: str, message: str) -> str:
    # The value is not repeated: an environment value may be a secret that landed in the wrong place.
    name = variable(str(where[0])) if where else PREFIX
    return f"{name} is missing" if kind == "missing" else f"{name}: {message[:1].lower()}{message[1:]}"
