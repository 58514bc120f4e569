"""Who is who in the packaged template: each function with its own role, and the stack's roles that `advance` takes."""

import json
from fnmatch import fnmatchcase

import pytest

from chalicelib.engine.copy_machine import definition
from steward.cli.folders import read_stacks

ADVANCE = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/mlflow-steward-dev-advance-${AWS::Region}"
OF_FUNCTIONS = {
    "Intake": "intake",
    "Schedule": "schedule",
    "APIHandler": "api",
    "WebhookAuthorizer": "webhook-authorizer",
    "Advance": "advance",
    "CopyShard": "copy-shard",
    "Sweep": "sweep",
}


@pytest.fixture(scope="module")
def resources(template):
    return template["Resources"]


def of_type(resources, kind):
    return {name: body["Properties"] for name, body in resources.items() if body["Type"] == kind}


def text(value):
    return value["Fn::Sub"] if isinstance(value, dict) else value


def statements(role):
    return [said for policy in role["Policies"] for said in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize(("title", "name"), OF_FUNCTIONS.items())
def test_s24_every_function_has_its_name_its_environment_and_a_role_of_its_own(resources, title, name):
    function = resources[title]["Properties"]
    assert function["FunctionName"] == f"mlflow-steward-dev-{name}"
    told = function["Environment"]["Variables"]
    assert {"STEWARD_STAGE", "STEWARD_TABLE", "STEWARD_MACHINE_ARN", "STEWARD_COPIES_MACHINE_ARN"} <= set(told)
    role = function["Role"]["Fn::GetAtt"][0]
    owners = [
        each for each, body in of_type(resources, "AWS::Serverless::Function").items() if role in str(body["Role"])
    ]
    assert owners == [title]
    assert text(resources[role]["Properties"]["RoleName"]) == f"mlflow-steward-dev-{name}-${{AWS::Region}}"
    (logs,) = [said for said in statements(resources[role]["Properties"]) if "logs:PutLogEvents" in said["Action"]]
    assert all(f"log-group:/aws/lambda/mlflow-steward-dev-{name}:*" in text(one) for one in logs["Resource"])


def test_no_role_stands_in_the_template_that_nobody_takes(resources):
    """The mould of `reach` is gone, and with it the role that Chalice made for it."""
    stacks = {name for name in resources if name.startswith("Stack")}
    for name in set(of_type(resources, "AWS::IAM::Role")) - stacks:
        said = json.dumps({other: body for other, body in resources.items() if other != name})
        assert f'"{name}"' in said, name


def test_the_machine_for_very_large_copies_is_there_and_advance_alone_starts_it(resources):
    machine = resources["CopiesMachine"]["Properties"]
    assert json.loads(machine["DefinitionString"]) == definition("${CopyShardArn}")
    assert machine["DefinitionSubstitutions"] == {"CopyShardArn": {"Fn::GetAtt": ["CopyShard", "Arn"]}}
    here = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
    arn = f"{here}:stateMachine:{machine['StateMachineName']}"
    for title in OF_FUNCTIONS:
        role = resources[resources[title]["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]
        assert text(resources[title]["Properties"]["Environment"]["Variables"]["STEWARD_COPIES_MACHINE_ARN"]) == arn
        starts = [
            text(one)
            for said in statements(role)
            if "states:StartExecution" in said["Action"]
            for one in said["Resource"]
        ]
        assert (arn in starts) is (title == "Advance"), title


def test_s21_s23_the_example_stack_gets_its_two_roles_and_advance_can_take_them(resources):
    """Its file names no role: what is deployed does, and what is deployed is what is made."""
    (stack,) = read_stacks().values()
    assert stack.role is None
    (parameter,) = [
        each for each in of_type(resources, "AWS::SSM::Parameter").values() if "/stacks/" in str(each["Name"])
    ]
    deployed = json.loads(parameter["Value"])
    made = {
        each["RoleName"]: each
        for each in of_type(resources, "AWS::IAM::Role").values()
        if "RoleName" in each and isinstance(each["RoleName"], str)
    }
    assert set(made) == {deployed["role"], deployed["dataRole"]}
    (taken,) = [
        said for said in statements(resources["AdvanceRole"]["Properties"]) if "sts:AssumeRole" in said["Action"]
    ]
    for name, role in made.items():
        arn = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}"
        assert any(fnmatchcase(arn, text(pattern).replace("[", "[[]")) for pattern in taken["Resource"])
        assume, _ = role["AssumeRolePolicyDocument"]["Statement"]
        assert ADVANCE in [text(one) for one in assume["Principal"]["AWS"]]
        assert not any("*" in text(one) for one in assume["Principal"]["AWS"])
        assert assume["Condition"]["StringEquals"] == {"sts:ExternalId": deployed["externalId"]}


def test_s24_api_and_intake_change_nothing_but_steward_s_own_state(resources):
    """No stack, no parameter, no autonomy: those lie in SSM, which both may only read."""
    own = {"dynamodb", "s3", "sqs", "states", "sns", "logs"}
    for title in ("IntakeRole", "ApiHandlerRole"):
        allowed = {
            action
            for said in statements(resources[title]["Properties"])
            if said["Effect"] == "Allow"
            for action in said["Action"]
        }
        reads = {"ssm:GetParametersByPath", "secretsmanager:GetSecretValue"}
        assert {action.partition(":")[0] for action in allowed - reads} <= own
        assert not allowed & {"dynamodb:DeleteItem", "s3:DeleteObject", "sts:AssumeRole"}
