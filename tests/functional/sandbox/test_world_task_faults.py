"""Every fault of the tasks shows what its sentence promises, and a corrected revision heals it."""

import base64
import json
from datetime import timedelta

import pytest

from chalicelib.net.directory_login import DirectoryRequest
from chalicelib.net.http import HttpRequest
from chalicelib.net.login_problem import Problem
from steward.sandbox import directory, place
from steward.sandbox.serving import HOSTS_VARIABLE
from steward.sandbox.task_definitions import STORE_VARIABLE
from steward.sandbox.world import World

LOGIN = {"Authorization": "Basic " + base64.b64encode(f"admin:{place.ADMIN_PASSWORD}".encode()).decode()}
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def ask(world, path, headers=LOGIN):
    allowed = (place.LOAD_BALANCER_HOST,)
    return world.http.ask(HttpRequest("GET", f"http://{place.URL_HOST}{path}", headers=headers, allow_hosts=allowed))


def lines(world, pattern):
    asked = {"logGroupName": place.LOG_GROUP, "filterPattern": pattern}
    return [each["message"] for each in world.session().client("logs").filter_log_events(**asked)["events"]]


def stopped(world, code):
    ecs = world.session().client("ecs")
    arns = ecs.list_tasks(cluster=place.CLUSTER, serviceName=place.SERVICE, desiredStatus="STOPPED")["taskArns"]
    tasks = ecs.describe_tasks(cluster=place.CLUSTER, tasks=arns)["tasks"] if arns else []
    return [task for task in tasks if task["stopCode"] == code]


def correct(world, memory=None, image=None, **variables):
    """Registers the running revision with something else in it, and rolls it out."""
    ecs = world.session().client("ecs")
    definition = ecs.describe_task_definition(taskDefinition=world.service.primary.definition)["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    container["image"] = image or container["image"]
    for each in container["environment"]:
        each["value"] = variables.get(each["name"], each["value"])
    ecs.register_task_definition(
        family=place.FAMILY,
        containerDefinitions=[container],
        cpu=definition["cpu"],
        memory=memory or definition["memory"],
    )
    ecs.update_service(cluster=place.CLUSTER, service=place.SERVICE, taskDefinition=place.FAMILY)


def alarm(world, name):
    answer = world.session().client("cloudwatch").describe_alarms(AlarmNames=[name])
    return answer["MetricAlarms"][0]["StateValue"]


def memory_used(world):
    answer = (
        world.session()
        .client("cloudwatch")
        .get_metric_statistics(
            Namespace="AWS/ECS",
            MetricName="MemoryUtilization",
            Dimensions=[{"Name": key, "Value": value} for key, value in place.ECS_DIMENSIONS.items()],
            StartTime=world.clock.now() - timedelta(minutes=10),
            EndTime=world.clock.now(),
            Period=60,
            Statistics=["Maximum"],
        )
    )
    return [each["Maximum"] for each in answer["Datapoints"]]


def test_image_rate_limited_fails_every_start_and_the_mirror_image_heals_it(world):
    world.break_with("image-rate-limited")
    world.advance(180)
    failed = stopped(world, "TaskFailedToStart")
    assert len(failed) >= 2
    for task in failed:
        assert task["stoppedReason"].startswith("CannotPullContainerError: ")
        assert "toomanyrequests: You have reached your unauthenticated pull rate limit" in task["stoppedReason"]
        assert "exitCode" not in task["containers"][0], "it never ran"
        assert task["containers"][0]["image"] == place.DOCKER_HUB_IMAGE
        assert "startedAt" not in task
    assert ask(world, SEARCH).status == 200, "what runs serves"
    assert stopped(world, "ServiceSchedulerInitiated")[0]["stoppedReason"].startswith("ECS is performing maintenance")
    correct(world, image=place.IMAGE)
    world.advance(420)
    assert world.service.primary.rollout == "COMPLETED"


def test_out_of_memory_kills_tasks_again_and_again_until_they_get_more(world):
    world.break_with("out-of-memory")
    world.advance(600)
    killed = stopped(world, "EssentialContainerExited")
    assert len(killed) >= 3
    assert {task["containers"][0]["exitCode"] for task in killed} == {137}
    reasons = {task["containers"][0]["reason"] for task in killed}
    assert reasons == {"OutOfMemoryError: Container killed due to memory usage"}
    assert max(memory_used(world)) > 90
    correct(world, memory="2048")
    world.advance(480)
    assert world.service.primary.rollout == "COMPLETED"
    assert {task["memory"] for task in stopped(world, "EssentialContainerExited")} == {"1024"}
    assert max(memory_used(world)[-3:]) < 70


def test_host_header_refused_answers_403_to_all_but_health(world):
    world.break_with("host-header-refused")
    world.advance(180)
    assert alarm(world, place.REFUSALS_ALARM) == "ALARM"
    answer = ask(world, SEARCH)
    assert (answer.status, answer.body) == (403, b"Invalid Host header - possible DNS rebinding attack detected")
    assert ask(world, "/health", headers={}).status == 200
    assert lines(world, f'"Rejected request with invalid Host header: {place.URL_HOST}"')
    assert {each.state for each in world.targets.all()} == {"healthy"}
    correct(world, **{HOSTS_VARIABLE: f"{place.URL_HOST},*.elb.amazonaws.com"})
    world.advance(420)
    assert ask(world, SEARCH).status == 200


def test_ldap_down_locks_everybody_out_and_refuses_a_bind(world):
    assert world.stack().ldap is None
    world.break_with("ldap-down")
    world.advance(60)
    ldap = world.stack().ldap
    assert ldap is not None
    answer = ask(world, SEARCH)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="mlflow"')
    assert lines(world, '"LDAPSocketOpenError" "Connection refused"')
    request = bind(world, ldap)
    assert world.directories.look(request).problem is Problem.REFUSED
    world.directory.is_up = True
    facts = world.directories.look(request)
    assert (facts.problem, facts.bound, facts.base_exists) == (None, True, True)
    assert ask(world, SEARCH).status == 200


def bind(world, ldap, **changes):
    text = world.session().client("secretsmanager").get_secret_value(SecretId=ldap.bind_secret)["SecretString"]
    login = json.loads(text)
    asked = {"url": ldap.url, "base_dn": ldap.base_dn, "bind_dn": login["username"], "password": login["password"]}
    return DirectoryRequest(**(asked | changes))


def test_ldap_down_is_shown_whole_in_a_world_made_for_it():
    with World.create(for_fault="ldap-down") as made:
        assert made.stack().ldap is not None, "before anything broke"
        assert ask(made, SEARCH).status == 200
        revision = made.service.primary.definition
        made.break_with("ldap-down")
        made.advance(180)
        assert made.service.primary.definition == revision
        assert alarm(made, place.REFUSALS_ALARM) == "ALARM"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"url": "ldaps://other.example.com"}, Problem.UNRESOLVABLE),
        ({"url": f"ldap://{directory.HOST}"}, Problem.PLAIN_TEXT),
        ({"password": "wrong"}, Problem.AUTHENTICATION),
        ({"base_dn": "dc=elsewhere"}, Problem.NO_BASE),
    ],
)
def test_a_bind_with_something_wrong_is_refused_as_a_directory_would(world, changes, problem):
    world.break_with("ldap-down")
    world.directory.is_up = True
    assert world.directories.look(bind(world, world.stack().ldap, **changes)).problem is problem


def test_doubled_port_ends_every_new_task_with_sqlalchemys_words_and_the_right_host_heals_it(world):
    world.break_with("doubled-port")
    world.advance(420)
    ended = stopped(world, "EssentialContainerExited")
    assert len(ended) >= 3
    assert {task["containers"][0]["exitCode"] for task in ended} == {1}
    assert lines(world, "\"invalid literal for int() with base 10: '5432:5432'\"")
    assert world.service.primary.rollout == "FAILED"
    assert ask(world, SEARCH).status == 200, "the old tasks serve"
    right = f"postgresql+psycopg2://mlflow@{place.DATABASE_HOST}:5432/{place.DATABASE_NAME}"
    correct(world, **{STORE_VARIABLE: right})
    world.advance(420)
    assert world.service.primary.rollout == "COMPLETED"


def test_failed_upgrade_cannot_install_its_mlflow_and_the_old_tasks_go_on_serving(world):
    world.break_with("failed-upgrade")
    world.advance(420)
    assert world.service.primary.rollout == "FAILED"
    assert lines(world, '"No matching distribution found for mlflow-skinny==3.18.0"')
    assert ask(world, SEARCH).status == 200


@pytest.mark.parametrize(
    ("allowed", "is_refused"),
    [
        (place.URL_HOST, False),
        ("*.example.org, *", False),
        (place.URL_HOST.replace("example.com", "*"), False),
        (place.URL_HOST.replace("example.com", "example.co?"), True),  # without a star nothing is a pattern
        (place.URL_HOST.replace("example", "[e]xample"), True),
    ],
)
def test_hosts_are_judged_by_mlflows_own_rule(world, allowed, is_refused):
    (task, *_) = world.service.live()
    task.environment[HOSTS_VARIABLE] = allowed
    assert world.serving.refuses_host(task, place.URL_HOST) is is_refused
