"""From an older MLflow to 3.17.2 on real databases: what people made there is there afterwards, or as before.

The task of the migration runs the new MLflow as a process; servers of both versions run on the same database.
"""

import contextlib
from collections.abc import Iterator

import pytest

from chalicelib.errors import StepFailed, StepRefused
from chalicelib.flows.approve import answer
from chalicelib.flows.start import Request, start
from chalicelib.models.history import Backup, BackupKind
from chalicelib.models.run import RunStatus, Verdict
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_upgrade_schema import UpgradeSchema
from chalicelib.steps.deep_answers import State
from chalicelib.steps.mlflow_schemas import HEADS
from chalicelib.steps.probes.http_deep_health import DeepHealth
from chalicelib.steps.probes.mlflow_upgrade_preflight import UpgradePreflight
from chalicelib.steps.probes.mlflow_upgrade_state import UpgradeState
from steward.sandbox.simulation import Simulation
from tests.real.lab.child import LabFailure
from tests.real.lab.estate import Estate
from tests.real.lab.images import IMAGE
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.mysql import NEEDS_MYSQL
from tests.real.lab.tools import EARLY, NEWEST, OLD
from tests.real.lab.tracking import Tracking, tracking
from tests.shipped import read_runbooks

pytestmark = pytest.mark.real

MIGRATE = UpgradeSchema()
TARGET = {"version": NEWEST, "image": f"{IMAGE}:{NEWEST}"}
SETTINGS = {"MLFLOW_SERVER_ALLOWED_HOSTS": "127.0.0.1:*"}
"""What the newest MLflow demands of this stack."""
IN_THE_WAY = "jobs"
"""A table of MLflow 3.5: when somebody else has made one of this name, the migration fails in its middle."""


@contextlib.contextmanager
def older(lab: Laboratory, name: str, version: str, on: str = "postgres") -> Iterator[tuple[Tracking, Estate]]:
    with tracking(lab, name, on=on, version=version) as kept, kept.estate() as estate:
        estate.deploy(estate.image, **SETTINGS)
        yield kept, estate


@pytest.fixture(params=[OLD, EARLY], ids=["from 2.x", "from an early 3"])
def before(request: pytest.FixtureRequest, lab: Laboratory) -> Iterator[tuple[Tracking, Estate]]:
    with older(lab, f"from_{request.param.replace('.', '_')}", request.param) as made:
        yield made


def make_things(kept: Tracking) -> dict[str, object]:
    past = kept.past
    shop = past.experiment("shop")
    run, hidden = past.run(shop, 5, "model/MLmodel", tags={"team": "fraud"}), past.run(shop, 9)
    past.tell("runs/delete", run_id=hidden)
    past.tell("runs/log-metric", run_id=run, key="auc", value=0.75, timestamp=1_700_000_000_000, step=3)
    past.register("fraud", shop, run, "model")
    past.tell("registered-models/alias", alias="champion", name="fraud", version="1")
    return things(kept)


def things(kept: Tracking) -> dict[str, object]:
    """What people would miss, as the API tells it."""
    past = kept.past
    (shop,) = [one for one in past.experiments() if one != "0"]
    runs = past.stages(shop)
    told = {run: past.tell(f"runs/get?run_id={run}", "GET")["run"] for run in sorted(runs)}
    champion = past.tell("registered-models/alias?name=fraud&alias=champion", "GET")["model_version"]
    return {
        "stages": runs,
        "runs": {run: (one["info"]["artifact_uri"], one["info"]["end_time"]) for run, one in told.items()},
        "tags": {
            run: [tag for tag in one["data"].get("tags", []) if tag["key"] == "team"] for run, one in told.items()
        },
        "metrics": {
            run: [(got["key"], got["value"], got["step"]) for got in one["data"].get("metrics", [])]
            for run, one in told.items()
        },
        "champion": (champion["version"], champion["run_id"], champion["source"]),
    }


def snapshot_is_good(estate: Estate) -> None:
    """The snapshot itself is Amazon's work; here it is only on record, as that step leaves it."""
    ctx = estate.ctx()
    made = Backup(
        stack=ctx.stack.stack,
        kind=BackupKind.DATABASE,
        id="before-upgrade",
        run_id=ctx.run_id,
        as_of=ctx.now,
        verified_at=ctx.now,
    )
    estate.history.record_backup(made)


def test_a_real_older_store_is_migrated_by_the_new_mlflow_and_nothing_is_missing(
    before: tuple[Tracking, Estate],
) -> None:
    kept, estate = before
    made = make_things(kept)
    kept.stop()

    estate.deploy(estate.image)
    with pytest.raises(StepRefused, match="MLFLOW_SERVER_ALLOWED_HOSTS"):
        estate.plan(MIGRATE, **TARGET)
    estate.deploy(estate.image, **SETTINGS)

    changes = estate.plan(MIGRATE, **TARGET)
    assert [change.operation for change in changes] == ["ecs:RegisterTaskDefinition", "ecs:RunTask"]
    refused = MIGRATE.look(estate.ctx(), changes[1])
    assert "S19" in refused.detail, "nothing is migrated without a snapshot that is proved to be good"
    snapshot_is_good(estate)
    applied = estate.carry_out(MIGRATE, changes)
    assert estate.last_task()[0] == 0
    assert applied[-1].facts["schema_now"] == HEADS[NEWEST]
    assert MIGRATE.look(estate.ctx(), changes[1]).standing.value == "already"

    estate.url = kept.serve(NEWEST).url
    assert things(kept) == made
    assert estate.read(DeepHealth()).state is State.OK
    state = estate.read(UpgradeState())
    assert (state.version_now, state.in_place, state.needs_restore) == (NEWEST, True, False), state.detail


def test_a_real_upgrade_that_fails_half_way_leaves_postgresql_as_it_was_and_the_old_mlflow_serves_it(
    lab: Laboratory,
) -> None:
    """The whole run of the shipped runbook: snapshot, migration, its failure, and the way back."""
    with older(lab, "fails_half_way", OLD) as (kept, estate):
        made = make_things(kept)
        kept.sql(f"CREATE TABLE {IN_THE_WAY} (somebody_elses int)", f"GRANT ALL ON {IN_THE_WAY} TO mlflow")
        service = estate.world.service
        before = [one.definition for one in service.deployments]

        sim = Simulation(estate, read_runbooks())
        start(sim.parts, Request("upgrade-mlflow", estate.stack().stack, "tester", "test", TARGET, key="once"))
        assert sim.run_until(lambda: sim.runs()[-1].status is RunStatus.AWAITING_APPROVAL, limit_s=600)
        assert estate.tasks.ended == {}
        answer(sim.parts, sim.runs()[-1].id, approve=True, by="tester", reason="as planned")
        assert sim.run_until(sim.is_over, limit_s=4 * 3600)

        (run,) = sim.runs()
        code, lines = estate.last_task()
        assert code == 1
        assert any(f'relation "{IN_THE_WAY}" already exists' in line for line in lines), lines[-5:]
        assert run.verdict is Verdict.FAILED, run
        assert [one.definition for one in service.deployments] == before, "the service never left its old revision"
        assert kept.sql("SELECT version_num FROM alembic_version") == HEADS[OLD]
        assert things(kept) == made, "the MLflow that ran all the time serves it still"
        kept.serve(OLD)
        assert things(kept) == made, "and so does one that starts now"


OF_MYSQL_S_KIND = pytest.mark.parametrize("engine", ["mariadb", pytest.param("mysql", marks=NEEDS_MYSQL)])


@OF_MYSQL_S_KIND
def test_a_real_upgrade_that_fails_half_way_on_it_needs_the_database_of_before(lab: Laboratory, engine: str) -> None:
    """Neither can take a table's change back: some migrations are done and stay."""
    with older(lab, f"fails_on_{engine}", EARLY, on=engine) as (kept, estate):
        kept.sql(f"CREATE TABLE {IN_THE_WAY} (somebody_elses int)")
        changes = estate.plan(MIGRATE, **TARGET)
        snapshot_is_good(estate)
        with pytest.raises(StepFailed, match=IN_THE_WAY):
            estate.carry_out(MIGRATE, changes)
        state = estate.read(UpgradeState())
        assert (state.version_now, state.migrated, state.needs_restore) == (None, True, True), state.detail
        assert state.detail.startswith("MLflow answers 500"), "the one that runs has lost its schema"
        assert state.schema_now not in {HEADS[EARLY], HEADS[NEWEST]}
        with pytest.raises(LabFailure, match="ended with 1"):
            kept.serve(EARLY)


@NEEDS_MYSQL
def test_a_mysql_that_lets_nobody_make_a_trigger_is_told_before_anything_is_migrated(lab: Laboratory) -> None:
    """As RDS is by default: a binary log, and nobody is SUPER. The real migration breaks off half-way (1419)."""
    trusts = "SET GLOBAL log_bin_trust_function_creators = {}"
    never = lab.mysql.changed(trusts.format(0), trusts.format(1))
    with older(lab, "no_triggers", EARLY, on="mysql") as (kept, estate), never:
        found = estate.read(UpgradePreflight(), **TARGET)
        assert any("set log_bin_trust_function_creators to 1" in one for one in found.wrong), found.wrong
        kept.stop()
        estate.deploy(f"{IMAGE}:{NEWEST}")
        with pytest.raises(StepFailed):
            estate.carry_out(RunOneOffTask(), estate.plan(RunOneOffTask(), verb="db_upgrade"))
        assert any("1419" in line for line in estate.last_task()[1])
        assert kept.sql("SELECT version_num FROM alembic_version") not in {HEADS[EARLY], HEADS[NEWEST]}


@OF_MYSQL_S_KIND
def test_s12_the_db_upgrade_verb_migrates_it_with_the_image_of_the_service(lab: Laboratory, engine: str) -> None:
    with older(lab, f"verb_on_{engine}", EARLY, on=engine) as (kept, estate):
        made = make_things(kept)
        kept.stop()
        estate.deploy(f"{IMAGE}:{NEWEST}")
        estate.carry_out(RunOneOffTask(), estate.plan(RunOneOffTask(), verb="db_upgrade"))
        assert estate.last_task()[0] == 0
        assert kept.sql("SELECT version_num FROM alembic_version") == HEADS[NEWEST]
        kept.serve(NEWEST)
        assert things(kept) == made
