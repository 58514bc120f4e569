"""An upgrade whose new server does not come up, or serves nobody: the service goes back, and the old one answers.

Every task of the service is a real MLflow on a real database, and Steward asks them through a load balancer.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.flows.approve import answer
from chalicelib.flows.start import Request, start
from chalicelib.models.run import Run, RunStatus, StepStatus, Verdict
from chalicelib.steps.deep_answers import State
from chalicelib.steps.mlflow_schemas import HEADS
from chalicelib.steps.probes.http_deep_health import DeepHealth
from steward.sandbox.simulation import Simulation
from tests.real.lab.child import LabFailure
from tests.real.lab.estate import Estate
from tests.real.lab.images import HOSTS, NO_DRIVER, NO_UVICORN, OTHER_HOSTS
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.mlflow_server import MlflowAt
from tests.real.lab.past import Past
from tests.real.lab.real_service import RealService
from tests.real.lab.tools import EARLY, NEWEST
from tests.real.lab.tracking import Tracking, tracking
from tests.shipped import read_runbooks

pytestmark = pytest.mark.real

UPGRADE = "upgrade-mlflow"
SETTINGS = {"MLFLOW_SERVER_ALLOWED_HOSTS": "127.0.0.1:*"}


@dataclass
class Running:
    kept: Tracking
    estate: Estate
    service: RealService
    sim: Simulation

    @property
    def revision(self) -> str:
        """That the service is to run."""
        return self.estate.world.service.primary.definition

    def upgrade(self, **inputs: str) -> Run:
        """With a yes to the plan, and to whatever is asked after it a no."""
        request = Request(UPGRADE, self.estate.stack().stack, "tester", "test", dict(inputs), key="once")
        start(self.sim.parts, request)
        for yes in (True, False):
            self.sim.run_until(lambda: self._asks() or self.sim.is_over(), limit_s=4 * 3600)
            if self._asks():
                answer(self.sim.parts, self.sim.runs()[-1].id, approve=yes, by="tester", reason="as planned")
                self.sim.pass_time(30)
        assert self.sim.run_until(self.sim.is_over, limit_s=4 * 3600)
        return self.sim.runs()[-1]

    def _asks(self) -> bool:
        return self.sim.runs()[-1].status is RunStatus.AWAITING_APPROVAL

    def steps(self, run: Run) -> dict[str, StepStatus]:
        return {record.id: record.status for record in self.sim.parts.engine.runs.steps(run.id)}

    def told_at_the_end(self) -> str:
        told = [summary for summary in self.sim.channel.sent if summary.occasion == "end"]
        return "\n".join(f"{one.text}: {one.detail}" for section in told[-1].sections for one in section.lines)

    def ask(self) -> Past:
        """Through the load balancer, as people do."""
        return Past(MlflowAt(self.service.balancer.port))


@contextlib.contextmanager
def running(lab: Laboratory, name: str, version: str, *options: str, **settings: str) -> Iterator[Running]:
    with tracking(lab, name, version=version) as kept:
        kept.past.register("fraud", shop := kept.past.experiment("shop"), kept.past.run(shop, 5, "model"), "model")
        kept.stop()
        with kept.estate() as estate:
            estate.deploy(estate.image, *options, **settings)
            service = RealService(estate.world, estate.secrets, estate.objects.env(), estate.home).take_over()
            try:
                estate.url = f"http://127.0.0.1:{service.balancer.port}"
                yield Running(kept, estate, service, Simulation(estate, {UPGRADE: read_runbooks()[UPGRADE]}))
            finally:
                service.close()


def what_is_there(past: Past) -> dict[str, Any]:
    """What people would miss, as it is told through the load balancer."""
    fraud = past.tell("registered-models/get?name=fraud", "GET")["registered_model"]["latest_versions"]
    return {"experiments": past.experiments(), "runs": past.stages("1"), "versions": fraud}


def test_a_new_image_without_the_driver_ends_at_once_and_the_old_server_answers_again(lab: Laboratory) -> None:
    with running(lab, "no_driver", NEWEST, **SETTINGS) as it:
        before, revision = what_is_there(it.ask()), it.revision
        run = it.upgrade(version=NEWEST, image=f"{NO_DRIVER}:{NEWEST}")

        assert [(image, code) for image, code, _ in it.service.ended] == [(f"{NO_DRIVER}:{NEWEST}", 1)] * 3
        assert any("No module named 'psycopg2'" in line for line in it.service.ended[0][2])
        steps = it.steps(run)
        assert (steps["roll"], steps["back"], steps["restore"]) == ("failed", "done", "skipped")
        assert it.revision == revision
        assert what_is_there(it.ask()) == before
        assert it.estate.read(DeepHealth()).state is State.OK
        assert run.verdict is Verdict.FAILED, "the upgrade is not in place, and that is what was asked for"
        told = it.told_at_the_end()
        assert f"MLflow {NEWEST} answers and finds its database; the service runs {short(revision)} as before" in told
        assert "deep_health: true" in told


def test_a_new_server_that_is_up_and_refuses_every_host_is_seen_and_taken_back(lab: Laboratory) -> None:
    """Its `/health` is well, so for ECS the rollout is complete; which hosts an image names, nobody sees before."""
    with running(lab, "other_hosts", NEWEST, "--allowed-hosts", f'"${HOSTS}"') as it:
        before, revision = what_is_there(it.ask()), it.revision
        run = it.upgrade(version=NEWEST, image=f"{OTHER_HOSTS}:{NEWEST}")

        assert it.service.ended == [], "no process ended by itself"
        steps = it.steps(run)
        assert (steps["roll"], steps["serves"], steps["back"], steps["restore"]) == (
            "done",
            "failed",
            "done",
            "skipped",
        )
        assert it.revision == revision
        assert what_is_there(it.ask()) == before
        told = it.told_at_the_end()
        assert "host_refused" in told
        assert f"the service runs {short(revision)} as before" in told
        assert "else the next apply undoes it" not in told


def test_s10_over_a_migration_the_old_server_goes_on_and_the_database_comes_back_on_a_second_yes_only(
    lab: Laboratory,
) -> None:
    with running(lab, "no_uvicorn", EARLY, **SETTINGS) as it:
        before, (serving,) = what_is_there(it.ask()), it.service.pids()
        run = it.upgrade(version=NEWEST, image=f"{NO_UVICORN}:{NEWEST}")

        # This MLflow ends with 0 when the server that it starts does not come up.
        assert [code for _, code, _ in it.service.ended] == [0] * 3
        steps = it.steps(run)
        assert (steps["migrate"], steps["roll"], steps["back"]) == ("done", "failed", "unchanged")
        assert (steps["restore"], steps["former"], steps["swap"]) == ("done", "planned", "waiting")
        assert (run.status, run.outcome) == (RunStatus.STOPPED, "rejected by tester: as planned")

        assert it.kept.sql("SELECT version_num FROM alembic_version") == HEADS[NEWEST], "nobody has restored it"
        assert it.service.pids() == [serving], "the server of before, which nobody stopped"
        assert what_is_there(it.ask()) == before
        told = it.told_at_the_end()
        assert f"that of MLflow {NEWEST}: tasks of {EARLY} that run go on, and none that starts comes up" in told
        with pytest.raises(LabFailure, match="ended with 1"):
            it.kept.serve(EARLY)


def short(revision: str) -> str:
    return revision.rpartition("/")[2]
