"""The packaged functions have the rights of their own roles and no others, in their own processes (S24)."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError

from .test_packaged_functions import _schedule

ROLES = "arn:aws:iam::123456789012:role/mlflow-steward-dev-fraud-scoring-mlflow"


@pytest.fixture
def as_function(stage):
    """A client with that function's own key, as a process of its would make it."""

    def client(function, service, credentials=None):
        told = stage.environment(function)
        lent = credentials or {"AccessKeyId": told["AWS_ACCESS_KEY_ID"], "SecretAccessKey": "sandbox"}
        return boto3.client(
            service,
            region_name=told["AWS_REGION"],
            endpoint_url=told["AWS_ENDPOINT_URL"],
            aws_access_key_id=lent["AccessKeyId"],
            aws_secret_access_key=lent["SecretAccessKey"],
            aws_session_token=lent.get("SessionToken"),
        )

    return client


def refusal(call, **params):
    with pytest.raises(ClientError) as refused:
        call(**params)
    return refused.value.response["Error"]["Code"], refused.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_function_without_a_right_is_denied_and_says_so(stage, template):
    """With it the same call makes a run that begins, as another test here shows."""
    given = json.loads(_schedule(template, "health-check")["Target"]["Input"])
    event = {**given, "scheduled_at": datetime.now(UTC).isoformat()}
    role = stage.iam.account.functions["Schedule"][1]
    kept = [said for said in role["Statement"] if "states:StartExecution" not in said["Action"]]
    assert len(kept) == len(role["Statement"]) - 1
    role["Statement"] = kept
    failed = stage.process("Schedule").invoke(event).error
    assert (failed["errorType"], "states:StartExecution" in failed["errorMessage"]) == ("AwsDenied", True)
    assert any(why.startswith("Schedule may not states:StartExecution on ") for why in stage.iam.account.denied)


def test_intake_may_neither_stop_a_task_nor_become_a_stack_s_role_nor_read_another_s_state(as_function):
    ecs = as_function("Intake", "ecs")
    stop = {"cluster": "fraud-scoring-mlflow-cluster", "task": "a"}
    assert refusal(ecs.stop_task, **stop) == ("AccessDeniedException", 403)
    sts = as_function("Intake", "sts")
    assume = {"RoleArn": f"{ROLES}-act", "RoleSessionName": "steward", "Policy": "{}", "SourceIdentity": "r-1"}
    assert refusal(sts.assume_role, **assume) == ("AccessDenied", 403)
    key = {"pk": {"S": "APPROVAL#1"}, "sk": {"S": "A"}}
    table = as_function("Intake", "dynamodb")
    assert refusal(table.get_item, TableName="mlflow-steward-dev", Key=key) == ("AccessDeniedException", 403)


def test_an_object_is_denied_on_s3_s_own_wire(stage, as_function):
    archive = "mlflow-steward-dev-archive-123456789012-eu-west-2"
    s3 = as_function("Intake", "s3")
    s3.put_object(Bucket=archive, Key="events/one", Body=b"{}")
    assert refusal(s3.get_object, Bucket=archive, Key="events/one") == ("AccessDenied", 403)
    assert refusal(s3.list_objects_v2, Bucket=archive)[0] == "AccessDenied"
    assert refusal(s3.delete_object, Bucket=archive, Key="events/one")[0] == "AccessDenied"
    assert any("s3:GetObject on" in why for why in stage.iam.account.denied)


def test_only_who_may_list_a_bucket_is_told_that_there_is_no_such_object(as_function):
    """Both may read the object; `sweep` may not list this bucket."""
    missing = {"Bucket": "mlflow-steward-dev-evidence-123456789012-eu-west-2", "Key": "nobody-wrote-this"}
    assert refusal(as_function("Advance", "s3").get_object, **missing) == ("NoSuchKey", 404)
    assert refusal(as_function("Sweep", "s3").get_object, **missing) == ("AccessDenied", 403)
    assert refusal(as_function("Advance", "s3").head_object, **missing) == ("404", 404)
    assert refusal(as_function("Sweep", "s3").head_object, **missing) == ("403", 403)


def test_s23_advance_becomes_a_stack_s_role_only_with_its_external_id_and_is_narrowed_by_its_session(
    stage, template, as_function
):
    sts = as_function("Advance", "sts")
    narrow = json.dumps({"Statement": [{"Effect": "Allow", "Action": ["ecs:DescribeServices"], "Resource": "*"}]})
    assume = {"RoleArn": f"{ROLES}-act", "RoleSessionName": "steward", "Policy": narrow, "SourceIdentity": "r-1"}
    assert refusal(sts.assume_role, **assume) == ("AccessDenied", 403)
    (parameter,) = [
        body["Properties"]["Value"]
        for body in template["Resources"].values()
        if body["Type"] == "AWS::SSM::Parameter" and "/stacks/" in str(body["Properties"]["Name"])
    ]
    lent = sts.assume_role(**assume, ExternalId=json.loads(parameter)["externalId"])["Credentials"]
    ecs = as_function("Advance", "ecs", lent)
    cluster, service = "fraud-scoring-mlflow-cluster", "fraud-scoring-mlflow"
    assert ecs.describe_services(cluster=cluster, services=[service])["services"]
    assert refusal(ecs.stop_task, cluster=cluster, task="a")[0] == "AccessDeniedException"


def test_a_key_that_nobody_has_opens_nothing(as_function):
    forged = {"AccessKeyId": "AKIAFORGED0000000000", "SecretAccessKey": "sandbox"}
    assert refusal(as_function("Advance", "ecs", forged).list_clusters)[0] == "UnrecognizedClientException"
