"""elb.target_health: whether every running task is a healthy target."""

from chalicelib.models.shape import Shape
from chalicelib.steps.permissions import READ_SERVICE
from chalicelib.steps.service_state import read_service
from chalicelib.steps.step import NoParams, Output, Probe, StepContext

_SHOWN = 20


class TargetView(Shape):
    id: str
    state: str
    reason: str | None


class TargetOutput(Output):
    applicable: bool
    """False: the stack has no load balancer."""
    desired: int
    running: int
    running_healthy: int
    """Running tasks whose own target is healthy."""
    healthy: int
    unhealthy: int
    initial: int
    draining: int
    targets: tuple[TargetView, ...]


class TargetHealth(Probe[NoParams, TargetOutput]):
    """The load balancer's view of the tasks.

    ```yaml
    - id: targets
      do: elb.target_health
    ```
    """

    name = "elb.target_health"
    Params = NoParams
    Output = TargetOutput
    permissions = READ_SERVICE

    def read(self, ctx: StepContext, params: NoParams) -> TargetOutput:  # noqa: ARG002 - it has none
        state = read_service(ctx)
        targets = state.targets or ()
        states = [target.state for target in targets]
        return TargetOutput(
            applicable=state.targets is not None,
            desired=state.service.desired,
            running=len(state.running),
            running_healthy=len(state.serving) if state.targets is not None else 0,
            healthy=states.count("healthy"),
            unhealthy=states.count("unhealthy"),
            initial=states.count("initial"),
            draining=states.count("draining"),
            targets=tuple(TargetView(id=t.id, state=t.state, reason=t.reason) for t in targets[:_SHOWN]),
        )
