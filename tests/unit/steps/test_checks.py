"""Checks answer true only on positive proof (S5), and unknown when it is us who cannot see (S3)."""

import pytest

from chalicelib.aws.cloudwatch import Alarm
from chalicelib.errors import AwsDenied, HttpFailure
from chalicelib.models.check import Answer
from chalicelib.net.http import HttpAnswer
from chalicelib.steps.checks import CHECKS
from chalicelib.steps.probes.http_deep_health import DeepOutput
from chalicelib.steps.registry import PROBES

TRUE, FALSE, UNKNOWN, NOT_APPLICABLE = Answer.TRUE, Answer.FALSE, Answer.UNKNOWN, Answer.NOT_APPLICABLE


def judge(world, name, **ctx):
    probe = PROBES[CHECKS[name].probe]
    return CHECKS[name].judge(probe.read(world.ctx(**ctx), probe.Params()), "").answer


@pytest.mark.parametrize("name", CHECKS)
def test_s3_without_an_output_every_check_is_unknown_and_says_why(name):
    result = CHECKS[name].judge(None, "not reachable from here: AccessDenied")
    assert (result.check, result.answer) == (name, UNKNOWN)
    assert "not reachable from here" in result.because


@pytest.mark.parametrize("name", CHECKS)
def test_another_probe_s_output_is_never_judged(name):
    other = PROBES["ecs.describe_task_definition"].Output
    assert CHECKS[name].judge(other.model_construct(), "").answer is UNKNOWN


def alarm(state="OK", reason="2 out of the last 2 datapoints"):
    return Alarm("unhealthy", state, reason, {}, None, "missing", True)


@pytest.mark.parametrize(
    ("alarms", "answer"),
    [
        ([alarm()], TRUE),
        ([alarm("ALARM")], FALSE),
        ([alarm("INSUFFICIENT_DATA")], UNKNOWN),
        ([alarm(reason="no datapoints were received for 1 period and 1 missing datapoint was treated as …")],
         UNKNOWN),
        ([], UNKNOWN),  # somebody deleted it
    ],
)  # fmt: skip
def test_s5_alarm_ok_wants_a_measured_ok(world, alarms, answer):
    world.alarms = alarms
    assert judge(world, "alarm_ok", alarms=("unhealthy",)) is answer


def test_alarm_ok_does_not_apply_to_a_run_without_alarms(world):
    assert judge(world, "alarm_ok") is NOT_APPLICABLE


def test_service_steady_wants_running_equal_to_desired_and_above_zero(world):
    assert judge(world, "service_steady") is TRUE
    world.desired = 3
    assert judge(world, "service_steady") is FALSE
    world.desired, world.tasks = 0, []
    assert judge(world, "service_steady") is FALSE


def test_service_steady_is_false_while_deploying(world):
    world.deployments = []
    world.deployment(2, "IN_PROGRESS")
    assert judge(world, "service_steady") is FALSE
    assert judge(world, "deployment_in_progress") is TRUE


def test_deployment_in_progress_is_false_when_it_completed_or_failed(world):
    assert judge(world, "deployment_in_progress") is FALSE
    world.deployments = []
    world.deployment(2, "FAILED")
    assert judge(world, "deployment_in_progress") is FALSE


def test_targets_healthy_wants_every_running_task_and_as_many_as_desired(world):
    assert judge(world, "targets_healthy") is TRUE
    world.set_target("new", "initial")
    assert judge(world, "targets_healthy") is FALSE
    world.set_target("new", "healthy")
    world.desired = 3
    assert judge(world, "targets_healthy") is FALSE
    world.desired, world.tasks, world.targets = 0, [], {}
    assert judge(world, "targets_healthy") is FALSE


def test_a_healthy_target_that_is_no_task_of_ours_proves_nothing(world):
    world.set_target("new", "unhealthy")
    world.targets["10.9.9.9"] = "healthy"
    assert judge(world, "targets_healthy") is FALSE


def test_targets_healthy_does_not_apply_without_a_load_balancer(world):
    del world.stack["loadBalancer"]
    assert judge(world, "targets_healthy") is NOT_APPLICABLE


def test_deep_health_is_true_only_when_every_task_had_its_chance_to_answer(world):
    world.answers = lambda request: HttpAnswer(200, {}, b'{"experiments": []}', 0.01)
    assert judge(world, "deep_health") is TRUE

    def judged(**over):
        given = {"state": "ok", "asked": 4, "good": 4, "bad": 0, "running": 2, "detail": "d"}
        return CHECKS["deep_health"].judge(DeepOutput(**(given | over)), "").answer

    assert judged() is TRUE
    assert judged(asked=3, good=3) is UNKNOWN
    assert judged(asked=2, good=2, running=0) is UNKNOWN
    assert judged(state="down", good=3, bad=1) is FALSE
    assert judged(state="no_url") is NOT_APPLICABLE
    assert judged(state="auth") is UNKNOWN


def test_s3_no_way_to_the_server_is_unknown_and_not_down(world):
    def unreachable(request):
        raise HttpFailure("refused", "no connection to 10.0.0.1:80 within 5 s")

    world.answers = unreachable
    assert judge(world, "deep_health") is UNKNOWN


def test_database_failing_over(world):
    assert judge(world, "database_failing_over") is FALSE
    world.db_status = "failing-over"
    assert judge(world, "database_failing_over") is TRUE
    del world.stack["database"]
    assert judge(world, "database_failing_over") is NOT_APPLICABLE


def test_s3_a_denied_probe_raises_and_does_not_answer(world):
    world.denied["elasticloadbalancing:DescribeTargetHealth"] = AwsDenied("elb", "AccessDenied", "no")
    with pytest.raises(AwsDenied):
        judge(world, "targets_healthy")
