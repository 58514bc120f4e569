"""What a webhook's credential is: whose it is, which secret it is, and which stacks it may speak for (S2)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from chalicelib.models.shape import Shape

SecretName = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9_/+=.@:-]+$")]


class Source(StrEnum):
    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    SLACK = "slack"


class WebhookCredential(Shape):
    source: Source
    secret: SecretName
    """Name of the secret whose text is the bearer token, or Slack's signing secret."""
    stacks: tuple[str, ...] = Field(min_length=1, max_length=100)
    """It may speak for these; labels choose only among them."""
    signed_with: SecretName | None = None
    """Name of the secret with which Grafana signs its bodies; then an unsigned one is refused."""
    people: dict[str, str] = Field(default_factory=dict)
    """Slack: `TEAM/USER` to the principal that this person is (S27). Who is not here is nobody."""

    @model_validator(mode="after")
    def _fits_its_source(self) -> "WebhookCredential":
        if self.signed_with and self.source is not Source.GRAFANA:
            raise ValueError(f"signed_with is Grafana's; {self.source.value} does not sign with a second secret")
        if self.people and self.source is not Source.SLACK:
            raise ValueError(f"people are Slack's; {self.source.value} names none")
        return self


@dataclass(frozen=True)
class SecretPair:
    """A secret as it stands: what counts now, and what counted before."""

    current: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    rotated_at: datetime | None = None
    """When the current one was made. Unknown: the previous one counts no longer."""
