"""What probes need beyond AWS and HTTP. Without any of it they say that they could not look (S3)."""

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.models.stack import Stack
from chalicelib.net.database_login import DatabaseLogin, NoDatabases
from chalicelib.net.directory_login import DirectoryLogin, NoDirectories
from chalicelib.steps.side_by_side import SideBySide, in_threads
from chalicelib.store.blobs import Blobs, NoBlobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.diagnosis.diagnose import Diagnoser
    from chalicelib.net.http import HttpPort
    from chalicelib.net.reach import Carry
    from chalicelib.steps.many_hands import ManyHands


@dataclass(frozen=True)
class Senses:
    databases: DatabaseLogin = field(default_factory=NoDatabases)
    directories: DirectoryLogin = field(default_factory=NoDirectories)
    in_network: bool = False
    carry_into: "Callable[[Stack], Carry] | None" = None
    """How a question gets into the network of a stack with `network:`. None: nothing is asked in there."""
    carry: "Carry | None" = None
    """Set by `of`."""
    fingerprint_key: bytes = field(default=b"", repr=False)
    read_fingerprint_key: "Callable[[], bytes] | None" = field(default=None, repr=False)
    """Where the key lies in a secret of Steward's own: asked when the first step needs it."""
    diagnoser: "Diagnoser | None" = None
    side_by_side: SideBySide = in_threads
    evidence: Blobs = field(default_factory=NoBlobs)
    """Where steps and long plans leave what is too large for a record."""
    many_hands: "ManyHands | None" = None
    """For copies that are too long for one worker; None: they are made in slices, one after the other."""
    copies_at_once: int = 32
    """Of objects from bucket to bucket; 0: one after the other, without a thread."""
    monotonic: "Callable[[], float]" = time.monotonic
    budget_s: float = 200.0
    """How long one call of an action may work before it answers Pending."""

    def of(self, stack: Stack) -> "Senses":
        """What can be sensed of this stack: with `network:` its insides, through `reach`."""
        key = self.read_fingerprint_key() if self.read_fingerprint_key else self.fingerprint_key
        if self.carry_into is None or stack.network is None:
            return replace(self, fingerprint_key=key)
        from chalicelib.net.reach import ReachDatabases, ReachDirectories

        carry = self.carry_into(stack)
        return replace(
            self,
            fingerprint_key=key,
            databases=ReachDatabases(carry),
            directories=ReachDirectories(carry),
            in_network=True,
            carry=carry,
        )

    def asking(self, direct: "HttpPort") -> "HttpPort":
        """Urls of the stack: where they lead into its network, they are asked from there."""
        if self.carry is None:
            return direct
        from chalicelib.net.reach import ReachHttp

        return ReachHttp(self.carry, direct)
