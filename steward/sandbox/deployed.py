"""A stage as if it were deployed: the packaged template's own resources on the embedded AWS, and the packaged zip's
own functions in processes of their own, under the Runtime API, each with its own role's rights alone. Nothing of the
product runs in this process.

The functions live in real time, as in Lambda; the world is started in the past and catches up with them.
"""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from chalicelib.errors import StewardError
from steward.bench.runtime_api import LambdaProcess
from steward.sandbox import place
from steward.sandbox.deployed_iam import DeployedIam
from steward.sandbox.endpoint import Endpoint
from steward.sandbox.iam_account import key_of
from steward.sandbox.intrinsics import filled_in
from steward.sandbox.world import World

if TYPE_CHECKING:
    from moto.core.config import DefaultConfig

Json = dict[str, Any]
BEHIND = timedelta(minutes=4)
"""How far in the past the world begins: about as long as it takes until an alarm fires."""


class DeployedStage:
    def __init__(self, template: Json, tree: Path, *, seed: int = 0) -> None:
        self._resources: Json = template["Resources"]
        self.tree = tree
        self.world = World.create(seed, datetime.now(UTC) - BEHIND, moto_config=moto_config())
        self.iam = DeployedIam(self.world, self._resources)
        self.endpoint = Endpoint(self.world, self.iam)
        self._processes: dict[str, LambdaProcess] = {}
        self._starting, self._closed = threading.Lock(), False

    def __enter__(self) -> Self:
        try:
            for create in (self._tables, self._buckets, self._parameters):
                create()
            self.machine_arn = self._machine()
        except BaseException:  # boundary: moto is one a process; left open, it would be there for whoever comes next
            self.world.close()
            raise
        self.endpoint.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        with self._starting:  # the machine may be about to wake a function: from now on it wakes none
            self._closed = True
            processes = list(self._processes.values())
        for process in processes:
            process.__exit__(None, None, None)
        self.endpoint.__exit__(None, None, None)
        self.world.close()

    def live(self, over: threading.Event) -> None:
        """The world in real time, until it is over: what was started must be younger than what was stopped."""
        while not over.wait(0.5):
            self.world.advance(max(0.0, (datetime.now(UTC) - self.world.clock.now()).total_seconds()))

    # What Lambda does

    def ask(self, function: str, event: Json) -> Any:  # noqa: ANN401 - whatever the function answers
        """By its logical id."""
        return self.process(function).ask(event)

    def process(self, function: str) -> LambdaProcess:
        with self._starting:
            if self._closed:
                raise StewardError("the stage is closed")
            if function not in self._processes:
                self._processes[function] = self.new_process(function).__enter__()
            return self._processes[function]

    def new_process(self, function: str) -> LambdaProcess:
        properties = self._resources[function]["Properties"]
        return LambdaProcess(self.tree, properties["Handler"], self.environment(function))

    def environment(self, function: str) -> dict[str, str]:
        """What the template says, and what Lambda itself adds."""
        properties = self._resources[function]["Properties"]
        variables = properties.get("Environment", {}).get("Variables", {})
        said = {name: str(filled_in(value)) for name, value in variables.items()}
        said["AWS_LAMBDA_FUNCTION_NAME"] = properties["FunctionName"]  # by its name sweep knows that it may migrate
        own = {"AWS_REGION": place.REGION, "AWS_DEFAULT_REGION": place.REGION, "AWS_ENDPOINT_URL": self.endpoint.url}
        return {**said, **own, "AWS_ACCESS_KEY_ID": key_of(function), "AWS_SECRET_ACCESS_KEY": "sandbox"}

    # What CloudFormation does

    def _of_type(self, kind: str) -> dict[str, Json]:
        return {name: body["Properties"] for name, body in self._resources.items() if body["Type"] == kind}

    def _tables(self) -> None:
        wanted = ("TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        for table in self._of_type("AWS::DynamoDB::Table").values():
            self.world.own_client("dynamodb").create_table(**{name: table[name] for name in wanted})

    def _buckets(self) -> None:
        here = {"LocationConstraint": place.REGION}
        for bucket in self._of_type("AWS::S3::Bucket").values():
            name = filled_in(bucket["BucketName"])
            self.world.own_client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=here)

    def _parameters(self) -> None:
        for parameter in self._of_type("AWS::SSM::Parameter").values():
            if isinstance(parameter["Value"], str):
                self.put_parameter(parameter["Name"], parameter["Value"])

    def put_parameter(self, name: str, value: str) -> None:
        self.world.own_client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def _machine(self) -> str:
        machine = self._of_type("AWS::StepFunctions::StateMachine")["Machine"]
        advance = f"arn:aws:lambda:{place.REGION}:{place.ACCOUNT}:function:Advance"
        answering(lambda event: self.process("Advance").invoke(event))
        made = self.world.own_client("stepfunctions").create_state_machine(
            name=machine["StateMachineName"],
            definition=machine["DefinitionString"].replace("${AdvanceArn}", advance),
            roleArn=f"arn:aws:iam::{place.ACCOUNT}:role/machine",
        )
        return str(made["stateMachineArn"])


def moto_config() -> "DefaultConfig":
    return {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}


def answering(invoke: Any) -> None:  # noqa: ANN401 - an event to what a LambdaProcess answers
    """moto's Lambda without Docker answers nothing by itself: whatever is invoked is the deployed `advance`."""
    from moto.awslambda_simple.models import LambdaSimpleBackend, lambda_simple_backends

    class Functions(LambdaSimpleBackend):
        def invoke(self, function_name: str, qualifier: Any, body: Any, headers: Any, response_headers: Json) -> bytes:  # noqa: ANN401, ARG002
            answered = invoke(json.loads(body))
            if answered.error is not None:
                response_headers["x-amz-function-error"] = "Unhandled"
                return json.dumps(answered.error).encode()
            return json.dumps(answered.payload).encode()

    lambda_simple_backends[place.ACCOUNT][place.REGION] = Functions(place.REGION, place.ACCOUNT)
