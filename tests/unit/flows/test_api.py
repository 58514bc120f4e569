"""The API behind its door, over a store in memory and a world that must not be touched."""

import json

import pytest

from chalicelib.errors import StoreUnavailable
from chalicelib.flows.api.door import DEEPEST, MOST_BODY
from chalicelib.flows.api.paths import OPEN
from chalicelib.models.run import RunStatus
from tests.unit.flows.api_desk import BOSS, GUEST, OPS, ROOT, ROUTES, START, Api, start

# -- starting ----------------------------------------------------------------------------------


def test_a_run_is_admitted_and_its_address_told(api, world):
    status, said, headers = start(api)
    assert (status, said["outcome"]) == (202, "run")
    assert headers["Location"] == said["address"] == f"/v1/runs/{said['run']}"
    assert world.run(said["run"]).started_by == OPS


def test_the_same_key_is_the_same_run_and_for_another_request_an_error(api):
    first, again = start(api), start(api)
    assert again[1]["run"] == first[1]["run"]
    status, problem, _ = start(api, path="/v1/runbooks/mend/plan")
    assert (status, problem["title"]) == (422, "Does not fit")
    assert "another request" in problem["detail"]


def test_a_run_without_a_key_is_not_started(api):
    status, problem, _ = start(api, key=None)
    assert (status, problem["errors"][0]["pointer"]) == (400, "Idempotency-Key")


def test_a_plan_is_a_run_that_changes_nothing(api, world):
    _, said, _ = start(api, path="/v1/runbooks/mend/plan")
    run = world.finish(said["run"])
    assert (run.mode.value, run.verdict, world.applied) == ("plan", None, [])
    plan = api.ask("GET", f"/v1/runs/{run.id}/plan")[1]
    assert [change["sentence"] for change in plan["changes"]] == ["mend a"]


def test_the_api_itself_never_looks_at_the_live_stack(api, world):
    world.sessions.error = AssertionError("the API asked for a session")
    world.probe_error = AssertionError("the API looked")
    assert start(api)[0] == 202
    assert start(api, key="key-00002", path="/v1/runbooks/mend/plan")[0] in {202, 409}
    for route in ROUTES:
        if route.method == "GET" and "{" not in route.path:
            assert api.ask("GET", route.path)[0] == 200


def test_what_a_guard_refuses_is_a_conflict_with_the_guards_reason(api):
    api.ask("POST", "/v1/stop", {"reason": "maintenance"})
    status, problem, _ = start(api)
    assert (status, problem["errors"][0]["pointer"]) == (409, "guard stop")
    assert "maintenance" in problem["errors"][0]["detail"]


# -- answering ---------------------------------------------------------------------------------


@pytest.fixture
def asking(make_world):
    world = make_world(runbooks=(make_world.runbook(autonomy="approve", guards={"approvers": "other"}),))
    api = Api(world)
    run_id = start(api)[1]["run"]
    world.turn(run_id)
    assert world.run(run_id).status is RunStatus.AWAITING_APPROVAL
    return api, run_id


def question(api, run_id):
    return api.ask("GET", f"/v1/runs/{run_id}")[1]["approval"]["plan_hash"]


def test_an_approval_names_the_plan_it_is_for(asking):
    api, run_id = asking
    yes = {"plan_hash": question(api, run_id), "reason": "go"}
    status, problem, _ = api.ask("POST", f"/v1/runs/{run_id}/approve", {**yes, "plan_hash": "0" * 64}, by=BOSS)
    assert (status, "look at the plan again" in problem["detail"]) == (409, True)
    assert api.ask("POST", f"/v1/runs/{run_id}/approve", yes, by=BOSS)[0] == 200
    assert api.world.finish(run_id).verdict.value == "verified"


def test_of_two_answers_one_counts(asking):
    api, run_id = asking
    said = {"plan_hash": question(api, run_id), "reason": "no"}
    assert api.ask("POST", f"/v1/runs/{run_id}/reject", said, by=BOSS)[0] == 200
    status, problem, _ = api.ask("POST", f"/v1/runs/{run_id}/approve", said, by=ROOT)
    assert (status, "already rejected" in problem["detail"]) == (409, True)


def test_who_started_it_may_not_approve_it_s27(make_world):
    world = make_world(runbooks=(make_world.runbook(autonomy="approve", guards={"approvers": "other"}),))
    api = Api(world)
    run_id = start(api, by=BOSS)[1]["run"]
    world.turn(run_id)
    yes = {"plan_hash": question(api, run_id), "reason": "go"}
    status, problem, _ = api.ask("POST", f"/v1/runs/{run_id}/approve", yes, by=BOSS)
    assert (status, "another person" in problem["detail"]) == (409, True)


def test_an_answer_to_a_run_that_asks_nobody_is_a_conflict(api):
    run_id = start(api)[1]["run"]
    status, _, _ = api.ask("POST", f"/v1/runs/{run_id}/approve", {"plan_hash": "0" * 12, "reason": "x"}, by=BOSS)
    assert status == 409


def test_no_get_changes_anything_s27(asking):
    api, run_id = asking
    before = api.world.run(run_id)
    for route in ROUTES:
        if route.method == "GET":
            api.ask("GET", route.path.replace("{id}", run_id).replace("{name}", "mend"), by=ROOT)
    assert api.world.run(run_id) == before
    assert not any("/approve" in route.path for route in ROUTES if route.method == "GET")


# -- who may -----------------------------------------------------------------------------------

NEEDS = [(route.method, route.path, route.role.value) for route in ROUTES if route.path not in OPEN]


@pytest.mark.parametrize(("method", "path", "role"), NEEDS)
def test_every_route_refuses_nobody_and_whoever_may_less(api, method, path, role):
    concrete = path.replace("{id}", "r-1").replace("{name}", "mend")
    assert api.ask(method, concrete, {}, by=None)[0] == 403
    less = {"operator": GUEST, "approver": OPS, "admin": BOSS}.get(role)
    if less:
        status, problem, _ = api.ask(method, concrete, {}, by=less)
        assert (status, f"needs the role {role}" in problem["detail"]) == (403, True)


def test_every_call_that_changes_something_is_on_record_with_its_principal(api):
    start(api)
    api.ask("POST", "/v1/stop", {"reason": "x"}, by=GUEST)
    api.ask("POST", "/v1/stop", {"reason": "x"}, by=None)
    api.ask("POST", "/v1/freeze", {"reason": "x", "lasts": "2h", "oops": 1})
    told = [(entry["principal"], entry["what"], entry["status"]) for entry in reversed(api.audit())]
    assert told == [
        (OPS, "POST /v1/runbooks/{name}/runs", 202),
        (GUEST, "POST /v1/stop", 403),
        ("nobody", "POST /v1/stop", 403),
        (OPS, "POST /v1/freeze", 422),
    ]


def test_what_cannot_be_put_on_record_is_not_done(api, world):
    down = StoreUnavailable("creating AUDIT", "throttled")
    world.table.fails = lambda call, key: down if key.pk.startswith("AUDIT") else None
    status, problem, headers = api.ask("POST", "/v1/stop", {"reason": "x"})
    assert (status, headers["Retry-After"]) == (503, "60")
    assert world.parts.engine.ledgers.read_fleet().stop is None
    assert problem["instance"] == "req-1"


# -- bad input ---------------------------------------------------------------------------------

DEEP = b'{"stack":' + b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1) + b"}"
BAD = [
    (b"", 400), (b"{", 400), (b"[]", 422), (b"null", 422), (b'{"stack": NaN}', 400),
    (b'{"stack": "a", "stack": "b"}', 400),
    (b'{"stack": "\xff\xfe"}', 400), (DEEP, 400), (b" " * (MOST_BODY + 1), 413), (b'{"stack": "\\ud800"}', 400),
    (b'{"stack": "prod", "reason": ""}', 422), (b'{"stack": "prod", "reason": "a\\u0007b"}', 422),
    (b'{"stack": "../x", "reason": "x"}', 422), (b'{"stack": "prod", "reason": "x", "more": 1}', 422),
    (b'{"stack": "prod", "reason": "x", "inputs": {"max": {"a": 1}}}', 422), (b"1e999", 400),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "status"), BAD)
def test_rubbish_is_refused_before_anything_happens(api, world, raw, status):
    got, problem, _ = api.ask("POST", "/v1/runbooks/mend/runs", raw=raw, key="key-00001")
    assert got == status
    assert set(problem) == {"type", "title", "status", "detail", "instance", "errors"}
    assert world.parts.engine.runs.recent(None).rows == ()


def test_a_field_that_does_not_fit_is_named_by_its_path(api):
    body = {**START, "inputs": {"max": [1]}, "stack": 7}
    _, problem, _ = api.ask("POST", "/v1/runbooks/mend/runs", body, key="key-00001")
    assert {one["pointer"].split("/")[1] for one in problem["errors"]} == {"stack", "inputs"}


def test_a_secret_in_the_wrong_place_is_not_repeated(api):
    secret = "AKIAIOSFODNN7EXAMPLE-hunter2"
    body = {**START, "password": secret, "stack": f"{secret}!"}
    _, problem, _ = api.ask("POST", "/v1/runbooks/mend/runs", body, key="key-00001")
    assert secret not in json.dumps([problem, api.audit()])


@pytest.mark.parametrize(
    ("query", "pointer"),
    [({"limit": "0"}, "?limit"), ({"limit": "x"}, "?limit"), ({"since": "yesterday"}, "?since"), ({"x": "1"}, "?x")],
)
def test_a_query_that_does_not_fit_names_its_parameter(api, query, pointer):
    status, problem, _ = api.ask("GET", "/v1/runs", query=query)
    assert (status, problem["errors"][0]["pointer"]) == (400, pointer)


@pytest.mark.parametrize("cursor", ["abc", "bnVsbA==", "WyJhIl0=", "W10=", "%00"])
def test_an_edited_cursor_is_refused(api, cursor):
    assert api.ask("GET", "/v1/runs", query={"cursor": cursor})[0] == 400


@pytest.mark.parametrize(
    "path", ["/v1/runs/r-none", "/v1/runs/r-none/plan", "/v1/runs/r-none/news", "/v1/runbooks/none"]
)
def test_what_does_not_exist_is_not_found(api, path):
    assert api.ask("GET", path)[0] == 404
