"""The gateways that diagnosis reads from, on moto; what moto fakes is answered here in the documented shape."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from chalicelib.aws.ecs_revisions import Edit, difference
from chalicelib.aws.gateways import Aws
from chalicelib.aws.logs import Logs
from chalicelib.errors import AwsInvalid, AwsNotFound, StepRefused
from tests.aws_sessions import aws_session

REGION = "eu-west-2"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DEFINITION = {
    "family": "mlflow",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "512",
    "memory": "1024",
    "taskRoleArn": "arn:aws:iam::123456789012:role/task",
    "containerDefinitions": [
        {
            "name": "mlflow",
            "image": "python:3.11-slim",
            "essential": True,
            "environment": [{"name": "B", "value": "canary-5501"}, {"name": "A", "value": "1"}],
            "secrets": [{"name": "URI", "valueFrom": "arn:aws:secretsmanager:x"}],
        }
    ],
    "tags": [{"key": "owner", "value": "ml"}],
}


@pytest.fixture
def session():
    with mock_aws():
        yield aws_session(region_name=REGION, aws_access_key_id="AK", aws_secret_access_key="SK")


@pytest.fixture
def aws(session):
    return Aws(session, REGION)


class FakeAnswer:
    status_code = 200
    headers: dict = {}


def answer(session, event, body):
    asked = []

    def handler(params, **_):
        asked.append(params)
        return FakeAnswer(), body(len(asked)) if callable(body) else body

    session.events.register(f"before-call.{event}", handler)
    return asked


class TestRevisions:
    @pytest.fixture
    def former(self, aws, session):
        arn = session.client("ecs").register_task_definition(**DEFINITION)["taskDefinition"]["taskDefinitionArn"]
        return aws.ecs.revision(arn)

    def test_s11_a_revision_with_one_edit_is_registered_and_differs_in_that_alone(self, aws, former):
        edit = Edit("variable:mlflow:A", "2")
        made = aws.ecs.register_revision(former, former.with_edits([edit]), frozenset({edit.touches}))
        assert made.arn.endswith("mlflow:2")
        assert difference(former, made) == {edit.touches: ("1", "2")}
        assert aws.ecs.revision("mlflow").arn == made.arn
        assert aws.ecs.revision(made.arn).tags == former.tags

    def test_s11_what_was_not_declared_is_not_sent(self, aws, former):
        wanted = former.with_edits([Edit("memory", "2048"), Edit("image:mlflow", "other")])
        with pytest.raises(StepRefused, match=r"S11.*containerDefinitions/mlflow/image"):
            aws.ecs.register_revision(former, wanted, frozenset({"memory"}))
        assert aws.ecs.revision("mlflow").arn == former.arn

    def test_s29_no_value_is_in_a_repr_and_order_among_variables_is_no_difference(self, aws, session, former):
        assert "canary" not in repr(former)
        (container,) = DEFINITION["containerDefinitions"]
        turned = {**container, "environment": container["environment"][::-1], "mountPoints": []}
        session.client("ecs").register_task_definition(**{**DEFINITION, "containerDefinitions": [turned]})
        assert difference(former, aws.ecs.revision("mlflow")) == {}
        assert (former.roles, former.is_fargate) == (frozenset({"arn:aws:iam::123456789012:role/task"}), True)


class TestBucket:
    @pytest.fixture
    def bucket(self, session):
        where = {"LocationConstraint": REGION}
        session.client("s3").create_bucket(Bucket="bucket-of-tests", CreateBucketConfiguration=where)
        return "bucket-of-tests"

    def test_how_a_bucket_stands(self, aws, session, bucket):
        assert aws.s3.region_of(bucket) == REGION
        assert aws.s3.versioning(bucket) == "Off"
        session.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        assert aws.s3.versioning(bucket) == "Enabled"
        kms = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}}
        session.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [kms]})
        encryption = aws.s3.encryption(bucket)
        assert encryption
        assert (encryption.algorithm, encryption.key) == ("aws:kms", "k")
        with pytest.raises(AwsNotFound):
            aws.s3.region_of("gone-bucket")

    def test_listing_reading_and_deleting(self, aws, bucket):
        assert aws.s3.first_key(bucket, "p/") is None
        aws.s3.put(bucket, "p/one", b"1")
        assert aws.s3.first_key(bucket, "p/") == "p/one"
        aws.s3.can_read(bucket, "p/one")
        aws.s3.delete(bucket, "p/one")
        aws.s3.delete(bucket, "p/one")  # gone already is as wanted
        with pytest.raises(AwsNotFound):
            aws.s3.can_read(bucket, "p/one")

    def test_an_endpoint_of_a_stack_s_own_never_gets_steward_s_credentials(self, aws, session):
        sent = []
        session.events.register("before-send.s3.HeadBucket", lambda request, **_: sent.append(request))
        from chalicelib.aws.secrets import Login

        for keys in (None, Login("minio-key", "minio-secret")):
            with pytest.raises(AwsNotFound):
                aws.s3_at("https://s3.amazonaws.com", keys).region_of("gone-bucket")
        anonymous, signed = (str(dict(request.headers)) for request in sent)
        assert "Authorization" not in anonymous
        assert "minio-key" in signed
        assert "AK/" not in anonymous + signed


class TestLogs:
    def test_lines_come_oldest_first_and_one_term_is_taken_literally(self, aws, session):
        logs = session.client("logs")
        logs.create_log_group(logGroupName="/ecs/m")
        logs.create_log_stream(logGroupName="/ecs/m", logStreamName="s")
        ms = int(datetime.now(UTC).timestamp() * 1000)
        events = [{"timestamp": ms - 5000 + n, "message": f"line {n}"} for n in range(3)]
        logs.put_log_events(logGroupName="/ecs/m", logStreamName="s", logEvents=events)
        began, ends = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(minutes=1)
        page = aws.logs.search("/ecs/m", began, ends)
        assert ([line.text for line in page.lines], page.cut_by) == (["line 0", "line 1", "line 2"], None)
        with pytest.raises(AwsNotFound):
            aws.logs.search("/ecs/gone", began, ends)

    @pytest.mark.parametrize(
        ("budget", "cut_by", "kept"), [({"max_lines": 3}, "lines", 3), ({"max_bytes": 25}, "bytes", 2), ({}, "time", 8)]
    )
    def test_each_budget_ends_the_search_and_is_named(self, session, budget, cut_by, kept):
        line = {"timestamp": 1, "logStreamName": "s", "message": "x" * 10}
        answer(session, "cloudwatch-logs.FilterLogEvents", {"events": [line, line], "nextToken": "more"})
        ticks = iter(range(100))
        logs = Logs(session.client("logs"), monotonic=lambda: float(next(ticks)))
        page = logs.search("g", NOW, NOW, **({"max_seconds": 4} | budget))
        assert (page.cut_by, len(page.lines)) == (cut_by, kept)

    def test_the_term_is_quoted(self, aws, session):
        asked = answer(session, "cloudwatch-logs.FilterLogEvents", {"events": []})
        aws.logs.search("g", NOW, NOW, term='say "no" \\')
        assert json.loads(asked[0]["body"])["filterPattern"] == r'"say \"no\" \\"'


class TestCloudtrail:
    def event(self, n):
        whole = {
            "userIdentity": {"arn": "arn:aws:sts::1:assumed-role/Deployers/alice"},
            "userAgent": "console",
            "requestParameters": {"service": "churn", "loadBalancers": [{"targetGroupArn": "arn:x"}]},
        }
        return {
            "EventId": f"e{n}", "EventTime": NOW, "EventSource": "ecs.amazonaws.com", "EventName": "UpdateService",
            "Username": "alice", "Resources": [{"ResourceName": "r"}], "CloudTrailEvent": json.dumps(whole),
        }  # fmt: skip

    def test_events_are_read_with_who_and_every_name_in_the_request(self, aws, session):
        asked = answer(session, "cloudtrail.LookupEvents", {"Events": [self.event(1)]})
        (event,), complete = aws.cloudtrail.changes(NOW - timedelta(hours=1), NOW)
        assert (event.by, event.name, event.named) == ("Deployers/alice", "UpdateService", {"churn", "arn:x", "r"})
        assert complete
        assert json.loads(asked[0]["body"])["LookupAttributes"] == [
            {"AttributeKey": "ReadOnly", "AttributeValue": "false"}
        ]

    def test_pages_end_with_the_budget_and_an_event_that_is_no_json_is_still_one(self, aws, session):
        broken = {**self.event(1), "CloudTrailEvent": "{"}
        answer(session, "cloudtrail.LookupEvents", {"Events": [broken], "NextToken": "more"})
        events, complete = aws.cloudtrail.about("churn", NOW, NOW, max_pages=2)
        assert ([event.by for event in events], complete) == (["alice", "alice"], False)


class TestSecrets:
    @pytest.mark.parametrize(
        ("text", "host"),
        [
            ('{"username": "u", "password": "canary-3308", "host": "db.x", "port": 5432}', "db.x"),
            ('{"username": "u", "password": "canary-3308"}', None),
            ("postgresql+psycopg2://u:canary-3308@db.x:5432/mlflow", "db.x"),
            ('{"uri": "postgresql://u:canary%2D3308@db.x/mlflow"}', "db.x"),
        ],
    )
    def test_a_database_s_secret_is_read_in_its_usual_shapes(self, aws, session, text, host):
        session.client("secretsmanager").create_secret(Name="mlflow/db", SecretString=text)
        found = aws.secrets.database("mlflow/db")
        assert (found.login.username, found.login.password, found.host) == ("u", "canary-3308", host)
        assert "canary" not in repr(found)

    @pytest.mark.parametrize("text", ["canary-3308", '["canary-3308"]', '{"x": "canary-3308"}'])
    def test_s29_another_shape_is_an_error_that_does_not_repeat_it(self, aws, session, text):
        session.client("secretsmanager").create_secret(Name="mlflow/db", SecretString=text)
        with pytest.raises(AwsInvalid) as caught:
            aws.secrets.database("mlflow/db")
        assert "canary" not in f"{caught.value}{caught.value.__cause__}{caught.value.__context__}"

    def test_facts_without_a_value(self, aws, session):
        secrets = session.client("secretsmanager")
        secrets.create_secret(Name="mlflow/db", SecretString="canary-3308")
        facts = aws.secrets.facts("mlflow/db")
        assert facts
        assert (facts.deleted, facts.rotates) == (False, False)
        secrets.delete_secret(SecretId="mlflow/db")
        assert aws.secrets.facts("mlflow/db").deleted
        assert aws.secrets.facts("gone") is None


def test_rds_events_come_oldest_first(aws, session):
    raw = [
        {"Date": NOW, "Message": "second", "EventCategories": ["a"]},
        {"Date": NOW - timedelta(minutes=5), "Message": "first", "EventCategories": []},
    ]
    asked = answer(session, "rds.DescribeEvents", {"Events": raw})
    events = aws.rds.events("db", cluster=False, since=NOW - timedelta(hours=1), until=NOW)
    assert [event.message for event in events] == ["first", "second"]
    assert asked[0]["body"]["SourceType"] == "db-instance"
