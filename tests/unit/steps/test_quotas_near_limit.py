"""quotas.near_limit: used against limit where AWS says both; what it does not say is left out."""

from types import SimpleNamespace

import pytest

from chalicelib.aws.quotas import ServiceQuota, UsageMetric
from chalicelib.aws.rds import AccountQuota
from chalicelib.errors import AwsDenied
from chalicelib.steps.probes.quotas_near_limit import NearLimit, QuotaParams

VCPU = UsageMetric("AWS/Usage", "ResourceCount", "Maximum", (("Resource", "vCPU"), ("Service", "Fargate")))


def quota(service="fargate", name="Fargate On-Demand vCPU resource count", limit=6.0, usage=VCPU):
    return ServiceQuota(service, "L-1", name, limit, usage)


@pytest.fixture
def read(world):
    def read(*quotas, rds=(), denied=(), **params):
        def of_service(service):
            if service in denied:
                raise AwsDenied("servicequotas:ListServiceQuotas", "AccessDenied", "no")
            return tuple(each for each in quotas if each.service == service)

        def account_quotas():
            if "rds" in denied:
                raise AwsDenied("rds:DescribeAccountAttributes", "AccessDenied", "no")
            return tuple(AccountQuota(*each) for each in rds)

        world.others["quotas"] = SimpleNamespace(of_service=of_service)
        ctx = world.ctx()
        ctx.aws.rds.account_quotas = account_quotas
        return NearLimit().read(ctx, QuotaParams(**params))

    return read


def test_fargate_s_vcpus_are_counted_by_the_metric_that_the_quota_names(world, read):
    world.series["q0"] = [2.0, 5.5]
    output = read(quota())
    (near,) = output.near
    assert (near.used, near.limit, near.percent) == (5.5, 6.0, 91)
    assert world.asked_metrics[0].dimensions == VCPU.dimensions


def test_a_quota_whose_use_nobody_counts_is_left_out_s5(world, read):
    output = read(quota(), quota(name="Rate of launches", usage=None))
    assert (output.near, output.quotas, output.skipped) == ((), (), None)


def test_databases_and_their_snapshots_are_said_by_rds(read):
    output = read(rds=[("DBInstances", 12, 40), ("ManualSnapshots", 97, 100), ("ReservedDBInstances", 40, 40)])
    assert [(each.name, each.percent) for each in output.quotas] == [("manual DB snapshots", 97), ("DB instances", 30)]
    assert [each.name for each in output.near] == ["manual DB snapshots"]


def test_the_service_s_own_tasks_count_against_the_tasks_of_a_service(world, read):
    world.desired = 2
    output = read(quota("ecs", "Tasks per service", 2.0, None))
    assert [(each.used, each.percent) for each in output.near] == [(2.0, 100)]


def test_where_near_begins_is_a_parameter(read):
    assert read(rds=[("DBInstances", 30, 40)]).near == ()
    assert len(read(rds=[("DBInstances", 30, 40)], percent=75).near) == 1


def test_what_is_denied_is_said_and_the_rest_is_still_told_s3(read):
    output = read(rds=[("DBInstances", 39, 40)], denied={"fargate"})
    assert (len(output.near), output.skipped) == (1, None)
    assert output.unread == ("not reachable from here: servicequotas:ListServiceQuotas answers AccessDenied",)
    assert read(denied={"fargate", "ecs", "rds"}).skipped.startswith("not reachable from here")
