"""What is no trouble yet: somebody put back what was changed, a quota is nearly used up."""

from typing import TYPE_CHECKING

from chalicelib.errors import InputsRejected
from steward.sandbox import place
from steward.sandbox.account_quotas import SNAPSHOT_LIMIT, VCPU_LIMIT
from steward.sandbox.fault import Fault

if TYPE_CHECKING:
    from steward.sandbox.world import World


def drifted(world: "World", desired: int = 2) -> None:
    """As an apply of infrastructure code would: the desired count is set to what the code says."""
    asked = {"cluster": place.CLUSTER, "service": place.SERVICE, "desiredCount": desired}
    world.trail.note(world.clock.now(), "ecs", "UpdateService", {place.SERVICE: "AWS::ECS::Service"}, asked)
    world.service.desired = desired


def quota_near(world: "World", of: str = "vcpu") -> None:
    """`of`: vcpu (Fargate's, on demand) or snapshots (manual ones of RDS)."""
    if of == "vcpu":
        world.quotas.others_vcpu = VCPU_LIMIT - 2.0
        world.quotas.measure(world.clock.now())
    elif of == "snapshots":
        world.quotas.snapshots = SNAPSHOT_LIMIT - 3
    else:
        raise InputsRejected("fault quota-near", [f"of: {of} is neither vcpu nor snapshots"])


ACCOUNT_FAULTS = (
    Fault("drifted", "Somebody sets the desired count to 2 by hand, whatever it was; everything works.", drifted),
    Fault(
        "quota-near", "Other programs have used up nearly all that the account may have; everything works.", quota_near
    ),
)
