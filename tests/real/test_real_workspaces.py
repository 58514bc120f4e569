"""A real MLflow with workspaces: orphans, retention and gc over all of them, each run in its own (S15).

The stack's clock is 40 days ahead of this machine's, so that what was logged a moment ago is old enough to judge.
"""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.models.check import Answer
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.probes.mlflow_find_orphan_artifacts import FindOrphanArtifacts
from chalicelib.steps.probes.mlflow_verify_gone import VerifyGone, judge_gone
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable
from tests.real.lab.estate import Estate, undone
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.object_store import BUCKET
from tests.real.lab.past import Past
from tests.real.lab.tracking import Tracking, tracking

pytestmark = pytest.mark.real

TEAMS = ("default", "team-b")
GONE_RUN = "0" * 31 + "1"


@pytest.fixture(scope="module")
def kept(lab: Laboratory) -> Iterator[Tracking]:
    with tracking(lab, "teams", workspaces=True) as made:
        answer = made.server.ask("POST", "/api/3.0/mlflow/workspaces", body=json.dumps({"name": "team-b"}))
        assert answer.status in {200, 201}, answer
        yield made


@pytest.fixture
def estate(kept: Tracking) -> Iterator[Estate]:
    with kept.estate(timedelta(days=40)) as made:
        yield made


def proof(estate: Estate) -> tuple[Answer, str]:
    return judge_gone(estate.read(VerifyGone()))


def test_s15_all_workspaces_are_searched_and_each_run_is_deleted_in_its_own(kept: Tracking, estate: Estate) -> None:
    pasts = {team: Past(kept.server, workspace=team) for team in TEAMS}
    shops = {team: past.experiment("shop") for team, past in pasts.items()}
    old = {team: past.run(shops[team], 500, "model/MLmodel", "a b+é.bin") for team, past in pasts.items()}
    young = {team: past.run(shops[team], 60, "model/MLmodel") for team, past in pasts.items()}
    model = pasts["team-b"].logged_model(shops["team-b"])
    owned = estate.hashes()
    assert len(owned) == 7

    orphan = f"{kept.name}/workspaces/team-b/{shops['team-b']}/{GONE_RUN}/"
    kept.objects.client().put_object(Bucket=BUCKET, Key=f"{orphan}artifacts/left", Body=b"left")
    found = estate.read(FindOrphanArtifacts(), longest_run_days=30)
    assert found.named == (orphan,)
    assert found.compared == "as many experiments and runs as the database holds"
    assert not found.missing
    moved = estate.plan(QuarantineArtifacts(), longest_run_days=30)
    estate.carry_out(QuarantineArtifacts(), moved)
    assert estate.hashes() == owned
    assert proof(estate)[0] is Answer.TRUE
    estate.next_run()

    hidden = estate.plan(DeleteRuns(), older_than_days=365)
    assert {one.parameters["workspace"]: one.parameters["run_ids"] for one in hidden} == {
        team: [run] for team, run in old.items()
    }
    estate.carry_out(DeleteRuns(), hidden)
    assert proof(estate)[0] is Answer.TRUE
    estate.carry_out(DeleteRuns(), undone(hidden))
    assert [pasts[team].stages(shops[team])[old[team]] for team in TEAMS] == ["active", "active"]
    estate.carry_out(DeleteRuns(), hidden)
    kept.deleted_long_ago(*old.values())
    estate.next_run()

    estate.history = History(MemoryTable())  # one that did not hide them a moment ago
    taken = estate.plan(RunOneOffTask(), older_than_days=90)
    assert len(taken) == 2
    estate.carry_out(RunOneOffTask(), taken)
    answer, said = proof(estate)
    assert answer is Answer.TRUE, said
    assert "2 of 2 runs are gone with all that they had" in said
    left = {key for key in estate.hashes() if not any(run in key for run in old.values())}
    assert left == set(estate.hashes()) == {key for key in owned if not any(run in key for run in old.values())}
    assert [list(pasts[team].stages(shops[team])) for team in TEAMS] == [[young[team]] for team in TEAMS]
    assert any(model in key for key in left)
