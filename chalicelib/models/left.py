"""LeftChange: something that Steward set for good, and how the world stands to it now."""

from enum import StrEnum

from chalicelib.models.shape import Shape
from chalicelib.models.words import Utc


class Stands(StrEnum):
    AS_LEFT = "as_left"
    REVERTED = "reverted"  # it is again as it was before the Change
    DIFFERS = "differs"  # neither as it was nor as Steward left it
    UNKNOWN = "unknown"  # it could not be looked at, which is a fact about Steward (S3)


class LeftChange(Shape):
    run_id: str
    step: str
    at: Utc
    what: str
    """What of the resource it set: `desired count of ECS service churn`."""
    resource: str
    sentence: str
    stands: Stands
    detail: str
    """What was found, in the words of the action that made it."""
