"""Loading: names fit files, stacks make sense, and what packaging compiles is what was written."""

import json
from pathlib import Path

import pytest

from chalicelib.catalog.load import Catalog, compile_catalog, load_runbook, load_stack
from chalicelib.errors import DocumentError, DocumentErrors, UnknownName
from chalicelib.models.shape import canonical_json

ROOT = Path(__file__).parents[3]
STACK = """\
stack: a
region: eu-west-2
ecs: {cluster: c, service: s}
"""


@pytest.mark.parametrize("file", sorted((ROOT / "runbooks").glob("*.yml")), ids=lambda path: path.stem)
def test_every_shipped_runbook_loads_and_survives_compiling(file):
    runbook = load_runbook(file.read_bytes(), f"runbooks/{file.name}")
    compiled = json.loads(json.dumps(compile_catalog([runbook])))
    again = Catalog.from_json(compiled).runbook(file.stem)
    assert again.content_hash == runbook.content_hash


@pytest.mark.parametrize("file", sorted((ROOT / "stacks").glob("*.yml")), ids=lambda path: path.stem)
def test_every_shipped_stack_loads_and_survives_json(file):
    stack = load_stack(file.read_bytes(), f"stacks/{file.name}")
    assert type(stack).model_validate_json(stack.model_dump_json()).version == stack.version


def test_the_fraud_scoring_stack_is_the_one_of_the_sandbox():
    stack = load_stack((ROOT / "stacks/fraud-scoring-mlflow.yml").read_bytes(), "stacks/fraud-scoring-mlflow.yml")
    assert stack.service_ref == "fraud-scoring-mlflow-cluster/fraud-scoring-mlflow"
    assert stack.autonomy == "auto"
    assert stack.alarms == ("fraud-scoring-mlflow-*",)
    assert stack.channels == {"default": ("log",)}


def test_a_name_is_its_files_name():
    with pytest.raises(DocumentErrors, match=r"^stacks/b.yml:1:1: stack: is `a`, but the file is b.yml"):
        load_stack(STACK, "stacks/b.yml")
    assert load_stack(STACK, "stacks/a.yml").stack == load_stack(STACK, "<stdin>").stack == "a"


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("url: ftp://x\n", 4, "url", "http:// or https://"),
        ("url: http://me:pw@x/\n", 4, "url", "holds credentials"),
        ("role: steward\n", 4, "role", "needs the account"),
        ("mlflow: {auth: basic}\n", 4, "mlflow.auth", "adminSecret"),
        ("database:\n  engine: postgres\n", 4, "database", "either `instance:` or `cluster:`"),
        ("database: {instance: a, cluster: b}\n", 4, "database", "not both"),
        ("topics: [x]\n", 4, "topics[0]", "must be the ARN"),
        ("freeze:\n  - {from: 22:00, until: 06:00, timezone: Mars/Base}\n", 5, "freeze[0].timezone", "no time zone"),
        (
            "freeze:\n  - {from: 2026-01-02T00:00:00Z, until: 2026-01-01T00:00:00Z}\n",
            5,
            "freeze[0].until",
            "later than",
        ),
        ("channels: {critical: [log]}\n", 4, "channels", "default"),
    ],
)
def test_a_stack_that_makes_no_sense_is_refused_with_its_line(text, line, field, words):
    with pytest.raises(DocumentErrors) as caught:
        load_stack(STACK + text, "a.yml")
    (error,) = caught.value.errors
    assert (error.line, error.field) == (line, field)
    assert words in error.what


def test_compiled_runbooks_are_the_same_bytes_in_any_order():
    books = [
        load_runbook(f"runbook: {n}\ntitle: {n}{n}{n}\non: [{{manual: {{}}}}]\nsteps: [{{id: a, do: b.c}}]", "-")
        for n in "ab"
    ]
    assert canonical_json(compile_catalog(books)) == canonical_json(compile_catalog(reversed(books)))


@pytest.mark.parametrize(
    "compiled", [{}, {"format": 2, "runbooks": []}, {"format": 1}, {"format": 1, "runbooks": [{"a": 1}]}]
)
def test_what_packaging_did_not_write_is_refused_by_name(compiled):
    with pytest.raises(DocumentError, match="package again"):
        Catalog.from_json(compiled)


def test_unknown_names_say_what_is_known():
    catalog = Catalog.of([], [load_stack(STACK, "-")])
    assert catalog.stack("a").stack == "a"
    with pytest.raises(UnknownName, match="no stack named 'b'; known: a"):
        catalog.stack("b")
    with pytest.raises(UnknownName):
        catalog.runbook("b")
