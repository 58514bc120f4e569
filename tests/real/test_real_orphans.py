"""Orphans on a real MLflow and an S3 endpoint: found, moved out of the way, and back byte for byte (S15).

The stack's clock is 40 days ahead of this machine's, so that what was logged a moment ago is old enough to judge.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.actions.s3_restore_quarantined import RestoreQuarantined
from chalicelib.steps.probes.mlflow_find_orphan_artifacts import FindOrphanArtifacts
from chalicelib.steps.probes.mlflow_verify_gone import VerifyGone
from tests.real.lab.estate import Estate
from tests.real.lab.laboratory import Laboratory
from tests.real.lab.object_store import BUCKET
from tests.real.lab.tracking import Tracking, tracking

pytestmark = pytest.mark.real

AHEAD = timedelta(days=40)
LEFT = {
    "model/MLmodel": b"artifact_path: model\n",
    "a b+c%20d/\u00fcber \u6a21\u578b.bin": bytes(range(256)) * 40,
    "empty": b"",
}
"""What an earlier gc left behind: names and bytes of every kind."""
GONE_RUN, GONE_MODEL, GONE_TRACE = "0" * 31 + "1", "m-" + "0" * 31 + "2", "tr-" + "0" * 31 + "3"


@pytest.fixture(scope="module")
def kept(lab: Laboratory) -> Iterator[Tracking]:
    with tracking(lab, "orphans") as made:
        yield made


@pytest.fixture
def estate(kept: Tracking) -> Iterator[Estate]:
    with kept.estate(AHEAD) as made:
        yield made


def leave(kept: Tracking, folder: str) -> str:
    prefix = f"{kept.name}/{folder}/"
    for name, body in LEFT.items():
        kept.objects.client().put_object(Bucket=BUCKET, Key=f"{prefix}artifacts/{name}", Body=body)
    return prefix


def test_s15_what_nobody_owns_goes_into_quarantine_and_comes_back_byte_for_byte(kept: Tracking, estate: Estate) -> None:
    past = kept.past
    shop = past.experiment("shop")
    live, hidden = past.run(shop, 60, "model/MLmodel"), past.run(shop, 60, "deleted, not collected.txt")
    past.tell("runs/delete", run_id=hidden)
    model = past.logged_model(shop)
    owned = estate.hashes()
    assert any(f"/{model}/" in key for key in owned)
    left = {
        leave(kept, f"{shop}/{GONE_RUN}"),
        leave(kept, f"{shop}/models/{GONE_MODEL}"),
        leave(kept, f"{shop}/traces/{GONE_TRACE}"),
        leave(kept, f"4711/{GONE_RUN}"),
    }
    before = kept.objects.bodies(f"{kept.name}/")

    found = estate.read(FindOrphanArtifacts(), longest_run_days=30)
    assert set(found.named) == left, found.detail
    assert (found.orphans, found.objects, found.folders, found.missing) == (4, 4 * len(LEFT), 7, 0)

    (change,) = changes = estate.plan(QuarantineArtifacts(), longest_run_days=30, grace_days=30)
    assert "S15" in (change.loses or ""), "more than 10% of all that is there needs a yes to that number"
    estate.carry_out(QuarantineArtifacts(), changes)
    assert estate.hashes() == owned
    proof = estate.read(VerifyGone())
    assert (proof.asked, proof.gone, proof.not_moved) == (4, 4, 0), proof.detail
    assert past.stages(shop) == {live: "active", hidden: "deleted"}

    name = change.parameters["quarantine"]
    estate.carry_out(RestoreQuarantined(), estate.plan(RestoreQuarantined(), quarantine=name))
    assert kept.objects.bodies(f"{kept.name}/") == before


def test_s15_nothing_younger_than_the_longest_run_is_an_orphan(kept: Tracking, estate: Estate) -> None:
    leave(kept, f"4712/{GONE_RUN}")
    found = estate.read(FindOrphanArtifacts(), longest_run_days=41)
    assert found.orphans == 0, found.named
    assert found.too_young >= 1
    assert estate.plan(QuarantineArtifacts(), longest_run_days=41) == ()


def test_a_run_whose_artifacts_are_gone_is_named(kept: Tracking, estate: Estate) -> None:
    past = kept.past
    other = past.experiment("robbed")
    run = past.run(other, 60, "model/MLmodel")
    past.register("robbed", other, run, "model")
    kept.objects.client().delete_object(Bucket=BUCKET, Key=f"{kept.name}/{other}/{run}/artifacts/model/MLmodel")
    assert run in estate.read(FindOrphanArtifacts(), longest_run_days=30).missing_named
