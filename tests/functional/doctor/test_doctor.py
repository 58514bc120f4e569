"""`steward doctor`: on the sandbox, on an account of moto's with a whole stage, and where nobody lets it look."""

import io
import json
import zipfile

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from chalicelib import wiring
from chalicelib.aws.installation import Installation
from chalicelib.catalog.deployed import stack_parameter
from chalicelib.errors import AwsDenied
from chalicelib.models.stack import Stack
from chalicelib.store.dynamodb import DynamoTable, table_definition
from chalicelib.store.schema import KEY, VERSION
from chalicelib.store.table import Item
from steward.cli.main import run_cli
from steward.doctor.account_side import permissions
from steward.doctor.examine import examine_account
from steward.doctor.finding import State
from steward.doctor.stack_side import examine_stack
from steward.doctor.stage_functions import function_names
from steward.doctor.stage_side import examine_stage, stage_name
from steward.packaging.deployed_stack import as_deployed
from steward.packaging.deployer import deployer_actions
from steward.packaging.events import event_rules
from steward.packaging.messages import QUEUES
from steward.packaging.names import Names
from steward.packaging.rights import trust
from steward.packaging.schedules import schedules
from steward.sandbox import place
from tests.aws_sessions import aws_session
from tests.shipped import read_runbooks

REGION, ACCOUNT, STAGE = "eu-west-2", "123456789012", "dev"
NAMES = Names(STAGE)


@pytest.fixture
def session():
    with mock_aws():
        yield aws_session(region_name=REGION, aws_access_key_id="AK", aws_secret_access_key="SK")


@pytest.fixture
def runbooks():
    return read_runbooks()


def answering(session, service, answers):
    """Clients of this session get these answers of that service; an exception's code is a refusal."""

    def answer(model, **_sent):
        found = answers.get(model.name)
        if found is None:
            return None
        if isinstance(found, str):
            refused = {"Error": {"Code": found, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            return AWSResponse("", 403, HTTPHeaders(), None), refused
        return AWSResponse("", 200, HTTPHeaders(), None), found

    session.events.register_last(f"before-call.{service}", answer)


ENVIRONMENT = {
    "STEWARD_VERSION": wiring.VERSION,
    "STEWARD_ROLES": json.dumps({"admin": [f"arn:aws:iam::{ACCOUNT}:role/ops"]}),
    "STEWARD_FINGERPRINT_SECRET": "steward/fingerprints",
    "STEWARD_WEBHOOKS": json.dumps(
        {"prometheus": {"source": "alertmanager", "secret": "steward/hook", "stacks": ["a"]}}
    ),
}
ADVANCE = f"arn:aws:iam::{ACCOUNT}:role/mlflow-steward-{STAGE}-advance-{REGION}"


class NobodyAnswers:
    def ask(self, request):
        raise AssertionError(f"nobody is to be asked, and {request.url} was")


def deploy_around(session, stack):
    for what in QUEUES:
        session.client("sqs").create_queue(QueueName=NAMES.queue(what))
    topic = session.client("sns").create_topic(Name=NAMES.topic)["TopicArn"]
    session.client("sns").subscribe(TopicArn=topic, Protocol="sms", Endpoint="+15550100")
    for secret in ("steward/fingerprints", "steward/hook"):
        session.client("secretsmanager").create_secret(Name=secret, SecretString="canary")
    said = json.dumps(trust([ADVANCE], stack.external_id))
    for name in (stack.role, stack.data_role):
        session.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=said)


def deploy(session, stack, runbooks):
    """What packaging would have made, as far as doctor looks at it."""
    dynamodb, events = session.client("dynamodb"), session.client("events")
    dynamodb.create_table(**table_definition(NAMES.table))
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=NAMES.table, PointInTimeRecoverySpecification=recovery)
    spec = {"AttributeName": "ttl", "Enabled": True}
    dynamodb.update_time_to_live(TableName=NAMES.table, TimeToLiveSpecification=spec)
    DynamoTable(NAMES.table, lambda: dynamodb).create(Item(KEY, {"version": VERSION}))
    nobody = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = session.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=nobody)["Role"]["Arn"]
    machine = {"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}
    for name in (NAMES.prefix, f"{NAMES.prefix}-copies"):
        session.client("stepfunctions").create_state_machine(name=name, definition=json.dumps(machine), roleArn=role)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("app.py", "")
    made = {"Runtime": "python3.11", "Role": role, "Handler": "app.intake", "Code": {"ZipFile": code.getvalue()}}
    for name in function_names(NAMES, [stack]):
        session.client("lambda").create_function(FunctionName=name, Environment={"Variables": ENVIRONMENT}, **made)
    deploy_around(session, stack)
    for resource in event_rules(NAMES, [stack]).values():
        if resource["Type"] == "AWS::Events::Rule":
            events.put_rule(Name=resource["Properties"]["Name"], EventPattern='{"source": ["aws.ecs"]}')
    scheduler = session.client("scheduler")
    scheduler.create_schedule_group(Name=NAMES.prefix)
    for resource in schedules(NAMES, [stack], runbooks).values():
        if resource["Type"] == "AWS::Scheduler::Schedule":
            properties = resource["Properties"]
            scheduler.create_schedule(
                Name=properties["Name"],
                GroupName=NAMES.prefix,
                ScheduleExpression=properties["ScheduleExpression"],
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={"Arn": "arn:aws:lambda:eu-west-2:123456789012:function:x", "RoleArn": role},
            )
    ssm = session.client("ssm")
    ssm.put_parameter(Name=f"/steward/addresses/{STAGE}", Value="https://x", Type="String")
    ssm.put_parameter(Name=f"{NAMES.stacks_path}/{stack.stack}", Value=stack_parameter(stack), Type="String")


def stage_findings(session, stack, runbooks):
    found = examine_stage(Installation(session, REGION), STAGE, {stack.stack: stack}, runbooks, ACCOUNT)
    return {(one.about, one.what): one for one in found}


def states(found):
    return {key: one.state for key, one in found.items() if one.state is not State.OK}


def test_a_whole_stage_is_well_and_each_thing_that_is_taken_away_is_missed(session, runbooks):
    stack = place.stack()
    deploy(session, as_deployed(stack, STAGE), runbooks)
    assert states(stage_findings(session, stack, runbooks)) == {}
    name, told = stage_name(Installation(session, REGION), None)
    assert (name, [one.state for one in told]) == (STAGE, [State.OK])

    rule = min(session.client("events").list_rules()["Rules"], key=lambda each: each["Name"])["Name"]
    session.client("events").disable_rule(Name=rule)
    session.client("scheduler").delete_schedule(Name="sweep", GroupName=NAMES.prefix)
    session.client("lambda").delete_function(FunctionName=NAMES.function("advance"))
    wanted = {
        ("rules", rule): State.WRONG,
        ("schedules", "sweep"): State.WRONG,
        ("functions", NAMES.function("advance")): State.WRONG,
    }
    assert states(stage_findings(session, stack, runbooks)) == wanted


def test_a_parameter_that_is_not_what_its_file_says_is_told_by_name_s22(session, runbooks):
    stack = place.stack()
    deploy(session, as_deployed(stack, STAGE), runbooks)
    changed = stack.model_copy(update={"owners": ("others",)})
    found = states(stage_findings(session, changed, runbooks))
    assert found == {("parameters", stack.stack): State.WRONG}


def test_the_store_s_schema_is_read_older_is_noted_newer_is_wrong(session, runbooks):
    stack = place.stack()
    deploy(session, as_deployed(stack, STAGE), runbooks)
    table = DynamoTable(NAMES.table, lambda: session.client("dynamodb"))
    for version, state in ((VERSION - 1, State.NOTE), (VERSION + 1, State.WRONG)):
        item = table.get(KEY)
        table.replace(Item(KEY, {"version": version}, version=item.version))
        assert states(stage_findings(session, stack, runbooks)) == {("table", "schema"): state}


def test_an_account_without_a_stage_is_told_how_to_get_one(session, tmp_path):
    answering(session, "iam", {"SimulatePrincipalPolicy": "AccessDenied"})
    answering(session, "lambda", {"GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 10}}})
    said = examine_account(session, REGION, None, str(tmp_path))
    by = {(one["about"], one["what"]): one for one in said["findings"]}
    assert by["stage", "any"]["state"] == "wrong"
    assert "make deploy" in by["stage", "any"]["remedy"]
    assert "stacks discover" in by["files", "stacks"]["remedy"]
    assert by["permissions", "deploy"]["state"] == "note"
    assert by["account", "concurrency"]["state"] == "note"
    assert not said["well"]


def test_what_deploying_takes_is_asked_of_iam_and_what_is_missing_is_named(session):
    allowed = [
        {"EvalActionName": action, "EvalDecision": "implicitDeny" if action == "iam:PassRole" else "allowed"}
        for action in deployer_actions(STAGE)
    ]
    answering(session, "iam", {"SimulatePrincipalPolicy": {"EvaluationResults": allowed, "IsTruncated": False}})
    (found,) = permissions(Installation(session, REGION), STAGE)
    assert found.state is State.NOTE
    assert "1 of" in found.says
    assert "iam:PassRole" in found.says


def test_where_nobody_lets_it_look_everything_is_unknown_and_nothing_breaks_s3(session, runbooks):
    stack = place.stack()
    denied = dict.fromkeys(
        (
            "DescribeTable",
            "DescribeStateMachine",
            "GetFunctionConfiguration",
            "GetParametersByPath",
            "ListRules",
            "ListSchedules",
            "GetQueueUrl",
            "GetTopicAttributes",
            "GetRole",
            "DescribeSecret",
        ),
        "AccessDeniedException",
    )
    for service in ("dynamodb", "stepfunctions", "lambda", "ssm", "events", "scheduler", "sqs", "sns", "iam"):
        answering(session, service, denied)
    found = stage_findings(session, stack, runbooks).values()
    asked = {
        "table",
        "machine",
        "functions",
        "parameters",
        "rules",
        "schedules",
        "secrets",
        "queues",
        "alarms",
        "roles",
    }
    assert {one.about for one in found} == asked
    assert {one.state for one in found} == {State.UNKNOWN}
    with pytest.raises(AwsDenied):
        Installation(session, REGION).rules("x")


def test_without_credentials_or_region_there_is_a_finding_and_no_stack_trace(tmp_path, monkeypatch, capsys):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert run_cli(["doctor", "--on", "aws", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [one["about"] for one in said["findings"] if one["state"] == "wrong"] == ["region"]
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    assert run_cli(["doctor", "--on", "aws"]) == 1
    told = capsys.readouterr()
    assert "NoCredentialsError" in told.out
    assert "aws sso login" in told.out
    assert "Traceback" not in told.out + told.err


def test_the_sandbox_is_well_and_a_broken_one_is_not(capsys):
    assert run_cli(["doctor", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["well"]
    assert all((one["remedy"] is None) == (one["state"] == "ok") for one in said["findings"])
    assert place.DATABASE_PASSWORD not in json.dumps(said)
    assert run_cli(["doctor", "--on", "sandbox:database-down"]) == 1
    out = capsys.readouterr().out
    assert "WRONG" in out
    assert "NOT WELL" in out


def test_a_question_that_makes_no_sense_is_exit_code_2(capsys):
    assert run_cli(["doctor", "--on", "moon"]) == 2
    assert run_cli(["doctor", "--on", "https://x.execute-api.eu-west-2.amazonaws.com/dev"]) == 2
    assert "write --on aws" in capsys.readouterr().err


def test_the_key_that_signs_manifests_is_one_that_can(session):
    kms = session.client("kms")
    signs = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    encrypts = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/ours", TargetKeyId=signs)
    document = place.STACK_DOCUMENT

    def said(key):
        backup = {**document["backup"], "macKey": key}
        named = Stack.model_validate({**document, "backup": backup, "url": None})
        found = examine_stack(Installation(session, REGION), NobodyAnswers(), named, ACCOUNT)
        return [(one.state, one.says) for one in found if one.what == "backup.macKey"]

    assert said("alias/ours") == [(State.OK, "alias/ours can sign manifests")]
    ((state, why),) = said(encrypts)
    assert (state, "not for GENERATE_VERIFY_MAC" in why) == (State.WRONG, True)
    assert said("alias/nobodys") == [(State.WRONG, f"there is no key alias/nobodys in {REGION}")]
    kms.disable_key(KeyId=signs)
    assert said(signs) == [(State.WRONG, f"key {signs} is Disabled")]
    assert said(None) == said(place.MAC_KEY) == []  # the stage's own is made with the stage
