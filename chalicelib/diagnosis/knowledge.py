"""The shapes of what Steward knows: causes with their remedies and vetoes, and the signatures that point to them."""

from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from chalicelib.diagnosis.patterns import problem
from chalicelib.models.shape import YamlShape

CauseName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+\.[a-z0-9_]+$", max_length=60)]
SignatureId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)]
Words = Annotated[str, StringConstraints(min_length=3, max_length=400)]
StepName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+\.[a-z_]+$")]

ALREADY_CHECKED = "compiled"
"""Validation context of knowledge that was checked when it was compiled."""


class Kind(StrEnum):
    ROOT = "root"
    SYMPTOM = "symptom"
    REMNANT = "remnant"

    @property
    def depth(self) -> int:
        return list(Kind).index(self)


class Surface(StrEnum):
    """Where a text was read."""

    LOG = "log"
    STOP = "stop"
    EXIT = "exit"
    HTTP = "http"
    PROBE = "probe"


class Strength(StrEnum):
    PROOF = "proof"
    STRONG = "strong"
    LIKELY = "likely"
    HINT = "hint"

    @property
    def confidence(self) -> float:
        return {"proof": 0.9, "strong": 0.8, "likely": 0.65, "hint": 0.3}[self.value]


class VetoRule(YamlShape):
    veto: SignatureId
    steps: tuple[StepName, ...] = Field(min_length=1)
    why: Words


class Cause(YamlShape):
    cause: CauseName
    kind: Kind
    means: Words
    remedy: Words
    does_not_help: Words
    harms: tuple[SignatureId, ...] = ()
    link: Annotated[str, StringConstraints(pattern=r"^https://")] | None = None


class CausesFile(YamlShape):
    vetoes: tuple[VetoRule, ...]
    causes: tuple[Cause, ...]


class Signature(YamlShape):
    """One way a cause shows itself. Without `cause` it is a fact that other signatures refer to."""

    id: SignatureId
    cause: CauseName | None = None
    surfaces: tuple[Surface, ...] = Field(default=(Surface.LOG, Surface.HTTP), alias="in")
    strength: Strength = Strength.STRONG
    match: tuple[str, ...] = Field(min_length=1)
    unless: tuple[str, ...] = ()  # patterns that void a line
    at_least: int = Field(default=1, ge=1, le=1000)
    near: tuple[SignatureId, ...] = ()  # one of these within `window` lines
    window: int = Field(default=40, ge=1, le=500)
    with_: tuple[SignatureId, ...] = Field(default=(), alias="with")
    without: tuple[SignatureId, ...] = ()
    excludes: tuple[CauseName, ...] = ()
    cures: tuple[CauseName, ...] = ()  # seen later in the log, these were overcome

    @field_validator("match", "unless")
    @classmethod
    def _patterns_are_safe(cls, patterns: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for pattern in () if info.context == ALREADY_CHECKED else patterns:
            if what := problem(pattern):
                raise ValueError(f"{what}, in the pattern {pattern!r}")
        return patterns

    @property
    def refers_to(self) -> tuple[SignatureId, ...]:
        return (*self.near, *self.with_, *self.without)


class SignaturesFile(YamlShape):
    family: SignatureId
    signatures: tuple[Signature, ...]


class Knowledge(YamlShape):
    vetoes: tuple[VetoRule, ...]
    causes: tuple[Cause, ...]
    signatures: tuple[Signature, ...]

    @cached_property
    def cause(self) -> dict[str, Cause]:
        return {each.cause: each for each in self.causes}

    @cached_property
    def veto(self) -> dict[str, VetoRule]:
        return {each.veto: each for each in self.vetoes}
