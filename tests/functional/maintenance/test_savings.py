"""What gc and the search for orphans say that they save: with versions a deletion frees nothing by itself."""

from datetime import timedelta

import boto3
import pytest

from chalicelib.aws.s3_vault import LifecycleRule
from chalicelib.models.change import ChangeState
from chalicelib.models.check import Answer
from chalicelib.steps.actions.ecs_run_one_off_task import RunOneOffTask
from chalicelib.steps.actions.mlflow_delete_runs import DeleteRuns
from chalicelib.steps.actions.s3_delete_quarantined import DeleteQuarantined
from chalicelib.steps.actions.s3_quarantine_artifacts import QuarantineArtifacts
from chalicelib.steps.artifact_places import Place
from chalicelib.steps.probes.mlflow_find_expired_runs import FindExpiredRuns
from chalicelib.steps.probes.mlflow_find_orphan_artifacts import FindOrphanArtifacts
from chalicelib.steps.probes.mlflow_verify_gone import VerifyGone, judge_gone
from chalicelib.steps.savings import Afterlife, noncurrent_days
from steward.sandbox import place

GC, QUARANTINE, DELETE = RunOneOffTask(), QuarantineArtifacts(), DeleteQuarantined()
OLD = {"deleted": True, "olderThanDays": 90}


def rule(prefix="", days=14, **over):
    ends = {"NoncurrentDays": days, **over}
    return {"ID": f"r-{prefix}", "Status": "Enabled", "Filter": {"Prefix": prefix}, "NoncurrentVersionExpiration": ends}


@pytest.fixture
def bucket(bench):
    """How the artifact bucket treats what is deleted."""

    class Bucket:
        def has_rules(self, *rules):
            bench.world.artifacts.keys()
            self._s3().put_bucket_lifecycle_configuration(Bucket=place.BUCKET, LifecycleConfiguration={"Rules": rules})

        def keeps_no_versions(self):
            from moto.s3.models import s3_backends

            bench.world.artifacts.keys()
            s3_backends[place.ACCOUNT]["aws"].buckets[place.BUCKET].versioning_status = None

        def _s3(self):
            return boto3.client("s3", region_name=place.REGION)

    return Bucket()


def large(bench, number, size=3 * 1024**2):
    old = bench.world.clock.now() - timedelta(days=400)
    bench.world.artifacts.put(f"{place.PREFIX}/1/{number}/artifacts/large.bin", b"x" * size, old)


def test_without_a_rule_a_bucket_with_versions_saves_nothing_and_the_rule_to_paste_is_a_finding(bench):
    bench.world.break_with("deleted-runs")
    found = bench.read(FindExpiredRuns(), **OLD)
    assert found.saving.unlisted_bytes == found.bytes > 0
    assert (found.saving.freed_bytes, found.saving.freed_after_days) == (0, None)
    assert "nothing is saved" in found.detail
    (finding,) = found.findings
    assert finding.cause == "noncurrent_versions"
    assert f'"Filter":{{"Prefix":"{place.PREFIX}/"}}' in finding.remedy
    (change,) = bench.plan(GC)
    assert f"nothing is saved: {place.BUCKET} keeps versions and no rule ends them" in change.sentence


def test_with_a_rule_it_saves_after_its_days_and_without_versions_at_once(bench, bucket):
    bench.world.break_with("deleted-runs")
    bucket.has_rules(rule(f"{place.PREFIX}/"))
    found = bench.read(FindExpiredRuns(), **OLD)
    assert (found.saving.freed_bytes, found.saving.freed_after_days, found.findings) == (found.bytes, 14, ())
    assert "stop costing after 14 days" in bench.plan(GC)[0].sentence
    bucket.keeps_no_versions()
    found = bench.read(FindExpiredRuns(), **OLD)
    assert (found.saving.freed_bytes, found.saving.freed_after_days, found.findings) == (found.bytes, 0, ())
    assert "stop costing at once" in bench.plan(GC)[0].sentence


def test_s3_where_the_rules_cannot_be_read_nobody_says_when(bench):
    bench.world.break_with("deleted-runs")
    ctx = bench.ctx()
    before = ctx.aws.s3.versioning

    class Blind(type(ctx.aws.s3)):
        def versioning(self, bucket):
            from chalicelib.errors import AwsDenied

            raise AwsDenied("s3:GetBucketVersioning", "AccessDenied", before(bucket))

    ctx.aws.__dict__["s3"] = Blind(ctx.aws.s3._client)
    found = FindExpiredRuns().read(ctx, FindExpiredRuns.Params.model_validate(OLD))
    assert (found.saving.freed_bytes, found.saving.freed_after_days, found.findings) == (0, None, ())
    assert "is not known, not reachable from here: s3:GetBucketVersioning answers AccessDenied" in found.detail


def test_after_gc_the_proof_says_what_it_saved(bench, bucket):
    bench.world.break_with("deleted-runs")
    bucket.has_rules(rule())
    planned = bench.read(FindExpiredRuns(), **OLD).bytes
    bench.carry_out(GC, bench.plan(GC))
    found = bench.read(VerifyGone())
    assert 0 < found.saving.freed_bytes < planned  # MLflow kept one of them
    assert found.saving.freed_after_days == 14
    assert "stop costing after 14 days" in judge_gone(found)[1]


def test_soft_deletion_saves_nothing(bench):
    bench.world.break_with("old-runs")
    found = bench.read(FindExpiredRuns(), olderThanDays=365)
    assert found.saving.freed_bytes == 0
    assert "saves nothing before gc" in found.detail
    changes = bench.plan(DeleteRuns(), olderThanDays=365)
    assert "which alone frees their space" in changes[0].sentence
    bench.carry_out(DeleteRuns(), changes)
    assert "nothing is saved before gc collects them" in bench.read(VerifyGone()).detail


def test_orphans_cost_as_much_in_quarantine_and_twice_where_versions_stay(bench, bucket, number):
    bench.world.break_with("orphaned-artifacts")
    assert "so once moved they cost twice, and no rule ends that" in bench.plan(QUARANTINE)[0].sentence
    assert bench.read(FindOrphanArtifacts()).findings
    bucket.has_rules(rule(f"{place.PREFIX}/", 5))
    assert "cost twice for 5 days" in bench.plan(QUARANTINE)[0].sentence
    found = bench.read(FindOrphanArtifacts())
    assert found.findings[0].where == f"s3://{place.BUCKET}/.steward/quarantine/"  # no rule holds for it
    assert '"Filter":{"Prefix":".steward/"}' in found.findings[0].remedy
    bucket.has_rules(rule(f"{place.PREFIX}/", 5), rule(".steward/", 9))
    found = bench.read(FindOrphanArtifacts())
    assert (found.saving.freed_bytes, found.saving.freed_after_days) == (found.bytes, 9)
    bucket.keeps_no_versions()
    assert "moved they cost what they cost before" in bench.plan(QUARANTINE)[0].sentence


def test_what_is_deleted_from_quarantine_is_told_by_plan_output_and_proof(bench, bucket, number):
    bench.world.break_with("orphaned-artifacts")
    large(bench, number(200))
    bucket.has_rules(rule(".steward/", 9))
    bench.carry_out(QUARANTINE, bench.plan(QUARANTINE))
    assert bench.read(VerifyGone()).saving.unlisted_bytes == 0
    bench.made.clear()
    now = bench.world.clock.now() + timedelta(days=31)
    changes = DELETE.plan(bench.ctx(now=now), DELETE.Params())
    assert "3.0 MiB ($0.00 a month) stop costing after 9 days" in changes[0].sentence
    (detail,) = bench.carry_out(DELETE, changes, now=now)
    assert "stop costing after 9 days" in detail
    saving = bench.made[-1][1].facts["saving"]
    assert saving["freed_bytes"] == changes[0].parameters["bytes"] > 3 * 1024**2
    found = bench.read(VerifyGone())
    assert found.saving.model_dump(mode="json") == saving
    assert judge_gone(found)[0] is Answer.TRUE


def test_of_two_quarantines_the_output_says_what_both_saved(bench, number):
    bench.world.break_with("orphaned-artifacts")
    for folder in (200, 210):
        large(bench, number(folder), 1024)
        bench.carry_out(QUARANTINE, bench.plan(QUARANTINE))
    bench.made.clear()
    now = bench.world.clock.now() + timedelta(days=40)
    before = len(bench.world.calls)
    changes = DELETE.plan(bench.ctx(now=now), DELETE.Params())
    assert len(changes) == 2
    asked = [call.operation for call in bench.world.calls[before:]]
    assert asked.count("GetBucketVersioning") == 1, "they lie in one bucket"
    bench.carry_out(DELETE, changes, now=now)
    facts = [progress.facts for _, progress in bench.made if progress.state is ChangeState.DONE]
    assert facts[-1]["saving"]["unlisted_bytes"] == sum(change.parameters["bytes"] for change in changes)
    assert facts[-1]["saving"]["freed_bytes"] == 0


@pytest.mark.parametrize(
    ("over", "days"),
    [({}, 14), ({"prefix": "m/1/"}, None), ({"prefix": "other/"}, None), ({"whole": False}, None),
     ({"noncurrent_days": None}, None), ({"noncurrent_kept": 1}, None)],
)  # fmt: skip
def test_only_a_rule_that_ends_the_last_version_of_everything_there_ends_what_is_deleted(over, days):
    given = {"id": "r", "prefix": "m", "whole": True, "expires_current": False, "noncurrent_days": 14}
    assert noncurrent_days([LifecycleRule(**{**given, "aborts_uploads": True, **over})], "m/") == days


def test_the_shortest_of_several_rules_counts():
    rules = [LifecycleRule("r", "", True, False, days, True) for days in (90, 7)]
    assert noncurrent_days(rules, "m/") == 7


def test_dollars_a_month_follow_what_is_freed():
    here, size = Place("b", "m/"), 100 * 1024**3
    assert Afterlife(here, "m/", 30).saving(size).dollars_per_month == 2.3
    never = Afterlife(here, "m/", None).saving(size)
    assert (never.dollars_per_month, never.unlisted_bytes) == (0.0, size)
    assert "($2.30 a month) leave the listing and go on costing" in never.outcome
