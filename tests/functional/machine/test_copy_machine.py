"""A backup by many hands: the generated Distributed Map runs for real on moto's Step Functions."""

import json
import time
from dataclasses import replace

import boto3
import pytest
from chalice import Chalice
from chalice.test import Client
from moto.awslambda_simple.models import LambdaSimpleBackend, lambda_simple_backends
from moto.core.config import default_user_config

from chalicelib.aws.sfn import Sfn
from chalicelib.engine.copy_machine import StepFunctionsHands, definition
from chalicelib.flows import start
from chalicelib.handlers.copies import copies_blueprint
from chalicelib.models.run import Verdict
from steward.cli.folders import read_runbooks
from steward.sandbox import place
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World

COPY_ARN = f"arn:aws:lambda:{place.REGION}:{place.ACCOUNT}:function:copy_shard"
ROLE = f"arn:aws:iam::{place.ACCOUNT}:role/steward-copies"
MOTO = {**default_user_config, "stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}


class CopyLambda(LambdaSimpleBackend):
    def invoke(self, function_name, qualifier, body, headers, response_headers):
        assert function_name == COPY_ARN
        return json.dumps(self.function(json.loads(body))).encode()


@pytest.fixture
def sim():
    with World.create(seed=4, moto_config=MOTO) as world:
        simulation = Simulation(world, read_runbooks())
        app = Chalice(app_name="mlflow-steward")
        app.register_blueprint(copies_blueprint(lambda: simulation.parts))
        turns = []

        def copy_shard(event):
            turns.append(event["shard"])
            with world.lock:
                return Client(app).lambda_.invoke("copy_shard", event).payload

        backend = CopyLambda(place.REGION, place.ACCOUNT)
        backend.function = copy_shard
        lambda_simple_backends[place.ACCOUNT][place.REGION] = backend
        sfn = boto3.Session(region_name=place.REGION).client("stepfunctions")
        made = sfn.create_state_machine(name="copies", definition=json.dumps(definition(COPY_ARN)), roleArn=ROLE)
        hands = StepFunctionsHands(Sfn(sfn), made["stateMachineArn"])
        engine = simulation.parts.engine
        senses = replace(engine.senses, many_hands=hands)
        simulation.parts = replace(simulation.parts, engine=replace(engine, senses=senses))
        simulation.turns = turns
        yield simulation


def test_what_is_too_long_for_one_worker_is_cut_into_shards_and_becomes_one_backup(sim):
    world = sim.world
    keys = (f"{place.PREFIX}/{number % 9 + 1}/many/{number:06d}" for number in range(1_200))
    world.artifacts.put_many(keys, b"x", world.clock.now())
    sim.parts = with_little_patience(sim.parts)
    start.start(sim.parts, start.Request(runbook="backup-artifacts", stack=place.NAME, principal="somebody"))
    for _ in range(120):
        sim.pass_time(30)
        if sim.is_over():
            break
        time.sleep(0.2)  # the executions are real threads
    (run,) = sim.runs()
    assert run.verdict is Verdict.VERIFIED, run.outcome
    assert len(set(sim.turns)) > 5
    copied = [call.params["Key"] for call in world.calls if call.operation == "CopyObject"]
    assert len(copied) == len(set(copied)) == 1_202
    (step,) = [record for record in sim.parts.engine.runs.steps(run.id) if record.id == "backup"]
    assert "by many workers at once" in step.changes[0].sentence
    assert step.output["objects"] == 1_202


def with_little_patience(parts):
    """As if one worker could do nothing in its time: what is long begins at once."""
    from chalicelib.steps.actions.s3_backup_prefix import BackupPrefix

    actions = {**parts.engine.actions, "s3.backup_prefix": BackupPrefix(long_s=0.5)}
    return replace(parts, engine=replace(parts.engine, actions=actions))
