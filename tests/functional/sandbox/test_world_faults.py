"""Every fault shows what its sentence promises, and what heals it heals it."""

import json
from itertools import pairwise

import pytest

from chalicelib.errors import InputsRejected, UnknownName
from steward.sandbox import place
from steward.sandbox.faults import FAULTS
from steward.sandbox.world import World

NAMES = {"cluster": place.CLUSTER, "service": place.SERVICE}


@pytest.fixture
def world():
    with World.create() as made:
        yield made


def alarm_states(world, name):
    """Every state the alarm entered, in order, as EventBridge told it."""
    events = [e["detail"] for e in world.event_log.all if e["detail-type"] == "CloudWatch Alarm State Change"]
    return [each["state"]["value"] for each in events if each["alarmName"] == name]


def alarm_now(world, name):
    answer = world.session().client("cloudwatch").describe_alarms(AlarmNames=[name])
    return answer["MetricAlarms"][0]["StateValue"]


def targets(world):
    answer = world.session().client("elbv2").describe_target_health(TargetGroupArn=place.TARGET_GROUP_ARN)
    return {each["Target"]["Id"]: each["TargetHealth"] for each in answer["TargetHealthDescriptions"]}


def healths(world):
    return sorted(each["State"] for each in targets(world).values())


def service(world):
    return (
        world.session().client("ecs").describe_services(cluster=place.CLUSTER, services=[place.SERVICE])["services"][0]
    )


def event_names(world):
    return [e["detail"].get("eventName") for e in world.event_log.all]


def stop_unhealthy(world):
    (address,) = [where for where, health in targets(world).items() if health["State"] == "unhealthy"]
    (task,) = [task for task in world.service.live() if task.address == address]
    world.session().client("ecs").stop_task(cluster=place.CLUSTER, task=task.arn, reason="test")


def series(world, name, stat, namespace="AWS/ApplicationELB", dimensions=place.ALB_DIMENSIONS):
    answer = (
        world.session()
        .client("cloudwatch")
        .get_metric_data(
            StartTime=world.clock.now().replace(hour=0),
            EndTime=world.clock.now(),
            ScanBy="TimestampAscending",
            MetricDataQueries=[
                {
                    "Id": "m",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": namespace,
                            "MetricName": name,
                            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                        },
                        "Period": 60,
                        "Stat": stat,
                    },
                }
            ],
        )
    )
    return answer["MetricDataResults"][0]["Values"]


def test_task_hangs_fires_the_alarm_within_three_minutes_and_a_restart_clears_it(world):
    world.break_with("task-hangs")
    world.advance(180)
    assert alarm_states(world, place.UNHEALTHY_ALARM) == ["ALARM"]
    assert [each.get("Reason") for each in targets(world).values() if each["State"] == "unhealthy"] == [
        "Target.Timeout"
    ]
    assert service(world)["runningCount"] == 2, "it stays RUNNING"
    stop_unhealthy(world)
    world.advance(240)
    assert alarm_now(world, place.UNHEALTHY_ALARM) == "OK"
    assert healths(world) == ["healthy", "healthy"]


def test_task_answers_errors_shows_the_code_that_does_not_match(world):
    world.break_with("task-answers-errors", code=503)
    world.advance(180)
    (ill,) = [each for each in targets(world).values() if each["State"] == "unhealthy"]
    assert ill["Reason"] == "Target.ResponseCodeMismatch"
    assert ill["Description"] == "Health checks failed with these codes: [503]"


def test_task_crashes_is_impaired_says_why_in_its_log_and_a_new_deployment_heals_it(world):
    world.break_with("task-crashes")
    world.advance(240)
    assert "SERVICE_TASK_START_IMPAIRED" in event_names(world)
    client = world.session().client("ecs")
    arns = client.list_tasks(cluster=place.CLUSTER, serviceName=place.SERVICE, desiredStatus="STOPPED")["taskArns"]
    stopped = client.describe_tasks(cluster=place.CLUSTER, tasks=arns)["tasks"]
    assert len(stopped) >= 3
    assert {task["stopCode"] for task in stopped} == {"EssentialContainerExited"}
    assert {task["containers"][0]["exitCode"] for task in stopped} == {1}
    logs = world.session().client("logs")
    found = logs.filter_log_events(logGroupName=place.LOG_GROUP, filterPattern='"No matching distribution"')["events"]
    assert len(found) >= 3
    client.update_service(**NAMES, forceNewDeployment=True)
    world.advance(300)
    assert healths(world) == ["healthy", "healthy"]
    assert service(world)["deployments"][0]["rolloutState"] == "COMPLETED"


def test_task_crashes_with_137_says_out_of_memory_in_the_container(world):
    world.break_with("task-crashes", exit_code=137, crashes=2)
    world.advance(300)
    stopped = [e["detail"] for e in world.event_log.all if e["detail"].get("lastStatus") == "STOPPED"]
    assert {each["containers"][0]["reason"] for each in stopped} == {
        "OutOfMemoryError: Container killed due to memory usage"
    }
    assert healths(world) == ["healthy", "healthy"], "after two crashes a fresh task works"


def test_bad_deployment_fails_and_the_old_tasks_go_on_serving(world):
    world.break_with("bad-deployment")
    world.advance(240)
    primary, active = service(world)["deployments"]
    assert (primary["rolloutState"], active["status"], active["runningCount"]) == ("FAILED", "ACTIVE", 2)
    assert primary["failedTasks"] >= 3
    assert "SERVICE_DEPLOYMENT_FAILED" in event_names(world)
    assert healths(world) == ["healthy", "healthy"]


def test_bad_deployment_without_circuit_breaker_stays_in_progress(world):
    world.break_with("bad-deployment", circuit_breaker="off")
    world.advance(900)
    primary = service(world)["deployments"][0]
    assert primary["rolloutState"] == "IN_PROGRESS"
    assert primary["failedTasks"] >= 6
    assert "SERVICE_DEPLOYMENT_FAILED" not in event_names(world)


def test_overload_is_met_by_four_tasks_but_not_three_and_ends_by_itself(world):
    world.break_with("overload")
    world.advance(240)
    assert alarm_now(world, place.LATENCY_ALARM) == "ALARM"
    ecs = world.session().client("ecs")
    ecs.update_service(**NAMES, desiredCount=3)
    world.advance(420)
    assert alarm_now(world, place.LATENCY_ALARM) == "ALARM"
    ecs.update_service(**NAMES, desiredCount=4)
    world.advance(420)
    assert alarm_now(world, place.LATENCY_ALARM) == "OK"
    busy = series(world, "CPUUtilization", "Average", "AWS/ECS", place.ECS_DIMENSIONS)[-1]
    world.advance(2400)
    quiet = series(world, "CPUUtilization", "Average", "AWS/ECS", place.ECS_DIMENSIONS)[-1]
    assert busy > 70
    assert quiet < 20
    assert alarm_states(world, place.UNHEALTHY_ALARM) == [], "starting tasks are not ill"


def test_error_burst_raises_the_5xx_alarm_and_a_forced_deployment_heals_it(world):
    world.break_with("error-burst")
    world.advance(240)
    assert alarm_now(world, place.ERRORS_ALARM) == "ALARM"
    assert series(world, "HTTPCode_Target_5XX_Count", "Sum")[-1] == 30
    world.session().client("ecs").update_service(**NAMES, forceNewDeployment=True)
    world.advance(420)
    assert alarm_now(world, place.ERRORS_ALARM) == "OK"


def test_flapping_alarm_goes_up_and_down_whatever_is_done(world):
    world.break_with("flapping-alarm")
    world.advance(180)
    stop_unhealthy(world)
    world.advance(1800)
    changes = alarm_states(world, place.UNHEALTHY_ALARM)
    assert changes.count("ALARM") >= 4
    assert all(one != other for one, other in pairwise(changes))


def test_recovers_by_itself_is_healthy_in_the_moment_the_alarm_fires(world):
    world.break_with("recovers-by-itself")
    while not alarm_states(world, place.UNHEALTHY_ALARM):
        world.advance(5)
    assert healths(world) == ["healthy", "healthy"]
    world.advance(150)
    assert alarm_states(world, place.UNHEALTHY_ALARM) == ["ALARM", "OK"]
    assert world.mutations() == []


def test_never_recovers_stays_ill_after_every_restart(world):
    world.break_with("never-recovers")
    for _ in range(3):
        world.advance(240)
        stop_unhealthy(world)
    world.advance(240)
    assert healths(world) == ["healthy", "unhealthy"]
    assert alarm_now(world, place.UNHEALTHY_ALARM) == "ALARM"


def test_users_on_task_disk_hangs_and_its_definition_hides_the_sqlite_file_in_base64(world):
    """S1: the users are in a file of the task, and only a decoded config says so."""
    import base64

    world.break_with("users-on-task-disk")
    world.advance(180)
    assert alarm_now(world, place.UNHEALTHY_ALARM) == "ALARM"
    arn = service(world)["taskDefinition"]
    definition = world.session().client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    assert "sqlite" not in json.dumps(container)
    hidden = container["command"][-1].split()[1]
    assert "database_uri = sqlite:////tmp/mlflow-auth.db" in base64.b64decode(hidden).decode()
    assert {task.definition for task in world.service.live()} == {arn}


def test_the_usual_definition_keeps_its_users_in_the_database(world):
    import base64

    definition = world.session().client("ecs").describe_task_definition(taskDefinition=place.FAMILY)["taskDefinition"]
    hidden = definition["containerDefinitions"][0]["command"][-1].split()[1]
    assert "sqlite" not in base64.b64decode(hidden).decode()


def test_telemetry_gap_makes_the_alarm_blind_and_the_deployment_stays_well(world):
    world.break_with("telemetry-gap")
    world.advance(300)
    assert alarm_states(world, place.UNHEALTHY_ALARM) == ["INSUFFICIENT_DATA"]
    assert healths(world) == ["healthy", "healthy"]


def test_database_failing_over_shows_in_its_status_and_events_and_ends(world):
    rds = world.session().client("rds")
    world.break_with("database-failing-over")
    world.advance(60)
    asked = {"DBInstanceIdentifier": place.DATABASE}
    assert rds.describe_db_instances(**asked)["DBInstances"][0]["DBInstanceStatus"] == "rebooting"
    world.advance(120)
    assert rds.describe_db_instances(**asked)["DBInstances"][0]["DBInstanceStatus"] == "available"
    told = [e["detail"]["EventID"] for e in world.event_log.all if e["source"] == "aws.rds"]
    assert told == ["RDS-EVENT-0013", "RDS-EVENT-0006", "RDS-EVENT-0049"]
    assert healths(world) == ["healthy", "healthy"], "/health knows nothing of the database"


def test_artifacts_broken_leaves_tasks_and_database_well(world):
    world.break_with("artifacts-broken")
    world.advance(180)
    assert healths(world) == ["healthy", "healthy"]
    assert world.bucket.state == "s3_unreachable"


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_a_sentence_and_a_test_of_its_own(fault):
    from pathlib import Path

    written = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_world_*faults.py"))
    assert FAULTS[fault].sentence.endswith(".")
    assert f"def test_{fault.replace('-', '_')}_" in written


def test_an_unknown_fault_and_an_unknown_parameter_are_named(world):
    with pytest.raises(UnknownName, match=r"no fault named 'nope'; known: artifact-changes"):
        world.break_with("nope")
    with pytest.raises(InputsRejected, match=r"fault task-hangs: .*loudly"):
        world.break_with("task-hangs", loudly=True)


def test_an_alarm_event_has_the_shape_aws_gives_it(world):
    world.break_with("task-hangs")
    world.advance(180)
    (event,) = world.take_events()
    assert (event["source"], event["account"], event["region"]) == ("aws.cloudwatch", place.ACCOUNT, place.REGION)
    assert event["resources"] == [f"arn:aws:cloudwatch:eu-west-2:123456789012:alarm:{place.UNHEALTHY_ALARM}"]
    detail = event["detail"]
    (metric,) = detail["configuration"]["metrics"]
    assert metric["metricStat"]["metric"]["dimensions"] == place.ALB_DIMENSIONS
    assert (metric["metricStat"]["period"], metric["metricStat"]["stat"]) == (60, "Maximum")
    assert detail["previousState"]["value"] == "OK"
    assert detail["state"]["reason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [1.0 (02/11/26")
    data = json.loads(detail["state"]["reasonData"])
    assert (data["recentDatapoints"], data["threshold"], data["period"]) == ([1.0], 0.0, 60)
    assert detail["state"]["timestamp"].endswith("+0000")
