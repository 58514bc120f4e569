"""How a person asks for a run."""

from chalicelib.flows.start import Request, start


def ask(world, **more):
    return start(world.parts, Request(**{"runbook": "mend", "stack": "prod", "principal": "ada", **more}))
