"""The packaged functions that no alarm wakes: webhooks and their authorizer, a shard's turn, `reach`."""

import copy
import json
from datetime import UTC, datetime

import pytest

from chalicelib.models.webhook import WebhookCredential
from chalicelib.net.http import HttpRequest
from chalicelib.net.reach_words import AskHttp, ReachRequest
from steward.bench.runtime_api import LambdaProcess
from steward.cli.folders import read_stacks
from steward.packaging.deployed_stack import as_deployed
from steward.packaging.names import Names
from steward.packaging.rights_functions import Deployed, function_policies
from steward.sandbox import place

from .test_packaged_functions import _schedule, request, runs_of

ROUTE = "/v1/webhooks/alertmanager"
ARN = f"arn:aws:execute-api:{place.REGION}:{place.ACCOUNT}:a1b2c3d4e5/dev/POST{ROUTE}"
SECRET, TOKEN = "steward/hooks/alertmanager", "a-token-that-only-the-sender-knows"
HOOKS = {"prometheus": {"source": "alertmanager", "secret": SECRET, "stacks": [place.NAME]}}


@pytest.fixture
def template(template):
    """With the rights that packaging gives a stage with such a webhook in .chalice/config.json."""
    webhooks = {name: WebhookCredential.model_validate(each) for name, each in HOOKS.items()}
    stacks = [as_deployed(stack, "dev") for stack in read_stacks().values()]
    policies = function_policies(Names("dev"), Deployed(stacks, webhooks, copies=True))
    hooked = copy.deepcopy(template)
    for title, which in (("WebhookAuthorizer", "webhook-authorizer"), ("APIHandler", "api")):
        role = hooked["Resources"][title]["Properties"]["Role"]["Fn::GetAtt"][0]
        hooked["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"] = policies[which]
    return hooked


@pytest.fixture
def hooked(stage, tree, template):
    """The functions with a webhook in their environment, as .chalice/config.json would give it."""
    stage.world.own_client("secretsmanager").create_secret(Name=SECRET, SecretString=TOKEN)
    made = []

    def process(function):
        handler = template["Resources"][function]["Properties"]["Handler"]
        told = {**stage.environment(function), "STEWARD_WEBHOOKS": json.dumps(HOOKS)}
        made.append(LambdaProcess(tree, handler, told).__enter__())
        return made[-1]

    yield process
    for each in made:
        each.__exit__(None, None, None)


def asking(token):
    return {"type": "TOKEN", "methodArn": ARN, "authorizationToken": token}


def allowed(answer):
    return [
        resource
        for said in answer["policyDocument"]["Statement"]
        if said["Effect"] == "Allow"
        for resource in said["Resource"]
    ]


def test_s28_the_authorizer_lets_in_who_has_the_token_to_its_own_route_alone_and_nobody_else(hooked):
    authorizer = hooked("WebhookAuthorizer")
    let_in = authorizer.ask(asking(f"Bearer {TOKEN}"))
    assert let_in["principalId"] == "prometheus"
    assert [resource.endswith(f"/POST{ROUTE}") for resource in allowed(let_in)] == [True]
    for wrong in ("Bearer forged-forged-forged-forged", TOKEN, "Bearer ", ""):
        kept_out = authorizer.ask(asking(wrong))
        assert (kept_out["principalId"], allowed(kept_out)) == ("nobody", []), wrong
    assert TOKEN.encode() not in authorizer.log


def test_a_webhook_that_the_authorizer_let_in_becomes_a_run(hooked, stage):
    alert = {
        "status": "firing",
        "labels": {"alertname": "MLflowDown", "steward_stack": place.NAME},
        "fingerprint": "f1",
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
    }
    body = json.dumps({"version": "4", "receiver": "steward", "status": "firing", "alerts": [alert]})
    knock = request("POST", ROUTE, body)
    knock["requestContext"]["authorizer"] = {"principalId": "prometheus"}
    api = hooked("APIHandler")
    answer = api.ask(knock)
    assert answer["statusCode"] == 202, answer
    assert json.loads(answer["body"])["alerts"][0]["outcome"] == "run"
    assert runs_of(stage).recent(place.NAME).rows
    knock["requestContext"]["authorizer"] = {"principalId": "nobody"}
    assert api.ask(knock)["statusCode"] in {401, 403}


def test_s8_a_shard_s_turn_copies_nothing_once_steward_is_stopped_and_refuses_a_run_that_is_not_there(stage, template):
    given = json.loads(_schedule(template, "health-check")["Target"]["Input"])
    stage.ask("Schedule", {**given, "scheduled_at": datetime.now(UTC).isoformat()})
    (run,) = runs_of(stage).recent(given["stack"]).rows
    stage.world.own_client("dynamodb").update_item(
        TableName=Names("dev").table,
        Key={"pk": {"S": "FLEET"}, "sk": {"S": "LEDGER"}},
        UpdateExpression="SET stopped = :why ADD version :one",
        ExpressionAttributeValues={":why": {"S": "a test"}, ":one": {"N": "1"}},
    )
    turn = {"run_id": run.id, "step": "copy", "backup": "b-1", "shard": 0}
    assert stage.ask("CopyShard", turn) == {"next": "stop", "shard": 0}
    failed = stage.process("CopyShard").invoke({**turn, "run_id": "r-000000000000"})
    assert failed.error["errorType"] == "UnknownName"


def test_s25_reach_knows_no_aws_and_connects_to_no_loopback_or_metadata_address(tree):
    """Without a variable of Steward's: its function has none, and no right either."""
    with LambdaProcess(tree, "app.reach", {"AWS_REGION": place.REGION}) as reach:
        for url in ("http://127.0.0.1:8080/", "http://169.254.169.254/latest/meta-data/"):
            ask = AskHttp.of(HttpRequest("GET", url, timeout_s=2, allow_hosts=("127.0.0.1", "169.254.169.254")))
            said = reach.ask(ReachRequest(ask=ask).model_dump(mode="json"))["said"]
            assert (said["kind"], said["failure"]) == ("no_http", "forbidden_address")
        assert reach.ask({"ask": {"kind": "shell"}})["said"]["kind"] == "not_done"
