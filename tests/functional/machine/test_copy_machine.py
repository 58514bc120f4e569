"""A backup by many hands: the generated Distributed Map runs for real on moto's Step Functions."""

import json
import time
from dataclasses import replace

import pytest
from chalice import Chalice
from chalice.test import Client
from moto.awslambda_simple.models import LambdaSimpleBackend, lambda_simple_backends
from moto.core.config import default_user_config

from chalicelib.aws.sfn import Sfn
from chalicelib.engine.copy_machine import StepFunctionsHands, definition
from chalicelib.flows import start
from chalicelib.flows.copy_shard import copy_shard
from chalicelib.handlers.copies import copies_blueprint
from chalicelib.models.run import Verdict
from chalicelib.steps.backup_crowd import MOST_EXECUTIONS
from chalicelib.steps.many_hands import Crowd
from steward.sandbox import place
from steward.sandbox.simulation import Simulation
from steward.sandbox.world import World
from tests.aws_sessions import aws_session
from tests.shipped import read_runbooks

COPY_ARN = f"arn:aws:lambda:{place.REGION}:{place.ACCOUNT}:function:copy_shard"
ROLE = f"arn:aws:iam::{place.ACCOUNT}:role/steward-copies"
MANY = 300
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

        dies = {3}

        def turn(event):
            turns.append(event["shard"])
            if event["shard"] in dies:
                dies.remove(event["shard"])
                raise RuntimeError("this worker dies once")
            with world.lock:
                return Client(app).lambda_.invoke("copy_shard", event).payload

        backend = CopyLambda(place.REGION, place.ACCOUNT)
        backend.function = turn
        lambda_simple_backends[place.ACCOUNT][place.REGION] = backend
        sfn = aws_session(region_name=place.REGION).client("stepfunctions")
        made = sfn.create_state_machine(
            name="copies", definition=json.dumps(in_haste(definition(COPY_ARN))), roleArn=ROLE
        )
        hands = StepFunctionsHands(Sfn(sfn), made["stateMachineArn"])
        engine = simulation.parts.engine
        senses = replace(engine.senses, many_hands=hands)
        simulation.parts = replace(simulation.parts, engine=replace(engine, senses=senses))
        simulation.turns = turns
        yield simulation


def test_what_is_too_long_for_one_worker_is_cut_into_shards_and_becomes_one_backup(sim):
    world = sim.world
    keys = (f"{place.PREFIX}/{number % 9 + 1}/many/{number:06d}" for number in range(MANY))
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
    assert sim.turns.count(3) >= 2, "its worker died once and was tried again"
    copied = [call.params["Key"] for call in world.calls if call.operation == "CopyObject"]
    assert len(copied) == len(set(copied)) == MANY + 2
    (step,) = [record for record in sim.parts.engine.runs.steps(run.id) if record.id == "backup"]
    assert "by many workers at once" in step.changes[0].sentence
    assert step.output["objects"] == MANY + 2


def in_haste(machine):
    """The same, with a second between two attempts: the executions are real. moto knows no tolerated failures."""
    machine["States"]["Shards"].pop("ToleratedFailurePercentage")
    text = json.dumps(machine)
    return json.loads(text.replace('"IntervalSeconds": 15', '"IntervalSeconds": 1'))


def with_little_patience(parts):
    """As if one worker could do nothing in its time: what is long begins at once."""
    from chalicelib.steps.actions.s3_backup_prefix import BackupPrefix

    actions = {**parts.engine.actions, "s3.backup_prefix": BackupPrefix(long_s=0.1)}
    return replace(parts, engine=replace(parts.engine, actions=actions))


class Twin:
    """Many hands that work at once or, told to, die at a shard: what Step Functions would tell of it comes out."""

    def __init__(self):
        self.begun, self.stopped, self.states = {}, [], {}
        self.work = None
        self.dies = lambda _name, _shard: False
        self.idle = False

    def begin(self, name, items):
        if name in self.begun:
            return
        self.begun[name] = [item["shard"] for item in items]
        self.states[name] = Crowd.WORKING if self.idle else Crowd.DONE
        for item in [] if self.idle else items:
            if self.dies(name, item["shard"]):
                self.states[name] = Crowd.FAILED
                continue
            while self.work(item)["next"] == "copy":
                pass

    def state(self, name):
        return self.states.get(name, Crowd.FAILED)

    def stop(self, name, why):
        self.stopped.append(name)


@pytest.fixture
def twin():
    with World.create(seed=4) as world:
        simulation, hands = Simulation(world, read_runbooks()), Twin()
        engine = simulation.parts.engine
        senses = replace(engine.senses, many_hands=hands)
        simulation.parts = with_little_patience(replace(simulation.parts, engine=replace(engine, senses=senses)))
        hands.work = lambda item: copy_shard(simulation.parts, item)
        keys = (f"{place.PREFIX}/{number % 9 + 1}/many/{number:06d}" for number in range(MANY))
        world.artifacts.put_many(keys, b"x", world.clock.now())
        yield simulation, hands


def started(sim):
    start.start(sim.parts, start.Request(runbook="backup-artifacts", stack=place.NAME, principal="somebody"))


def to_its_end(sim):
    for _ in range(100):
        sim.pass_time(30)
        if sim.is_over():
            return sim.runs()[0]
    raise AssertionError("it does not come to an end")


def test_shards_whose_execution_failed_are_begun_again_under_another_name(twin):
    sim, hands = twin
    hands.dies = lambda name, shard: shard in {2, 5} and not name.endswith("-3")
    started(sim)
    run = to_its_end(sim)
    assert run.verdict is Verdict.VERIFIED, run.outcome
    first, second, third = hands.begun.items()
    assert (second, third) == ((f"{first[0]}-2", [2, 5]), (f"{first[0]}-3", [2, 5]))
    copied = [call.params["Key"] for call in sim.world.calls if call.operation == "CopyObject"]
    assert len(copied) == len(set(copied)) == MANY + 2


def test_a_shard_that_never_comes_to_its_end_is_told_after_some_executions(twin):
    sim, hands = twin
    hands.dies = lambda _, shard: shard == 2
    started(sim)
    run = to_its_end(sim)
    assert run.verdict is not Verdict.VERIFIED
    assert len(hands.begun) == MOST_EXECUTIONS
    (step,) = [record for record in sim.parts.engine.runs.steps(run.id) if record.id == "backup"]
    assert "1 of 10 shards are not over" in step.detail


def test_a_cancelled_backup_stops_its_execution_and_its_workers_turn_no_more(twin):
    sim, hands = twin
    hands.idle = True
    started(sim)
    sim.pass_time(60)
    (name,) = hands.begun
    (run,) = sim.runs()
    sim.parts.engine.runs.request_cancel(run.id, "somebody", "enough", sim.world.clock.now())
    to_its_end(sim)
    assert name in hands.stopped
    item = {"run_id": run.id, "step": "backup", "backup": name, "shard": 0}
    assert copy_shard(sim.parts, item)["next"] == "stop"


def test_every_way_in_which_a_worker_dies_is_tried_again_and_bounded():
    copy = definition(COPY_ARN)["States"]["Shards"]["ItemProcessor"]["States"]["Copy"]
    named = {error for retry in copy["Retry"] for error in retry["ErrorEquals"]}
    assert named >= {
        "Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.AWSLambdaException",
        "Lambda.SdkClientException", "Lambda.Unknown", "States.Timeout", "States.TaskFailed",
    }  # fmt: skip
    assert all(0 < retry["MaxAttempts"] <= 8 for retry in copy["Retry"])
