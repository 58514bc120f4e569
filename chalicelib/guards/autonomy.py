"""How far a run may go by itself: as far as its runbook says, and never further than its stack."""

from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from chalicelib.models.words import Autonomy


def effective_autonomy(runbook: Runbook, stack: Stack, *, by_hand: bool) -> Autonomy:
    """A person who asks lifts a runbook out of `shadow` and `suggest`, up to an approval of its plan.
    Nobody lifts it over its stack, which holds no rights for more (S21)."""
    level = runbook.autonomy
    if by_hand and level.rank < Autonomy.APPROVE.rank:
        level = Autonomy.APPROVE
    return level.capped_by(stack.autonomy)
