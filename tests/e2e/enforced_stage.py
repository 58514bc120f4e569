"""A world and all of Steward's functions in it, each with its own packaged rights."""

import json

from chalicelib.flows.ingest import ingest_all
from steward.sandbox import place
from steward.sandbox.enforcement import Enforcement
from steward.sandbox.gateway import Gateway, key_of
from steward.sandbox.own_functions import SLACK, STAGE_HAS, OwnFunctions
from steward.sandbox.simulation import Simulation
from tests.shipped import read_knowledge, read_runbooks

CHANNELS = {"default": ("log", "sns:ops-topic", "chat:ops-chat", f"slack:{SLACK}")}
TICK_S = 45
"""The table is moto's: to look every five seconds would take the longest."""


class Stage:
    """A world and all of Steward's functions in it, each with its own rights."""

    def __init__(self, world, *, amend=lambda parts: parts, **over):
        self.world = world
        stack = world.stack().model_copy(update={"channels": CHANNELS, **over})
        self.iam = Enforcement.of(world, stack, read_runbooks(), STAGE_HAS)
        self.functions = OwnFunctions(self.iam, read_runbooks(), amend=amend, knowledge=read_knowledge())
        self.sim = Simulation(world, read_runbooks(), enforcement=self.iam, functions=self.functions)
        self.seen = self.functions.observer
        self.gateway = Gateway(self.sim)

    def parts(self, function):
        return self.functions.parts(function)

    def until(self, done, limit_s=7200):
        assert self.sim.run_until(done, limit_s=limit_s, tick_s=TICK_S)

    def over(self):
        self.until(self.sim.is_over)
        return self.sim.runs()[-1]

    def ask(self, method, path, body=None, role="admin", expect=200, **headers):
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        text = json.dumps(body).encode() if body is not None else b""
        given = {"host": "127.0.0.1:1", "content-type": "application/json", **headers}
        request = AWSRequest(method, f"http://127.0.0.1:1{path}", given, text)
        SigV4Auth(Credentials(*key_of(role)), "execute-api", place.REGION).add_auth(request)
        status, _, said = self.gateway.answer(method, path, dict(request.headers), text)
        assert status == expect, (method, path, status, said)
        return json.loads(said)

    def knock(self, source, body, token=None):
        given = {"content-type": "application/json", "authorization": f"Bearer {token or place.WEBHOOK_TOKENS[source]}"}
        return self.gateway.answer("POST", f"/v1/webhooks/{source}", given, body)

    def schedule(self, runbook):
        at = self.world.clock.now().isoformat()
        payload = {"steward": "schedule", "runbook": runbook, "stack": place.NAME, "scheduled_at": at}
        return ingest_all(self.parts("schedule"), payload)[0].outcome
