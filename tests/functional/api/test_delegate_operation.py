"""`steward runs delegate` on a sandbox: the run goes on asking, and only the one it was handed to says yes."""

import pytest

from chalicelib.errors import Refused
from steward.cli.desk import carry_out, fresh_simulation
from steward.sandbox import place

FAULT = "users-on-task-disk"
WHO = {"principal": "cli/anna", "reason": "I am away"}


def test_a_run_that_asks_is_handed_on_and_answered_by_that_one():
    with fresh_simulation(None, fault=FAULT) as sim:
        sim.world.break_with(FAULT)
        assert sim.run_until(lambda: any(run.approvals for run in sim.runs()), limit_s=1800)
        run = sim.runs()[0].id
        carry_out(sim, "delegate", {"run": run, "to": place.USERS["approver"], **WHO})
        asked = {"run": run, "approve_it": True, "reason": "looked at it"}
        with pytest.raises(Refused, match="only that one says yes"):
            carry_out(sim, "answer", {**asked, "principal": "cli/anna"})
        said = carry_out(sim, "answer", {**asked, "principal": place.USERS["approver"]})
        assert (said["state"], said["answered_by"]) == ("approved", place.USERS["approver"])
