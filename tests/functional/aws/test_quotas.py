"""Service Quotas as AWS answers: what a quota is, and which metric counts it."""

import pytest
from botocore.stub import Stubber

from chalicelib.aws.quotas import Quotas, UsageMetric
from chalicelib.aws.rds import AccountQuota, Rds
from chalicelib.errors import AwsDenied
from tests.aws_sessions import aws_session

VCPU = {
    "ServiceCode": "fargate",
    "QuotaCode": "L-3032A538",
    "QuotaName": "Fargate On-Demand vCPU resource count",
    "Value": 6.0,
    "UsageMetric": {
        "MetricNamespace": "AWS/Usage",
        "MetricName": "ResourceCount",
        "MetricDimensions": {
            "Service": "Fargate",
            "Type": "Resource",
            "Resource": "vCPU",
            "Class": "Standard/OnDemand",
        },
        "MetricStatisticRecommendation": "Maximum",
    },
}
RATE = {"ServiceCode": "fargate", "QuotaCode": "L-2", "QuotaName": "Rate", "Value": 20.0}
CALLS = {**RATE, "UsageMetric": {"MetricNamespace": "AWS/Usage", "MetricName": "CallCount"}}


@pytest.fixture
def stubbed():
    def make(service):
        session = aws_session(region_name="eu-west-2", aws_access_key_id="AK", aws_secret_access_key="SK")
        client = session.client(service)
        return client, Stubber(client)

    return make


def test_every_page_is_read_and_each_quota_says_which_metric_counts_it(stubbed):
    client, stub = stubbed("service-quotas")
    with stub:
        asked = {"ServiceCode": "fargate", "MaxResults": 100}
        stub.add_response("list_service_quotas", {"Quotas": [VCPU], "NextToken": "t"}, asked)
        stub.add_response("list_service_quotas", {"Quotas": [RATE, CALLS]}, {**asked, "NextToken": "t"})
        vcpu, rate, calls = Quotas(client).of_service("fargate")
    dimensions = (("Class", "Standard/OnDemand"), ("Resource", "vCPU"), ("Service", "Fargate"), ("Type", "Resource"))
    assert vcpu.usage == UsageMetric("AWS/Usage", "ResourceCount", "Maximum", dimensions)
    assert (vcpu.limit, rate.usage, calls.usage) == (6.0, None, None)


def test_a_denial_is_one_of_our_errors(stubbed):
    client, stub = stubbed("service-quotas")
    stub.add_client_error("list_service_quotas", "AccessDeniedException")
    with stub, pytest.raises(AwsDenied):
        Quotas(client).of_service("ecs")


def test_rds_says_what_is_used_and_what_there_may_be(stubbed):
    client, stub = stubbed("rds")
    with stub:
        told = {"AccountQuotas": [{"AccountQuotaName": "ManualSnapshots", "Used": 12, "Max": 100}]}
        stub.add_response("describe_account_attributes", told, {})
        assert Rds(client).account_quotas() == (AccountQuota("ManualSnapshots", 12, 100),)
