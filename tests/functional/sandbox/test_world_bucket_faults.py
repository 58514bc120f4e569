"""Every fault of the bucket shows what its sentence promises, to MLflow and to Steward's own calls."""

import base64
import json

import pytest
from botocore.exceptions import ClientError

from chalicelib.net.http import HttpRequest
from steward.sandbox import place
from steward.sandbox.bucket import ENDPOINT, KMS_KEY_ARN, OTHER_REGION
from steward.sandbox.world import World

LOGIN = {"Authorization": "Basic " + base64.b64encode(f"admin:{place.ADMIN_PASSWORD}".encode()).decode()}
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
KEY = f"{place.PREFIX}/0/a1f0/artifacts/model/MLmodel"


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def ask(world, path, method="GET", body=None):
    allowed = (place.LOAD_BALANCER_HOST,)
    url = f"http://{place.URL_HOST}{path}"
    return world.http.ask(HttpRequest(method, url, headers=LOGIN, body=body, allow_hosts=allowed))


def upload(world):
    return ask(world, f"{ARTIFACTS}/0/canary.txt", "PUT", b"canary")


def lines(world, pattern):
    asked = {"logGroupName": place.LOG_GROUP, "filterPattern": pattern}
    return [each["message"] for each in world.session().client("logs").filter_log_events(**asked)["events"]]


def refused(world, operation, **asked):
    """Code and message of what S3 says to Steward; None: it does as it is told."""
    try:
        getattr(world.session().client("s3"), operation)(Bucket=place.BUCKET, **asked)
    except ClientError as exc:
        return exc.response["Error"]["Code"], exc.response["Error"]["Message"]
    return None


def error_alarm(world):
    answer = world.session().client("cloudwatch").describe_alarms(AlarmNames=[place.ERRORS_ALARM])
    return answer["MetricAlarms"][0]["StateValue"]


def test_an_artifact_makes_its_round_trip_while_all_is_well(world):
    assert upload(world).status == 200
    assert ask(world, f"{ARTIFACTS}/0/canary.txt").body == b"canary"
    assert ask(world, f"{ARTIFACTS}/0/canary.txt", "DELETE").status == 200
    assert ask(world, f"{ARTIFACTS}/0/canary.txt").status == 404
    assert refused(world, "head_bucket") is None
    assert refused(world, "put_object", Key="steward/canary", Body=b"x") is None
    assert refused(world, "get_object", Key=KEY) is None


def test_bucket_denied_refuses_mlflow_and_steward_alike(world):
    world.break_with("bucket-denied")
    world.advance(180)
    listing = ask(world, ARTIFACTS)
    assert (listing.status, json.loads(listing.body)["error_code"]) == (403, "PERMISSION_DENIED")
    assert upload(world).status == 500
    assert ask(world, SEARCH).status == 200
    assert lines(world, '"AccessDenied" "PutObject operation"')
    code, message = refused(world, "list_objects_v2")
    assert (code, "s3:ListBucket" in message, "explicit deny" in message) == ("AccessDenied", True, True)
    assert refused(world, "head_bucket") == ("403", "Forbidden")
    assert refused(world, "put_object", Key="steward/canary", Body=b"x")[0] == "AccessDenied"
    assert refused(world, "get_bucket_versioning")[0] == "AccessDenied"
    assert world.session().client("s3").list_objects_v2(Bucket=place.BACKUP_BUCKET)["KeyCount"] == 0
    assert error_alarm(world) == "ALARM"


def test_bucket_denied_to_the_tasks_alone_lets_steward_look(world):
    world.break_with("bucket-denied", only_tasks=True)
    assert ask(world, ARTIFACTS).status == 403
    assert refused(world, "list_objects_v2") is None
    (event,) = world.session().client("cloudtrail").lookup_events()["Events"]
    assert event["EventName"] == "DeleteRolePolicy"


def test_bucket_missing_is_404_for_listing_and_no_such_bucket_for_steward(world):
    world.break_with("bucket-missing")
    world.advance(60)
    listing = ask(world, ARTIFACTS + "?path=0")
    assert (listing.status, json.loads(listing.body)["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert upload(world).status == 500
    assert lines(world, "NoSuchBucket")
    assert refused(world, "list_objects_v2")[0] == "NoSuchBucket"
    assert refused(world, "head_bucket") == ("404", "Not Found")


def test_bucket_wrong_region_is_an_error_for_mlflow_only_until_its_endpoint_is_corrected(world):
    world.break_with("bucket-wrong-region")
    world.advance(60)
    listing = ask(world, ARTIFACTS)
    assert listing.status == 500
    assert f"expecting '{OTHER_REGION}'" in json.loads(listing.body)["message"]
    assert lines(world, "AuthorizationHeaderMalformed")
    s3, ecs = world.session().client("s3"), world.session().client("ecs")
    assert s3.get_bucket_location(Bucket=place.BUCKET)["LocationConstraint"] == OTHER_REGION
    assert s3.head_bucket(Bucket=place.BUCKET)["BucketRegion"] == OTHER_REGION
    definition = ecs.describe_task_definition(taskDefinition=world.service.primary.definition)["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    (told,) = [each for each in container["environment"] if each["name"] == ENDPOINT]
    told["value"] = f"https://s3.{OTHER_REGION}.amazonaws.com"
    ecs.register_task_definition(
        family=place.FAMILY, containerDefinitions=[container], cpu=definition["cpu"], memory=definition["memory"]
    )
    ecs.update_service(cluster=place.CLUSTER, service=place.SERVICE, taskDefinition=place.FAMILY)
    world.advance(420)
    assert ask(world, ARTIFACTS).status == 200
    assert upload(world).status == 200


def test_kms_denied_lists_but_neither_reads_nor_writes(world):
    world.break_with("kms-denied")
    world.advance(60)
    assert ask(world, ARTIFACTS).status == 200
    assert upload(world).status == 500
    assert lines(world, '"kms:GenerateDataKey"')
    assert refused(world, "list_objects_v2") is None
    assert "kms:GenerateDataKey" in refused(world, "put_object", Key="steward/canary", Body=b"x")[1]
    assert "kms:Decrypt" in refused(world, "get_object", Key=KEY)[1]
    (rule,) = (
        world.session()
        .client("s3")
        .get_bucket_encryption(Bucket=place.BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    )
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == KMS_KEY_ARN
