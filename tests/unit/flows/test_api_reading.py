"""What the API tells: pages, filters, why nothing happened, and what people set."""

from dataclasses import replace

from chalicelib.flows.api.paths import PATHS
from chalicelib.flows.api.routes import ROUTES as BY_PATH
from chalicelib.models.api import Started
from chalicelib.store.table import Item, Key
from tests.unit.flows.api_desk import BOSS, ROOT, ROUTES, Api, start

STORED = 10_000


def test_one_page_of_runs_is_one_query_whatever_is_stored(api, world):
    start(api)
    (first,) = world.table.listed("RUN").items
    for number in range(STORED):
        body = {**first.body, "id": f"r-{number:05d}"}
        listed = (first.listed[0], f"{first.listed[1]}-{number:05d}")
        world.table.create(Item(Key(f"RUN#r-{number:05d}", "META"), body, listed=listed))
    calls = []
    listed = world.table.listed
    world.table.listed = lambda *args, **more: calls.append(args) or listed(*args, **more)
    world.table.calls.clear()
    page = api.ask("GET", "/v1/runs", query={"limit": "20"})[1]
    assert (len(page["runs"]), len(calls), world.table.calls) == (20, 1, [])
    again = api.ask("GET", "/v1/runs", query={"limit": "200", "cursor": page["cursor"]})[1]
    assert (len(calls), len(again["runs"])) == (2, 200)
    assert not {run["id"] for run in page["runs"]} & {run["id"] for run in again["runs"]}


def test_runs_are_told_apart_by_stack_status_and_time(api, world):
    run_id = start(api)[1]["run"]
    world.finish(run_id)
    ids = lambda **query: [run["id"] for run in api.ask("GET", "/v1/runs", query=query)[1]["runs"]]  # noqa: E731
    now = world.now().isoformat()
    assert ids(stack="prod", status="finished", since="2020-01-01T00:00:00Z", until=now) == [run_id]
    assert ids(status="running") == ids(until="2020-01-01T00:00:00Z") == []
    assert api.ask("GET", "/v1/runs", query={"stack": "none"})[0] == 404


def test_a_watcher_gets_only_what_is_new(api, world):
    run_id = start(api)[1]["run"]
    world.finish(run_id)
    first = api.ask("GET", f"/v1/runs/{run_id}/news")[1]
    assert (first["over"], first["seq"]) == (True, first["moments"][-1]["seq"])
    later = api.ask("GET", f"/v1/runs/{run_id}/news", query={"after": str(first["seq"])})[1]
    assert (later["moments"], later["seq"]) == ([], first["seq"])


def test_why_nothing_happened_can_be_asked_by_alarm(api, world):
    world.fire("e1", state="OK")
    told = api.ask("GET", "/v1/decisions", query={"alarm": "prod-down", "stack": "prod"})[1]["decisions"]
    assert [one["event"] for one in told] == ["e1"]
    assert api.ask("GET", "/v1/decisions", query={"alarm": "other"})[1]["decisions"] == []


def test_inputs_are_shown_as_a_schema_that_the_default_run_fits(api):
    shown = api.ask("GET", "/v1/runbooks/mend")[1]
    assert (shown["by_hand"], shown["inputs"]["additionalProperties"]) == (True, False)


def test_a_doubt_about_backups_is_cleared_by_a_person_with_a_reason_s18(api, world):
    history = world.parts.engine.history
    history.suspect("prod", "half of the objects vanished", "r-1", world.now())
    path = "/v1/stacks/prod/clear-suspicion"
    assert api.ask("GET", "/v1/stacks/prod/backups")[1]["suspicion"]["why"] == "half of the objects vanished"
    assert api.ask("POST", path, {"reason": "we deleted an experiment"})[0] == 403
    assert history.suspicion("prod") is not None
    assert "half of the objects" in api.ask("POST", path, {"reason": "we deleted it"}, by=BOSS)[1]["done"]
    assert history.suspicion("prod") is None
    assert api.ask("GET", "/v1/stacks/none/backups")[0] == 404


def test_freeze_and_resume_say_what_they_did(api, world):
    assert api.ask("POST", "/v1/freeze", {"reason": "x", "until": "2020-01-01T00:00:00Z"})[0] == 409
    assert api.ask("POST", "/v1/freeze", {"reason": "x"})[1]["done"].startswith("frozen everything until")
    assert api.ask("POST", "/v1/freeze", {"reason": "x", "lasts": "2h", "stack": "prod"})[1]["done"].startswith(
        "frozen"
    )
    assert api.ask("POST", "/v1/resume", {"reason": "x"}, by=ROOT)[1]["done"] == "resumed everything"
    assert api.ask("POST", "/v1/resume", {"reason": "x", "incident": "i-none"}, by=ROOT)[0] == 404


def test_a_run_that_is_over_cannot_be_cancelled_and_one_without_changes_not_undone(api, world):
    run_id = start(api)[1]["run"]
    assert api.ask("POST", f"/v1/runs/{run_id}/cancel", {"reason": "x"})[0] == 200
    world.finish(run_id)
    assert api.ask("POST", f"/v1/runs/{run_id}/cancel", {"reason": "x"})[0] == 409
    assert api.ask("POST", f"/v1/runs/{run_id}/undo", {"reason": "x"}, key="key-undo1")[0] == 409


def test_a_check_of_a_stack_is_a_run_of_the_health_check(make_world):
    world = make_world(runbooks=(make_world.runbook("health-check"),))
    status, said, _ = Api(world).ask("POST", "/v1/stacks/prod/check", {"reason": "x"})
    assert (status, world.run(said["run"]).runbook.runbook) == (202, "health-check")


def test_a_role_that_nobody_configured_may_only_look(make_world):
    world = make_world()
    world.with_parts(roles=replace(world.parts.roles, by_key={}))
    assert start(Api(world))[0] == 403
    assert Api(world).ask("GET", "/v1/runs")[0] == 200


def test_what_is_answered_is_what_the_document_says(api):
    document = api.ask("GET", "/v1/openapi.json")[1]
    assert set(document["paths"]) == {route.path for route in ROUTES}
    assert list(PATHS) == list(BY_PATH)
    begun = document["paths"]["/v1/runbooks/{name}/runs"]["post"]["responses"]["202"]["content"]["application/json"]
    assert begun["schema"]["$ref"].endswith(Started.__name__)
