"""Finding: a named cause with confidence, the evidence it rests on, and the remedy it suggests."""

from pydantic import Field

from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc


class Evidence(Shape):
    source: str
    text: str
    at: Utc | None = None
    line: int | None = None


class Finding(Shape):
    cause: str
    confidence: float = Field(ge=0, le=1)
    evidence: tuple[Evidence, ...] = ()
    remedy: str | None = None
