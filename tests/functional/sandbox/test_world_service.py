"""The ECS service of the world: desired count, grace, deployments, and the clock under it."""

from datetime import timedelta

import pytest

from steward.sandbox import place
from steward.sandbox.world import START, World

NAMES = {"cluster": place.CLUSTER, "service": place.SERVICE}


@pytest.fixture
def world():
    with World.create(seed=7) as made:
        yield made


def ecs(world):
    return world.session().client("ecs")


def service(world):
    return ecs(world).describe_services(cluster=place.CLUSTER, services=[place.SERVICE])["services"][0]


def tasks(world, status="RUNNING"):
    client = ecs(world)
    arns = client.list_tasks(cluster=place.CLUSTER, serviceName=place.SERVICE, desiredStatus=status)["taskArns"]
    return client.describe_tasks(cluster=place.CLUSTER, tasks=arns)["tasks"] if arns else []


def states(world):
    answer = world.session().client("elbv2").describe_target_health(TargetGroupArn=place.TARGET_GROUP_ARN)
    return sorted(each["TargetHealth"]["State"] for each in answer["TargetHealthDescriptions"])


def names(world, kind):
    return [e["detail"]["eventName"] for e in world.event_log.all if e["detail-type"] == kind]


def test_a_new_world_is_steady_and_says_so_in_every_api(world):
    found = service(world)
    assert (found["desiredCount"], found["runningCount"], found["pendingCount"]) == (2, 2, 0)
    assert [(d["status"], d["rolloutState"]) for d in found["deployments"]] == [("PRIMARY", "COMPLETED")]
    assert states(world) == ["healthy", "healthy"]
    assert world.take_events() == []


def test_a_stopped_task_is_replaced_and_the_service_becomes_steady_again(world):
    victim = tasks(world)[0]["taskArn"]
    ecs(world).stop_task(cluster=place.CLUSTER, task=victim, reason="run r1")
    world.advance(15)
    assert sorted(task["lastStatus"] for task in tasks(world)) == ["PENDING", "RUNNING"]
    assert "draining" in states(world)
    world.advance(180)
    assert service(world)["runningCount"] == 2
    assert states(world) == ["healthy", "healthy"]
    (stopped,) = tasks(world, "STOPPED")
    assert (stopped["taskArn"], stopped["stopCode"], stopped["stoppedReason"]) == (victim, "UserInitiated", "run r1")
    assert stopped["containers"][0]["exitCode"] == 0
    assert names(world, "ECS Service Action") == ["SERVICE_STEADY_STATE"]
    assert "has reached a steady state" in service(world)["events"][0]["message"]


def test_scaling_out_and_in_keeps_the_healthy_tasks(world):
    world.break_with("task-hangs")
    ecs(world).update_service(**NAMES, desiredCount=3)
    world.advance(180)
    assert states(world) == ["healthy", "healthy", "unhealthy"]
    ecs(world).update_service(**NAMES, desiredCount=2)
    world.advance(120)
    assert states(world) == ["healthy", "healthy"]
    (stopped,) = tasks(world, "STOPPED")
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"
    assert stopped["stoppedReason"].startswith("Scaling activity initiated by (deployment ecs-svc/")
    assert stopped["containers"][0]["exitCode"] == 137, "a hung process does not end on SIGTERM"


def test_a_protected_task_is_not_scaled_in(world):
    oldest = min(tasks(world), key=lambda task: task["createdAt"])["taskArn"]
    ecs(world).update_task_protection(cluster=place.CLUSTER, tasks=[oldest], protectionEnabled=True)
    ecs(world).update_service(**NAMES, desiredCount=1)
    world.advance(120)
    assert [task["taskArn"] for task in tasks(world)] == [oldest]


def test_ecs_leaves_an_unhealthy_task_alone_within_the_grace_and_replaces_it_after(world):
    world.break_with("task-hangs")
    world.advance(600)
    assert states(world) == ["healthy", "unhealthy"]
    assert world.service.settings.grace_s == 900
    world.advance(600)
    assert states(world) == ["healthy", "healthy"]
    (stopped,) = tasks(world, "STOPPED")
    assert stopped["stoppedReason"] == f"Task failed ELB health checks in (target-group {place.TARGET_GROUP_ARN})"


def test_a_forced_deployment_starts_before_it_stops(world):
    before = {task["taskArn"] for task in tasks(world)}
    ecs(world).update_service(**NAMES, forceNewDeployment=True)
    least = 2
    for _ in range(60):
        world.advance(5)
        least = min(least, states(world).count("healthy"))
    assert least == 2
    assert before.isdisjoint(task["taskArn"] for task in tasks(world))
    assert [d["rolloutState"] for d in service(world)["deployments"]] == ["COMPLETED"]
    rolled = names(world, "ECS Deployment State Change")
    assert rolled == ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED"]


def test_the_circuit_breaker_rolls_back_to_the_revision_that_worked(world):
    good = service(world)["taskDefinition"]
    world.break_with("bad-deployment", circuit_breaker="rollback")
    world.advance(100)
    found = service(world)
    assert found["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert "rolling back to deploymentId" in found["deployments"][0]["rolloutStateReason"]
    world.advance(120)
    found = service(world)
    assert found["taskDefinition"] == good
    assert [(d["status"], d["rolloutState"]) for d in found["deployments"]] == [("PRIMARY", "COMPLETED")]
    assert names(world, "ECS Deployment State Change") == [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_FAILED",
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_COMPLETED",
    ]


def test_rolling_back_by_hand_heals_a_bad_deployment_and_the_history_knows_both(world):
    good = service(world)["taskDefinition"]
    world.break_with("bad-deployment")
    world.advance(120)
    assert service(world)["deployments"][0]["rolloutState"] == "FAILED"
    ecs(world).update_service(**NAMES, taskDefinition=good)
    world.advance(300)
    assert [d["rolloutState"] for d in service(world)["deployments"]] == ["COMPLETED"]
    history = ecs(world).list_service_deployments(**NAMES)["serviceDeployments"]
    assert [each["status"] for each in history] == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]


def test_a_task_run_by_hand_is_not_the_services_and_a_token_runs_it_once(world):
    asked = {"cluster": place.CLUSTER, "taskDefinition": place.FAMILY, "clientToken": "t1", "startedBy": "run r1"}
    overrides = {"containerOverrides": [{"name": place.CONTAINER, "command": ["mlflow", "gc"]}]}
    first = ecs(world).run_task(**asked, overrides=overrides)["tasks"][0]["taskArn"]
    again = ecs(world).run_task(**asked, overrides=overrides)["tasks"][0]["taskArn"]
    assert first == again
    world.advance(120)
    (done,) = ecs(world).describe_tasks(cluster=place.CLUSTER, tasks=[first])["tasks"]
    assert (done["lastStatus"], done["containers"][0]["exitCode"]) == ("STOPPED", 0)
    assert service(world)["runningCount"] == 2
    assert len(states(world)) == 2


def test_sleeping_on_the_clock_moves_the_world_however_the_time_is_cut(world):
    world.break_with("task-hangs")
    for _ in range(60):
        world.clock.sleep(3.1)
    assert world.clock.now() == START + timedelta(seconds=186)
    in_pieces = world.take_events()
    world.close()
    with World.create(seed=7) as other:
        other.break_with("task-hangs")
        other.advance(186)
        assert other.take_events() == in_pieces


@pytest.mark.parametrize("fault", ["task-hangs", "task-crashes", "bad-deployment", "flapping-alarm"])
def test_the_same_seed_and_fault_give_the_same_events_and_another_seed_other_ids(fault):
    def events(seed):
        with World.create(seed=seed) as made:
            made.break_with(fault)
            made.advance(900)
            return made.take_events()

    first = events(3)
    assert first
    assert events(3) == first
    other = events(4)
    assert [e["detail-type"] for e in other] == [e["detail-type"] for e in first]
    assert {e["id"] for e in other}.isdisjoint(e["id"] for e in first)
