"""What is asked of an account rather than of Steward in it: which deployments there are, and whether all is well."""

from collections.abc import Callable, Mapping
from typing import Any

from steward.sandbox.simulation import Simulation

Json = dict[str, Any]


def discover(sim: Simulation, cluster: str | None = None) -> Json:
    from steward.discovery.look import discover as look

    return look(sim.world.session(), sim.world.region, cluster)


def doctor(sim: Simulation) -> Json:
    from steward.doctor.examine import examine_sandbox

    return examine_sandbox(sim)


ACCOUNT_OPERATIONS: Mapping[str, Callable[..., Json]] = {"discover": discover, "doctor": doctor}
