"""StepIndex: what the linter, the schema and the docs may know about the steps, as plain data.

The catalogue lies below the steps and may not import them; wiring hands it this.
"""

from typing import Any, Literal

from pydantic import Field

from chalicelib.models.shape import Shape
from chalicelib.models.words import Risk


class Permission(Shape):
    """One right a step needs. `resource` is a template over the stack, or `*` with its reason."""

    action: str
    resource: str
    why: str
    condition: dict[str, dict[str, str]] = Field(default_factory=dict)
    phase: Literal["plan", "apply"] | None = None
    """An action's right that only planning needs, or only what is done later; None: both."""
    only_with: str | None = None
    """What the stack must have for this right to mean anything, by the name that templates have for it."""


class StepEntry(Shape):
    name: str
    kind: str
    """probe, action or control."""
    summary: str
    params: dict[str, Any]
    """JSON Schema of `with`."""
    output: dict[str, Any]
    """JSON Schema of what later steps may reference."""
    risk: Risk = Risk.NONE
    reversible: bool = False
    permissions: tuple[Permission, ...] = ()


class CheckEntry(Shape):
    name: str
    probe: str
    summary: str


class StepIndex(Shape):
    steps: dict[str, StepEntry]
    checks: dict[str, CheckEntry]
