"""Names that become one: two stack files of which one would silently take the other's place in the template."""

from collections.abc import Iterator, Mapping

from chalicelib.models.rights import StackRole
from chalicelib.models.runbook import Runbook
from chalicelib.models.stack import Stack
from steward.packaging.event_patterns import patterns
from steward.packaging.names import logical
from steward.packaging.schedules import planned


def names_taken_twice(stacks: Mapping[str, Stack], runbooks: Mapping[str, Runbook]) -> Iterator[str]:
    """Logical ids have no hyphens, so `mlflow-1` and `mlflow1` are one; names of rules and schedules are two words
    with a hyphen, so `a-b` and `c` are `a` and `b-c`."""
    owners: dict[str, dict[str, None]] = {}
    for name, owner in _names(stacks, runbooks):
        owners.setdefault(name, {})[owner] = None
    told = set()
    for name, found in owners.items():
        who = tuple(found)
        if len(who) > 1 and who not in told:
            told.add(who)
            yield f"{' and '.join(who)} would both be called {name} in the template: rename one of them"


def _names(stacks: Mapping[str, Stack], runbooks: Mapping[str, Runbook]) -> Iterator[tuple[str, str]]:
    """Every name that is made of a stack's, and the file that it is made for."""
    for stack in stacks.values():
        of = f"stacks/{stack.stack}.yml"
        yield logical("stack", stack.stack), of
        yield from ((logical("stack", stack.stack, role.value, "role"), of) for role in StackRole)
        for what, _ in patterns(stack):
            yield logical("rule", stack.stack, what), of
            yield f"rule {stack.stack}-{what}", of
    for runbook, stack, _ in planned(list(stacks.values()), dict(runbooks)):
        of = f"runbooks/{runbook.runbook}.yml on stacks/{stack.stack}.yml"
        yield logical("schedule", runbook.runbook, stack.stack), of
        yield f"schedule {runbook.runbook}-{stack.stack}", of
