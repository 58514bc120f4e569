"""Steward's own functions in this process: each built by wiring, with the environment that packaging gives it, over the
stage's own table, buckets, parameters and machines, and with its own rights alone (S24).

A turn of the clock, the outside and the logins are the world's; whatever else a function reaches is an AWS call.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chalicelib.aws.sfn import Sfn
from chalicelib.catalog.deployed import stack_parameter
from chalicelib.diagnosis.knowledge import Knowledge
from chalicelib.engine import copy_machine, machine
from chalicelib.engine.copy_machine import StepFunctionsHands
from chalicelib.engine.drivers import Driver, LocalDriver
from chalicelib.flows.copy_shard import copy_shard
from chalicelib.flows.parts import Parts
from chalicelib.flows.reach import Inside, reach
from chalicelib.models.runbook import Runbook
from chalicelib.net.http import HttpAnswer, HttpPort, HttpRequest
from chalicelib.notify.channels import SLACK_HOSTS
from chalicelib.steps.many_hands import Crowd
from chalicelib.steps.side_by_side import one_after_another
from chalicelib.store.dynamodb import table_definition
from chalicelib.wiring import build
from steward.cli.knowledge import read_knowledge
from steward.packaging.functions import environment
from steward.packaging.names import Names
from steward.packaging.rights import COPYING
from steward.packaging.rights_functions import Deployed
from steward.packaging.vendored import compiled
from steward.sandbox import place
from steward.sandbox.deployed import answering
from steward.sandbox.enforcement import STAGE, Enforcement
from steward.sandbox.intrinsics import filled, filled_in

if TYPE_CHECKING:
    from steward.sandbox.world import World

FINGERPRINTS = "steward/fingerprints"
SLACK = "steward/slack"
"""The secret that holds the address of an incoming webhook."""
STAGE_HAS = Deployed(webhooks=place.WEBHOOKS, fingerprint_secret=FINGERPRINTS, copies=True)
_OBSERVER = "observer"


@dataclass
class OwnFunctions:
    iam: Enforcement
    runbooks: Mapping[str, Runbook]
    amend: Callable[[Parts], Parts] = field(default=lambda parts: parts)
    driver: LocalDriver = field(default_factory=LocalDriver)
    idle: bool = False
    """The machine for very large copies is started, and gets nothing done."""
    knowledge: Knowledge = field(default_factory=read_knowledge)

    def __post_init__(self) -> None:
        self._world, self._names = self.iam.world, Names(STAGE)
        self._found(self._world)
        self._compiled = compiled(self.runbooks.values(), self.knowledge, [self.iam.stack])
        self._parts: dict[str, Parts] = {}
        self.parts("sweep")  # it alone writes the version of the table's layout

    @property
    def observer(self) -> Parts:
        """Nobody's rights: for whoever looks at what happened."""
        return self.parts(_OBSERVER)

    def parts(self, function: str) -> Parts:
        if function not in self._parts:
            self._parts[function] = self.amend(self._made(function))
        return self._parts[function]

    def _made(self, function: str) -> Parts:
        world = self._world
        lend = partial(self.iam.session_of, function) if function != _OBSERVER else lambda *_: world.own_session()
        sfn = Sfn(lend(place.REGION, None).client("stepfunctions"))
        crowd = StepFunctionsHands(sfn, filled(f"{self._names.machine_arn}-copies"))
        senses = {
            "databases": world.databases,
            "directories": world.directories,
            "in_network": True,
            "side_by_side": one_after_another,
            "copies_at_once": 0,
            "many_hands": _Shards(crowd, self),
        }
        given = self._environment(function)
        parts = build(given, lend=lend, read=self._compiled.get, http=_Outside(world.http), senses=senses)
        return replace(
            parts,
            engine=replace(parts.engine, jitter=lambda: 0.5),
            driver=_Both(parts.driver, self.driver),
            clock=world.clock,
            pause=lambda _seconds: None,
        )

    def _environment(self, function: str) -> dict[str, str]:
        return {
            **filled_in(environment(self._names, copies=True)),
            "AWS_REGION": place.REGION,
            "AWS_LAMBDA_FUNCTION_NAME": self._names.function(function),
            "STEWARD_ROLES": json.dumps(place.ROLES),
            "STEWARD_WEBHOOKS": json.dumps(
                {name: one.model_dump(mode="json", exclude_defaults=True) for name, one in place.WEBHOOKS.items()}
            ),
            "STEWARD_FINGERPRINT_SECRET": FINGERPRINTS,
        }

    def _found(self, world: "World") -> None:
        """What the template makes."""
        names, own = self._names, world.own_client
        world.prepare("sns", "secretsmanager", "s3")
        own("dynamodb").create_table(**table_definition(names.table))
        for bucket in ("archive", "evidence"):
            here = {"LocationConstraint": place.REGION}
            own("s3").create_bucket(Bucket=filled(names.bucket(bucket)), CreateBucketConfiguration=here)
        parameter = f"{names.stacks_path}/{self.iam.stack.stack}"
        own("ssm").put_parameter(Name=parameter, Value=stack_parameter(self.iam.stack), Type="String")
        secrets = {one.secret: place.WEBHOOK_TOKENS[name] for name, one in place.WEBHOOKS.items()}
        secrets |= {FINGERPRINTS: "a-key-of-fingerprints", SLACK: "https://hooks.slack.com/services/T0/B0/sandbox"}
        for name, text in secrets.items():
            own("secretsmanager").create_secret(Name=name, SecretString=text)
        own("sns").create_topic(Name="ops-chat")
        arn = f"arn:aws:lambda:{place.REGION}:{place.ACCOUNT}:function:any"
        role = f"arn:aws:iam::{place.ACCOUNT}:role/machine"
        for name, said in (("", machine.definition(arn)), ("-copies", copy_machine.definition(arn))):
            own("stepfunctions").create_state_machine(
                name=f"{names.prefix}{name}", definition=json.dumps(said), roleArn=role
            )
        inside = Inside(databases=world.databases, directories=world.directories, http=world.http)
        answering(lambda event: _Answered(reach(inside, event)))


@dataclass(frozen=True)
class _Answered:
    """As a LambdaProcess answers."""

    payload: Any
    error: None = None


@dataclass(frozen=True)
class _Both:
    """The machine's execution is started and its bell rung; who works is the loop in this process."""

    machine: Driver
    loop: LocalDriver

    def start(self, run_id: str, generation: int) -> None:
        self.machine.start(run_id, generation)
        self.loop.start(run_id, generation)

    def ring(self, run_id: str, token: str | None) -> None:
        self.machine.ring(run_id, token)
        self.loop.ring(run_id, token)


@dataclass(frozen=True)
class _Shards:
    """The machine for very large copies: its execution is started, and `copy-shard` turns here until all is over."""

    machine: StepFunctionsHands
    functions: OwnFunctions
    begun: set[str] = field(default_factory=set)

    def begin(self, name: str, items: list[dict[str, Any]]) -> None:
        self.machine.begin(name, items)
        if name in self.begun or self.functions.idle:
            return
        self.begun.add(name)
        for item in items:
            while copy_shard(self.functions.parts(COPYING), item)["next"] == "copy":
                pass

    def state(self, name: str) -> Crowd:
        found = self.machine.state(name)
        return Crowd.DONE if found is Crowd.WORKING and name in self.begun else found

    def stop(self, name: str, why: str) -> None:
        self.machine.stop(name, why)


@dataclass(frozen=True)
class _Outside:
    """The world's addresses, and Slack, which takes whatever it is sent; nothing leaves the process."""

    world: HttpPort

    def ask(self, request: HttpRequest) -> HttpAnswer:
        if urlsplit(request.url).hostname in SLACK_HOSTS:
            return HttpAnswer(200, {}, b"ok", 0.01)
        return self.world.ask(request)
