"""What a probe and an action are: they declare themselves, and the core does the rest.

A probe reads and returns its Output. An action plans Changes (reading only), says how the world
stands to one Change (`look`), and applies one. Limits, guards, retries, leases and time-outs are
never in a step: they are in engine/.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import Field

from chalicelib.backup.spans import READ_SIZES, ReadSizes
from chalicelib.models.change import Change, ChangeProgress, HowFar
from chalicelib.models.left import LeftChange
from chalicelib.models.shape import Shape, YamlShape
from chalicelib.models.stack import Stack
from chalicelib.models.step_index import Permission
from chalicelib.models.words import Risk
from chalicelib.net.database_login import DatabaseLogin, NoDatabases
from chalicelib.net.directory_login import DirectoryLogin, NoDirectories
from chalicelib.steps.side_by_side import SideBySide, in_threads
from chalicelib.store.blobs import Blobs, NoBlobs
from chalicelib.store.history import History

if TYPE_CHECKING:  # the gateways are built by wiring; steps only call them
    from collections.abc import Callable

    from chalicelib.aws.gateways import Aws
    from chalicelib.diagnosis.diagnose import Diagnoser
    from chalicelib.net.http import HttpPort
    from chalicelib.steps.many_hands import ManyHands


class Params(YamlShape):
    """What a runbook writes under `with:`; camelCase there, unknown keys refused."""


class Output(Shape):
    """What later steps may reference as `steps.ID.field`."""


class NoParams(Params):
    pass


@dataclass(frozen=True)
class StepContext:
    """Everything a step may know. Steps get the time and the run's facts; they ask nobody else."""

    stack: Stack
    run_id: str
    step_id: str
    now: datetime
    aws: "Aws"
    http: "HttpPort"
    alarms: tuple[str, ...] = ()
    """Alarms that fire in the incident of this run; empty for runs started by hand."""
    since: datetime | None = None
    """When the trouble began."""
    databases: DatabaseLogin = field(default_factory=NoDatabases)
    directories: DirectoryLogin = field(default_factory=NoDirectories)
    in_network: bool = False
    """Whether this worker stands in the stack's network. Only there is "no connection" a fact of the stack (S3)."""
    fingerprint_key: bytes = field(default=b"", repr=False)
    """Steward's own secret, with which values that nobody may see are told apart (S29)."""
    diagnoser: "Diagnoser | None" = None
    """What Steward knows of sick MLflows; None where no signatures are packaged."""
    side_by_side: SideBySide = in_threads
    history: History = field(default_factory=lambda: History(None))
    """What is known of this stack beyond one run: what Steward made (S16), backups, drills (S18)."""
    evidence: Blobs = field(default_factory=NoBlobs)
    """For what is too large for a record: manifests of quarantines, logs, long lists."""
    many_hands: "ManyHands | None" = None
    """For copies that are too long for one worker; None: they are made in slices, one after the other."""
    copies_at_once: int = 32
    """Of objects from bucket to bucket; 0: one after the other, without a thread."""
    read_sizes: ReadSizes = READ_SIZES
    """Of copies that are read back: what is read in full, and in what stretches the rest."""
    monotonic: "Callable[[], float]" = time.monotonic
    budget_s: float = 200.0
    """How long one call of `apply` may work before it answers Pending: well within one Advance (300 s)."""
    cancelled: "Callable[[], bool]" = lambda: False
    """Whether somebody cancelled the run or stopped the stack meanwhile (S8): for what takes long within a call."""
    tell: "Callable[[HowFar, str], None]" = lambda _how_far, _detail: None
    """How far it is, within a call that takes long; told as often as one likes, written now and then."""
    neighbours: tuple[Stack, ...] = ()
    """The other stacks under care: whose artifacts may lie beside this one's."""
    open_incidents: "Callable[[], tuple[str, ...]]" = tuple
    """Titles of the stack's open incidents other than this run's own; nothing is pruned during one (S18)."""
    made: "Callable[[], tuple[tuple[Change, ChangeProgress], ...]]" = tuple
    """The Changes of this very run so far, for a probe that proves what they were for."""
    undo_of: tuple[Change, ...] = field(default=())
    """For an undo run: the Changes that were really made, in the order they were made."""
    left_changes: "Callable[[], tuple[LeftChange, ...]]" = tuple
    """What Steward last changed for good on this stack, and how it stands now; looked at when asked."""
    own_changes: "Callable[[], tuple[LeftChange, ...]]" = tuple
    """What this very run has set for good so far, and how it stands now."""
    part_sessions: "Mapping[str, Aws]" = field(default_factory=dict)
    """For a probe that asks others: by their names, with no more rights than they need (S21)."""

    def for_part(self, name: str) -> "StepContext":
        """The same, seen with the rights of that part."""
        session = self.part_sessions.get(name)
        return replace(self, aws=session) if session else self


P = TypeVar("P", bound=Params)
O_co = TypeVar("O_co", bound=Output, covariant=True)


class Probe(ABC, Generic[P, O_co]):
    name: ClassVar[str]
    Params: ClassVar[type[Params]] = NoParams
    Output: ClassVar[type[Output]]
    permissions: ClassVar[tuple[Permission, ...]] = ()
    parts: ClassVar[tuple["Probe[Any, Any]", ...]] = ()
    """Probes that this one asks, each with `ctx.for_part(name)`; its `permissions` are theirs, all together."""

    @abstractmethod
    def read(self, ctx: StepContext, params: P) -> O_co: ...


class Standing(StrEnum):
    READY = "ready"
    ALREADY = "already"  # somebody, perhaps an earlier attempt of ours, has done it
    DRIFTED = "drifted"  # the precondition no longer holds: do not act


class Look(Shape):
    standing: Standing
    detail: str
    before: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    """Values that `apply` needs to recognise its own effect after a crash; stored before it acts."""


class Done(Shape):
    detail: str
    facts: dict[str, Any] = Field(default_factory=dict)
    """Fields of the action's Output that are known only now; of several Changes the later ones win."""


class Unchanged(Shape):
    detail: str
    facts: dict[str, Any] = Field(default_factory=dict)


class Pending(Shape):
    """Under way: call again after `check_after_s`. Nothing in Steward ever sleeps inside a step."""

    check_after_s: int
    detail: str
    checkpoint: dict[str, Any] | None = None
    """Handed to the next call as `progress.checkpoint`; None keeps the last one."""
    how_far: HowFar | None = None


Applied = Done | Unchanged | Pending


class ActionOutput(Output):
    changed: int
    unchanged: int
    details: tuple[str, ...] = ()


class Action(ABC, Generic[P]):
    name: ClassVar[str]
    Params: ClassVar[type[Params]] = NoParams
    Output: ClassVar[type[Output]] = ActionOutput
    permissions: ClassVar[tuple[Permission, ...]] = ()
    risk: ClassVar[Risk]
    reversible: ClassVar[bool]
    interruptible: ClassVar[bool] = False
    """Long work that a cancelled run does not finish: `abandon` is called instead of `apply`."""
    goes_on_alone: ClassVar[bool] = False
    """What it started works on with nobody watching: before the step gives up, `abandon` ends it and `goes_on` says
    when it is gone. Only a StepFailed of `apply` means that it has ended by itself."""
    puts_back: ClassVar[bool] = False
    """Only puts back what the run changed: it does not stand aside, and what cannot go back stops no other."""

    @abstractmethod
    def plan(self, ctx: StepContext, params: P) -> tuple[Change, ...]:
        """Reads only. No Changes means: already as wanted. Raises StepRefused where acting would harm."""

    @abstractmethod
    def look(self, ctx: StepContext, change: Change) -> Look:
        """Reads only: does the precondition hold, is it already done?"""

    @abstractmethod
    def apply(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> Applied:
        """Performs one Change, or finds how far it is. Called again after Pending and after a crash,
        so it recognises its own effect (by `progress.before`, by names made from run and step)."""

    def finishes(self, ctx: StepContext, change: Change) -> bool:  # noqa: ARG002  # for those that override it
        """Whether it brings to its end what this run has begun and cannot take back: that does not stand aside."""
        return False

    def breaks_off(self, change: Change) -> bool:  # noqa: ARG002  # for those that override it
        """Whether a cancelled run leaves this Change where it is, instead of finishing it."""
        return self.interruptible

    def abandon(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> str:  # noqa: ARG002  # for those that override it
        """The run is cancelled in the middle of this Change, or its step gives up: tidy up what nobody else
        will, and say what is left. Only where one of the flags above says so; safe to repeat."""
        return f"left half done: {change.sentence}"

    def goes_on(self, ctx: StepContext, change: Change, progress: ChangeProgress) -> bool:  # noqa: ARG002  # as above
        """Whether what was abandoned is still at work. Only for what goes on alone; reads only."""
        return True
