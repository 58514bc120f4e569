"""The pinned version changes and nothing else does (S11, S12)."""

import json

import pytest

from chalicelib.aws.ecs_revisions import difference, revision_of
from chalicelib.aws.ecs_shapes import ContainerDefinition
from chalicelib.errors import StepRefused
from chalicelib.steps.definition_edits import edits_of, paths
from chalicelib.steps.mlflow_target import Where, said_edits, source_of, with_target, with_version

INSTALL = (
    "echo canary-4410 | base64 -d > /tmp/a.ini && pip install 'mlflow[auth]==3.13.0' psycopg2-binary && mlflow server"
)


def container(command=INSTALL, image="python:3.11-slim", environment=None, secrets=None, entry_point=("sh", "-c")):
    return ContainerDefinition("mlflow", image, (command,), entry_point, environment or {}, secrets or {}, {})


def revision(command, environment=()):
    raw = {"name": "mlflow", "image": "python:3.11-slim", "command": [command], "environment": list(environment)}
    return revision_of({"taskDefinitionArn": "arn:x:task-definition/m:1", "family": "m", "containerDefinitions": [raw]})


def test_s12_the_start_command_s_line_changes_by_its_version_alone():
    said = said_edits(container(), "3.17.2", None)
    former = revision(INSTALL)
    after = former.with_edits(edits_of(said, former, b"k", "roll"))
    assert difference(former, after).keys() == paths(said) == {"containerDefinitions/mlflow/command"}
    (line,) = after.content["containerDefinitions"][0]["command"]
    assert line == INSTALL.replace("3.13.0", "3.17.2")
    assert with_target(container(), said).command == (line,)


def test_s29_a_change_carries_the_version_and_never_the_command():
    assert said_edits(container(), "3.17.2", None) == [{"path": "command:mlflow", "version": "3.17.2"}]
    assert "canary-4410" not in json.dumps(said_edits(container(), "3.17.2", None))


def test_a_version_that_stands_in_a_plain_variable_changes_there():
    mine = container("pip install mlflow==${MLFLOW_VERSION}", environment={"MLFLOW_VERSION": "3.13.0"})
    assert source_of(mine).version == "3.13.0"
    said = said_edits(mine, "3.17.2", None)
    assert said == [{"path": "variable:mlflow:MLFLOW_VERSION", "value": "3.17.2"}]
    assert with_target(mine, said).environment == {"MLFLOW_VERSION": "3.17.2"}


def test_an_entry_point_that_installs_is_changed_where_it_stands():
    mine = container("serve", entry_point=("sh", "-c", "pip install mlflow==3.13.0 && exec mlflow server"))
    (said,) = said_edits(mine, "3.17.2", None)
    assert said["path"] == "entry_point:mlflow"
    assert "mlflow==3.17.2" in with_target(mine, [said]).entry_point[2]


def test_where_the_image_holds_mlflow_its_tag_says_which():
    mine = container("mlflow server", image="ghcr.io/mlflow/mlflow:v3.13.0")
    assert (source_of(mine).where, source_of(mine).version) == (Where.IMAGE, "3.13.0")
    assert source_of(container("mlflow server", image="registry.example.com/tracking:7")).version is None
    assert said_edits(mine, "3.17.2", "ghcr.io/mlflow/mlflow:v3.17.2")[0]["path"] == "image:mlflow"


@pytest.mark.parametrize(
    ("mine", "image", "why"),
    [
        (container("pip install mlflow psycopg2-binary && mlflow server"), None, "does not pin"),
        (container("pip install mlflow==3.1.0 && pip install mlflow==3.2.0"), None, "pins more than once"),
        (container("pip install mlflow==$V", secrets={"V": "arn"}), None, "no plain variable"),
        (container(), "python:3.12-slim", "its line changes and not the image"),
        (container("mlflow server"), None, "must be named"),
        (container("mlflow server"), "ghcr.io/mlflow/mlflow:v3.16.1", "says it is MLflow 3.16.1"),
    ],
)
def test_s12_what_cannot_be_changed_safely_is_refused_with_the_reason(mine, image, why):
    with pytest.raises(StepRefused, match=why):
        said_edits(mine, "3.17.2", image)


def test_s11_a_second_pin_anywhere_in_the_line_is_refused():
    with pytest.raises(StepRefused, match="S11"):
        with_version(["echo mlflow==3.13.0 && pip install mlflow==3.13.0"], "3.17.2")


def test_packages_that_only_begin_like_mlflow_are_left_alone():
    line = "pip install mlflow-directory==1.0.0 mlflow==3.13.0"
    assert with_version([line], "3.17.2") == ["pip install mlflow-directory==1.0.0 mlflow==3.17.2"]
