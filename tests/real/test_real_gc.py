"""Retention and gc on a real MLflow: what the plan names goes, with everything it had, and nothing else does.

The command is the verb's own, run by a task of the sandbox as a process with the real `mlflow` (S12, S14).
"""

from collections.abc import Iterator

import pytest

from chalicelib.flows.approve import answer
from chalicelib.flows.start import Request, start
from chalicelib.models.run import RunStatus, Verdict
from chalicelib.net.database_contents import TABLES
from chalicelib.net.database_login import DatabaseRequest
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.probes.mlflow_find_expired_runs import FindExpiredRuns
from chalicelib.steps.probes.mlflow_verify_gone import VerifyGone
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from steward.sandbox.simulation import Simulation
from tests.real.lab.estate import Estate, undone
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.mysql import NEEDS_MYSQL
from tests.real.lab.object_store import BUCKET
from tests.real.lab.tracking import Tracking, tracking
from tests.shipped import read_runbooks

pytestmark = pytest.mark.real

GC, DELETE = RunOneOffTask(), DeleteRuns()
MANY = {"postgres": 1003, "mariadb": 7, "mysql": 7}
"""Objects of one run: once more than a page of a listing."""


@pytest.fixture(scope="module", params=["postgres", "mariadb", pytest.param("mysql", marks=NEEDS_MYSQL)])
def kept(request: pytest.FixtureRequest, lab: Laboratory) -> Iterator[Tracking]:
    """On PostgreSQL with logins, on MariaDB and MySQL without."""
    if request.param == "postgres":
        yield request.getfixturevalue("behind_logins")
        return
    with tracking(lab, f"gc_on_{request.param}", on=request.param) as made:
        yield made


@pytest.fixture
def estate(kept: Tracking) -> Iterator[Estate]:
    with kept.estate() as made:
        yield made


def fill(kept: Tracking, experiment: str, run_id: str, count: int) -> None:
    """As if the run had logged them: through MLflow it would take minutes."""
    s3 = kept.objects.client()
    for number in range(count):
        key = f"{kept.name}/{experiment}/{run_id}/artifacts/step {number // 100}/ö{number}.bin"
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")


def test_s14_retention_soft_deletes_and_gc_takes_the_runs_of_its_plan_and_no_other(
    kept: Tracking, estate: Estate
) -> None:
    past, many = kept.past, MANY[estate.engine]
    shop = past.experiment("shop")
    old, big = past.run(shop, 120, "model/MLmodel", "metrics é.json"), past.run(shop, 200, "one.txt")
    fill(kept, shop, big, many)
    young, tagged = past.run(shop, 3, "new.txt"), past.run(shop, 150, "kept.txt", tags={"keep": "yes"})
    served = past.run(shop, 150, "model/MLmodel")
    past.register("fraud", shop, served, "model")
    spared = {young, tagged, served}

    found = estate.read(FindExpiredRuns(), older_than_days=90, experiment="shop")
    assert (found.runs, found.objects) == (2, 2 + 1 + many)

    changes = estate.plan(DELETE, older_than_days=90, experiment="shop")
    estate.carry_out(DELETE, changes)
    assert {run for run, stage in past.stages(shop).items() if stage == "deleted"} == {old, big}
    estate.carry_out(DELETE, undone(changes))
    assert set(past.stages(shop).values()) == {"active"}
    estate.carry_out(DELETE, changes)

    before = estate.hashes()
    assert estate.plan(GC, older_than_days=90, experiment="shop") == (), "Steward knows that it hid them a moment ago"
    estate.history = History(MemoryTable())  # and one that does not know leaves it to MLflow
    estate.carry_out(GC, estate.plan(GC, older_than_days=90, experiment="shop"))
    code, lines = estate.last_task()
    assert code == 0
    assert {line for line in lines if line.startswith("steward: kept")} == {
        f"steward: kept run {old}",
        f"steward: kept run {big}",
    }, "MLflow must keep what was deleted a moment ago"
    assert estate.hashes() == before

    kept.deleted_long_ago(old, big)
    estate.next_run()
    estate.carry_out(GC, estate.plan(GC, older_than_days=90, experiment="shop"))
    assert set(past.stages(shop)) == spared
    gone = (f"{kept.name}/{shop}/{old}/", f"{kept.name}/{shop}/{big}/")
    assert estate.hashes() == {key: etag for key, etag in before.items() if not key.startswith(gone)}
    proof = estate.read(VerifyGone())
    assert (proof.asked, proof.gone, proof.left_objects) == (2, 2, 0), proof.detail


def test_s14_a_deleted_experiment_goes_only_when_the_plan_names_it(kept: Tracking, estate: Estate) -> None:
    past = kept.past
    over, other = past.experiment("over"), past.experiment("other")
    run, bystander = past.run(over, 150, "a.txt"), past.run(other, 150, "b.txt")
    model = past.logged_model(other)
    past.tell(f"logged-models/{model}", "DELETE")
    kept.model_deleted_long_ago(model)
    for experiment in (over, other):
        past.tell("experiments/delete", experiment_id=experiment)
        kept.experiment_deleted_long_ago(experiment)

    changes = estate.plan(GC, older_than_days=90, experiment="over")
    assert [change.precondition["runs"] for change in changes] == [[run], []]
    assert [change.precondition["experiments"] for change in changes] == [[], [over]]
    estate.carry_out(GC, changes)
    assert over not in past.experiments()
    assert past.experiments()[other] == "deleted"
    assert past.stages(other) == {bystander: "deleted"}
    assert estate.hashes(f"{over}/") == {}
    assert set(estate.hashes(f"{other}/")) == {
        f"{kept.name}/{other}/{bystander}/artifacts/b.txt",
        f"{kept.name}/{other}/models/{model}/artifacts/MLmodel",
    }, "left alone, mlflow gc takes deleted experiments and logged models that nobody named"
    assert kept.sql(f"SELECT count(*) FROM logged_models WHERE model_id = '{model}'") == "1"  # noqa: S608  our own id
    proof = estate.read(VerifyGone())
    assert (proof.gone, proof.left_objects, proof.left_experiments) == (1, 0, 0), proof.detail


def test_the_rows_of_a_lived_in_store_are_counted_for_its_snapshots(kept: Tracking, estate: Estate) -> None:
    newest = kept.past.run(kept.past.experiment("counted"), -0.01)
    request = DatabaseRequest(estate.engine, "127.0.0.1", estate.port, kept.name, *estate.database_login, contents=True)
    contents = estate.databases.look(request).contents
    assert contents is not None
    assert contents.rows.keys() == set(TABLES)
    assert contents.rows["runs"] == int(kept.sql("SELECT count(*) FROM runs"))
    assert contents.newest_run == newest


def test_the_whole_run_waits_for_a_yes_collects_and_proves_it(behind_logins: Tracking) -> None:
    past = behind_logins.past
    nightly = past.experiment("nightly")
    runs = [past.run(nightly, 150, "model/MLmodel") for _ in range(3)]
    for run in runs[:2]:
        past.tell("runs/delete", run_id=run)
    behind_logins.deleted_long_ago(*runs[:2])
    with behind_logins.estate() as estate:
        sim = Simulation(estate, read_runbooks())
        start(sim.parts, Request("gc", estate.stack().stack, "tester", "test", {"experiment": "nightly"}, key="once"))
        assert sim.run_until(lambda: sim.runs()[-1].status is RunStatus.AWAITING_APPROVAL, limit_s=600)
        assert len(past.stages(nightly)) == 3
        answer(sim.parts, sim.runs()[-1].id, approve=True, by="tester", reason="as planned")
        assert sim.run_until(sim.is_over, limit_s=3600)
        (made,) = sim.runs()
        assert made.verdict is Verdict.VERIFIED, made
        assert past.stages(nightly) == {runs[2]: "active"}
        assert list(estate.hashes(f"{nightly}/")) == [
            f"{behind_logins.name}/{nightly}/{runs[2]}/artifacts/model/MLmodel"
        ]
