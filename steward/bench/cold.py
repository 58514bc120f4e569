"""Cold starts: the zip as built, under the Runtime API, fresh process to first answer, beside a bare boto3 handler.

The bare handler makes the same first calls on the same embedded AWS, and nothing else: those that every function
makes before it looks at its event, the stacks from SSM and the version of the layout from DynamoDB. That they are
the same is checked. Its wait and ours are the same machine's, so the ratio says what Steward adds.
"""

import json
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chalicelib.errors import StewardError
from steward.bench.figures import Figure, median_ratio
from steward.bench.runtime_api import LambdaProcess
from steward.cli.folders import PROJECT, read_runbooks, read_stacks
from steward.packaging.bytecode_zip import compile_tree
from steward.packaging.names import LOGICAL
from steward.packaging.package import Packaged, package
from steward.sandbox import place
from steward.sandbox.deployed import DeployedStage

Json = dict[str, Any]
PAIRS = 7
LIMITS = {"intake": 1.8, "advance": 2.0, "api": 1.8}
ALONGSIDE = ("schedule", "sweep", "webhook-authorizer", "copy-shard", "reach")
"""Nothing is promised of these, and nobody waits for them; what they take and hold is told."""
BUILT_LIMIT, WEIGHT_LIMIT_MB = 1.1, 8.0
_TITLES = {**LOGICAL, "copy-shard": "CopyShard"}
FIRST_CALLS = ["ssm:GetParametersByPath", "dynamodb:GetItem"]
BARE = '''"""A bare handler: two clients, a call each."""

import boto3

KEY = {"pk": {"S": "SCHEMA"}, "sk": {"S": "VERSION"}}


def handler(event, context):
    stacks = boto3.client("ssm").get_parameters_by_path(Path="/steward/dev/stacks", Recursive=True)["Parameters"]
    found = boto3.client("dynamodb").get_item(TableName="mlflow-steward-dev", Key=KEY, ConsistentRead=True)
    return {"statusCode": 200, "stacks": len(stacks), "found": "Item" in found}
'''


def cold_figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="steward-cold-") as folder:
        place = Path(folder)
        built = package(PROJECT, "dev", place / "out", read_stacks(), read_runbooks())
        yield _weight(built)
        tree, bare = _unpacked(built, place / "tree"), place / "bare"
        bare.mkdir()
        (bare / "bare.py").write_text(BARE)
        with DeployedStage(json.loads(built.template.read_text()), tree) as stage:
            for name, limit in LIMITS.items():
                yield _against_bare(stage, name, bare, limit)
            for name in ALONGSIDE:
                yield _against_bare(stage, name, bare, None)
            yield _as_built(stage, tree, place)


def _weight(built: Packaged) -> Figure:
    size = round(built.zip_bytes / 1e6, 2)
    return Figure("zip", size, "MB", WEIGHT_LIMIT_MB, f"{built.resources} resources in its template")


def _unpacked(built: Packaged, tree: Path) -> Path:
    with zipfile.ZipFile(built.archive) as zipped:
        zipped.extractall(tree)
    return tree


def _against_bare(stage: DeployedStage, name: str, bare: Path, limit: float | None) -> Figure:
    def ours() -> LambdaProcess:
        return _process(stage, name)

    def theirs() -> LambdaProcess:
        return LambdaProcess(bare, "bare.handler", stage.environment("Intake"))

    if limit is not None:
        _must_begin_alike(stage, name, theirs)
    pairs, peaks = [], [0, 0]
    for number in range(PAIRS + 1):
        (mine, my_peak), (other, other_peak) = _start(ours, _event(name, number)), _start(theirs, {})
        peaks = [max(peaks[0], my_peak), max(peaks[1], other_peak)]
        if number:  # the first pair fills the machine's caches
            pairs.append((mine, other))
    best = [min(side) * 1000 for side in zip(*pairs, strict=True)]
    said = (
        f"{best[0]:.0f} ms and {peaks[0] / 1024:.0f} MB, bare handler {best[1]:.0f} ms and {peaks[1] / 1024:.0f} MB; "
        f"median of {PAIRS} interleaved pairs"
    )
    return Figure(f"cold_{name}", median_ratio(pairs), "times a bare boto3 handler", limit, said)


def _process(stage: DeployedStage, name: str) -> LambdaProcess:
    if name == "reach":  # made for stacks with a network only, and without a variable of Steward's
        return LambdaProcess(stage.tree, "app.reach", {"AWS_REGION": place.REGION})
    return stage.new_process(_TITLES[name])


def _must_begin_alike(stage: DeployedStage, name: str, bare: Callable[[], LambdaProcess]) -> None:
    """Beside a handler that asks for something else the ratio would say nothing."""
    for make, event in ((lambda: _process(stage, name), _event(name, "first")), (bare, {})):
        asked = len(stage.endpoint.asked)
        _start(make, event)
        begun = stage.endpoint.asked[asked:][: len(FIRST_CALLS)]
        if begun != FIRST_CALLS:
            raise StewardError(f"{name} is not measured beside its like: it begins with {', '.join(begun)}")


def _as_built(stage: DeployedStage, tree: Path, place: Path) -> Figure:
    """Against the same tree whose bytecode was made on this machine a moment ago."""
    fresh = Path(shutil.copytree(tree, place / "fresh"))
    compile_tree(fresh)

    def process(of: Path) -> Callable[[], LambdaProcess]:
        return lambda: LambdaProcess(of, "app.intake", stage.environment("Intake"))

    pairs = []
    for number in range(PAIRS + 1):
        built, made = (_start(process(of), _event("intake", f"{number}-{of.name}"))[0] for of in (tree, fresh))
        if number:
            pairs.append((built, made))
    best = [min(side) * 1000 for side in zip(*pairs, strict=True)]
    said = f"{best[0]:.0f} ms as built, {best[1]:.0f} ms with bytecode made here"
    return Figure("cold_as_built", median_ratio(pairs), "times valid bytecode", BUILT_LIMIT, said)


def _event(name: str, number: object) -> Json:
    match name:
        case "advance":
            return {"run_id": "r-000000000000", "generation": 1}
        case "api":
            who = {"userArn": "arn:aws:iam::123456789012:user/bench"}
            context = {"resourcePath": "/v1/runs", "httpMethod": "GET", "requestId": "bench", "identity": who}
            keys = (
                "headers",
                "multiValueHeaders",
                "pathParameters",
                "stageVariables",
                "multiValueQueryStringParameters",
            )
            return {
                **dict.fromkeys(keys),
                "headers": {},
                "requestContext": context,
                "body": None,
                "isBase64Encoded": False,
            }
        case "webhook-authorizer":
            route = f"arn:aws:execute-api:{place.REGION}:{place.ACCOUNT}:api/dev/POST/v1/webhooks/alertmanager"
            return {"type": "TOKEN", "methodArn": route, "authorizationToken": "Bearer nobody-nobody-nobody"}
        case "copy-shard":
            return {"run_id": "r-000000000000", "step": "copy", "backup": "b-1", "shard": 0}
        case "reach":
            return {"ask": {"kind": "nothing"}}
        case "sweep":
            return {}
    return {"version": "0", "id": f"bench-{number}", "source": "bench", "detail-type": "none", "detail": {"n": 1}}


def _start(make: Callable[[], LambdaProcess], event: Json) -> tuple[float, int]:
    """Seconds from nothing to the first answer, and the peak in KB."""
    with make() as process:
        begun = time.perf_counter()
        answered = process.invoke(event)
        if answered.error is not None and answered.error.get("errorType") != "UnknownName":
            # that a run is unknown is an answer; whatever else goes wrong is no cold start
            raise StewardError(f"it failed: {json.dumps(answered.error)[:1000]}")
        took = time.perf_counter() - begun
        process.stop()
        return took, process.peak_kb
