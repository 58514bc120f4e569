"""stack.find_waste: what only its owner can end, with the rule to paste; S17 it changes none itself."""

import json
from types import SimpleNamespace

import pytest

from chalicelib.aws.log_groups import LogGroup
from chalicelib.aws.s3_leftovers import Noncurrent
from chalicelib.aws.s3_vault import LifecycleRule
from chalicelib.errors import AwsDenied
from chalicelib.steps.probes.stack_find_waste import FindWaste
from chalicelib.steps.step import NoParams

GIB = 1024**3


class Account:
    versioning = "Enabled"
    rules: tuple = ()
    noncurrent = Noncurrent(12, 100 * GIB, complete=True)
    aside = Noncurrent(0, 0, complete=True)
    groups: tuple = ()
    denied: str = ""

    def under(self, prefix):
        return self.aside if prefix == ".steward/" else self.noncurrent

    def ask(self, what, value):
        if what == self.denied:
            raise AwsDenied(what, "AccessDenied", "arn:of:somebody")
        return value


@pytest.fixture
def account(world):
    world.stack["artifacts"] = {"bucket": "churn-artifacts", "prefix": "mlflow"}
    world.stack["logs"] = {"group": "/ecs/churn"}
    made = Account()
    world.others |= {
        "s3": SimpleNamespace(versioning=lambda _: made.ask("s3:GetBucketVersioning", made.versioning)),
        "vault": SimpleNamespace(lifecycle=lambda _: made.rules),
        "leftovers": SimpleNamespace(noncurrent=lambda _bucket, prefix, _most: made.under(prefix)),
        "log_groups": SimpleNamespace(
            find=lambda prefix: made.ask(
                "logs:DescribeLogGroups", tuple(each for each in made.groups if each.name.startswith(prefix))
            )
        ),
    }
    return made


def read(world):
    return FindWaste().read(world.ctx(), NoParams())


def rule(prefix="", *, days=30, aborts=True, whole=True):
    return LifecycleRule("r", prefix, whole, False, days, aborts)


def causes(output):
    return [finding.cause for finding in output.findings]


def test_what_steward_itself_put_aside_is_looked_at_as_well_and_has_a_rule_of_its_own(world, account):
    account.aside = Noncurrent(3, GIB, complete=True)
    account.rules = (rule("mlflow/"),)
    output = read(world)
    (found,) = [finding for finding in output.findings if finding.cause == "noncurrent_versions"]
    assert (found.bytes, found.where) == (GIB, "s3://churn-artifacts/.steward/")
    assert output.noncurrent_bytes == 101 * GIB


def test_noncurrent_versions_without_a_rule_are_found_with_bytes_dollars_and_the_rule(world, account):
    output = read(world)
    assert causes(output) == ["noncurrent_versions", "unfinished_uploads"]
    found = output.findings[0]
    assert (found.bytes, found.dollars_per_month) == (100 * GIB, 2.3)
    pasted = json.loads(found.remedy.split("'")[1])["Rules"][0]
    assert pasted["Filter"] == {"Prefix": "mlflow/"}
    assert pasted["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert "replaces the bucket's rules" in found.evidence[1]
    assert output.outcome == "2 kinds of waste for its owner to end, $2.30 a month"


@pytest.mark.parametrize("rules", [(rule(),), (rule("mlflow/"),), (rule("mlf", days=90),)])
def test_a_rule_that_covers_the_whole_prefix_is_enough(world, account, rules):
    account.rules = rules
    assert read(world).findings == ()
    assert read(world).outcome == "no waste"


@pytest.mark.parametrize("rules", [(rule("mlflow/1/"),), (rule(whole=False),), (rule("other/"),)])
def test_a_rule_for_some_of_it_is_not(world, account, rules):
    account.rules = rules
    assert "noncurrent_versions" in causes(read(world))


def test_a_bucket_that_suspended_its_versions_still_has_them_and_one_without_has_none(world, account):
    account.versioning = "Suspended"
    assert "noncurrent_versions" in causes(read(world))
    account.versioning = "off"
    output = read(world)
    assert (output.versioned, output.noncurrent_bytes) == (False, None)
    assert causes(output) == ["unfinished_uploads"]


def test_when_not_all_were_counted_it_says_at_least(world, account):
    account.noncurrent = Noncurrent(20000, GIB, complete=False)
    assert read(world).findings[0].evidence[0].startswith("at least 20000")


def test_logs_that_are_kept_for_ever_are_found_of_the_service_and_of_the_database(world, account):
    account.rules = (rule(),)
    account.groups = (
        LogGroup("/ecs/churn", None, 50 * GIB),
        LogGroup("/ecs/churn-other", None, GIB),
        LogGroup("/aws/rds/instance/churn-db/postgresql", None, GIB),
        LogGroup("/aws/rds/instance/churn-db/upgrade", 30, GIB),
    )
    output = read(world)
    assert [finding.where for finding in output.findings] == ["/aws/rds/instance/churn-db/postgresql", "/ecs/churn"]
    assert output.findings[1].dollars_per_month == 1.5
    assert output.findings[1].remedy.startswith("aws logs put-retention-policy --log-group-name /ecs/churn ")


@pytest.mark.parametrize("denied", ["s3:GetBucketVersioning", "logs:DescribeLogGroups"])
def test_s3_what_may_not_be_read_is_skipped_and_the_rest_is_told(world, account, denied):
    account.denied = denied
    account.groups = (LogGroup("/ecs/churn", None, GIB),)
    output = read(world)
    assert output.skipped == f"not reachable from here: {denied} answers AccessDenied"
    assert causes(output)


def test_a_stack_at_another_endpoint_has_no_bucket_of_amazon_s(world, account):
    world.stack["artifacts"] = {"bucket": "b", "prefix": "m", "endpoint": "https://minio.example.com"}
    assert causes(read(world)) == []


def test_s5_versions_that_were_not_looked_at_are_not_taken_for_none(account, world):
    account.noncurrent = Noncurrent(0, 0, complete=False)
    found = read(world).findings[0]
    assert found.cause == "noncurrent_versions"
    assert "at least 0 noncurrent versions" in found.evidence[0]
    assert "only the first 20,000 versions were looked at" in found.evidence[0]


def test_the_logs_of_an_aurora_cluster_are_looked_at(account, world):
    account.rules = (rule(),)
    world.stack["database"] = {"cluster": "churn-db"}
    account.groups = (LogGroup("/aws/rds/cluster/churn-db/postgresql", None, GIB),)
    assert [one.where for one in read(world).findings] == ["/aws/rds/cluster/churn-db/postgresql"]
