"""stack.verify_changes: whether what this run set for good is still as it set it (S13). Reads only."""

from chalicelib.models.check import Answer
from chalicelib.models.left import Stands
from chalicelib.steps.step import NoParams, Output, Probe, StepContext


class ChangesOutput(Output):
    checked: int = 0
    """Of what says what to write back into infrastructure code; a task more for a while is not for good."""
    as_set: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    """What somebody, or a circuit breaker, has put back or set to something else."""
    unread: tuple[str, ...] = ()


class VerifyChanges(Probe[NoParams, ChangesOutput]):
    """Looks at each value that this run set: a service can be well, and yet not as it was asked to be.

    ```yaml
    - id: stands
      do: stack.verify_changes
    ```
    """

    name = "stack.verify_changes"
    Params = NoParams
    Output = ChangesOutput
    permissions = ()
    """The actions that made the Changes look, each with its own rights to read (S21)."""

    def read(self, ctx: StepContext, params: NoParams) -> ChangesOutput:  # noqa: ARG002 - it has none
        own = ctx.own_changes()
        other = [one for one in own if one.stands in {Stands.REVERTED, Stands.DIFFERS}]
        return ChangesOutput(
            checked=len(own),
            as_set=tuple(one.what for one in own if one.stands is Stands.AS_LEFT),
            otherwise=tuple(f"{one.what}: {one.detail}" for one in other),
            unread=tuple(f"{one.what}: {one.detail}" for one in own if one.stands is Stands.UNKNOWN),
        )


def changes_stand(output: ChangesOutput) -> tuple[Answer, str]:
    if output.otherwise:
        return Answer.FALSE, f"not as this run set it: {'; '.join(output.otherwise)}"
    if output.unread:
        return Answer.UNKNOWN, "; ".join(output.unread)
    if not output.checked:
        return Answer.NOT_APPLICABLE, "this run has set nothing for good"
    return Answer.TRUE, f"as this run set it: {', '.join(output.as_set)}"
