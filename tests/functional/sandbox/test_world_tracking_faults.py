"""The world's MLflow with a past: what its API shows, what its gc does, and what lies in its bucket."""

import json

import pytest

from chalicelib.aws.ecs_shapes import ContainerDefinition
from chalicelib.net.http import HttpRequest
from chalicelib.steps.one_off import GcWork, Surroundings, gc_command
from steward.sandbox import place
from steward.sandbox.tracking_faults import run_id
from steward.sandbox.world import World

LOGIN = {"Authorization": "Basic YWRtaW46c2FuZGJveC1hZG1pbi1wYXNzd29yZA=="}


@pytest.fixture
def world():
    with World.create(seed=4) as world:
        yield world


def ask(world, path, body):
    url = f"http://{place.URL_HOST}/api/2.0/mlflow/{path}"
    sent = HttpRequest("POST", url, LOGIN, json.dumps(body).encode(), allow_hosts=(place.URL_HOST,), max_bytes=10**6)
    answer = world.http.ask(sent)
    return answer.status, json.loads(answer.body)


def search(world, view="ALL", **more):
    body = {"experiment_ids": ["1", "2"], "run_view_type": view, "max_results": 1000, **more}
    return ask(world, "runs/search", body)[1]


def test_old_runs_have_artifacts_as_old_as_they_are(world):
    world.break_with("old-runs")
    assert len(search(world)["runs"]) == 14
    found = world.session().client("s3").list_objects_v2(Bucket=place.BUCKET, Prefix=f"{place.PREFIX}/1/{run_id(1)}/")
    assert {one["LastModified"].date().isoformat() for one in found["Contents"]} == {"2025-09-28"}


def test_pages_follow_each_other_and_end(world):
    world.break_with("old-runs")
    first = search(world, max_results=10)
    second = search(world, max_results=10, page_token=first["next_page_token"])
    assert (len(first["runs"]), len(second["runs"]), second.get("next_page_token")) == (10, 4, None)


def test_deleted_runs_are_shown_only_to_who_asks_for_them(world):
    world.break_with("deleted-runs")
    assert len(search(world, "DELETED_ONLY")["runs"]) == 8
    assert len(search(world, "ACTIVE_ONLY")["runs"]) == 6


def test_restoring_what_is_active_and_deleting_what_is_gone_are_refused_as_mlflow_does(world):
    world.break_with("old-runs")
    assert ask(world, "runs/restore", {"run_id": run_id(0)})[0] == 400
    assert ask(world, "runs/delete", {"run_id": "f" * 32})[1]["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_orphaned_artifacts_have_no_run(world):
    world.break_with("orphaned-artifacts")
    keys = [key for key in world.artifacts.keys(f"{place.PREFIX}/1/") if f"/{run_id(200)}/" in key]
    assert len(keys) == 2
    assert ask(world, "runs/delete", {"run_id": run_id(200)})[0] == 404


def test_a_one_off_task_collects_the_ids_of_its_command(world):
    world.break_with("deleted-runs")
    container = ContainerDefinition("mlflow", "i", ("sh", "-c", "mlflow server --backend-store-uri $U"), (), {}, {}, {})
    line = gc_command(container, Surroundings("http://x", None), GcWork((run_id(4), run_id(9), "f" * 32)), 90)
    world.session().client("ecs").run_task(
        cluster=place.CLUSTER, taskDefinition=place.FAMILY,
        overrides={"containerOverrides": [{"name": place.CONTAINER, "command": ["/bin/sh", "-c", line]}]},
    )  # fmt: skip
    world.advance(180)
    said = [line.text for line in world.logs.lines() if run_id(4) in line.text or "steward:" in line.text]
    assert said == [
        f"Run with ID {run_id(4)} has been permanently deleted.",
        f"steward: kept run {run_id(9)}",
        f"steward: gone before run {'f' * 32}",
        "steward: done",
    ]
