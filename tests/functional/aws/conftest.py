"""What tests of the gateways and of the S3 lane begin with."""

import pytest
from moto import mock_aws

from chalicelib.aws.gateways import Aws
from steward.bench.s3_stub import S3Stub
from steward.bench.s3_stub_server import running
from tests.aws_sessions import aws_session
from tests.functional.aws.account import REGION
from tests.functional.aws.lane_world import World


@pytest.fixture
def lane_world():
    stub = S3Stub()
    with running(stub) as url:
        yield World(url, stub)


@pytest.fixture
def session():
    with mock_aws():
        yield aws_session(region_name=REGION, aws_access_key_id="AK", aws_secret_access_key="SK")


@pytest.fixture
def aws(session):
    return Aws(session, REGION)


@pytest.fixture
def network(session):
    ec2 = session.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    zones = (("a", "10.0.1.0/24"), ("b", "10.0.2.0/24"))
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
        for zone, cidr in zones
    ]
    return vpc, subnets


@pytest.fixture
def service(session, network):
    ecs = session.client("ecs")
    ecs.create_cluster(clusterName="c")
    definition = ecs.register_task_definition(
        family="mlflow",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="512",
        memory="1024",
        containerDefinitions=[
            {
                "name": "mlflow",
                "image": "public.ecr.aws/docker/library/python:3.11-slim",
                "cpu": 512,
                "memory": 1024,
                "command": ["sh", "-c", "mlflow server"],
                "environment": [{"name": "A", "value": "b"}],
                "secrets": [{"name": "URI", "valueFrom": "arn:aws:secretsmanager:x"}],
                "mountPoints": [{"sourceVolume": "shared", "containerPath": "/mnt"}],
            }
        ],
        volumes=[{"name": "shared", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}, {"name": "own"}],
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(cluster="c", serviceName="s", taskDefinition=definition, desiredCount=2)
    return definition
