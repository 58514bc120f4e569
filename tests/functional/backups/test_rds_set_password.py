"""rds.set_password: a restored database lets the stack's login in again; the password is in no record (S16, S29)."""

from datetime import timedelta

import pytest

from chalicelib.errors import StepRefused
from chalicelib.models.made_names import mark_of
from chalicelib.steps.registry import ACTIONS
from chalicelib.steps.step import Done, Pending, Standing
from steward.sandbox import place

NAME = f"{mark_of(place.NAME)}-{place.NAME}-r-1-step"


@pytest.fixture
def restored(flight):
    """Of a snapshot from before a rotation."""
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    flight.world.break_with("rotated-since")
    flight.do("rds.restore_snapshot")
    return flight


def test_after_a_rotation_the_restored_one_gets_the_password_of_today_and_then_holds_the_database(restored):
    host = restored.world.rds.restored[NAME].host
    before = restored.read("db.facts", host=host)
    assert (before.proven, before.other.problem) == (None, "authentication")
    assert "refuses the stack's login" in before.skipped
    (done,) = restored.do("rds.set_password", instance=NAME)
    assert isinstance(done, Done)
    assert restored.read("db.facts", host=host).proven is True


def test_s29_the_password_is_in_no_change_progress_or_answer(restored):
    (change,) = restored.plan("rds.set_password", instance=NAME)
    look, progress = restored.begin(change)
    said = [change.model_dump_json(), look.model_dump_json()]
    applied, progress = restored.apply(change, progress)
    said += [progress.model_dump_json(), repr(applied), repr(restored.finish(change, progress))]
    assert not [text for text in said if place.DATABASE_PASSWORD in text]
    (call,) = restored.calls("ModifyDBInstance")
    assert call.params["MasterUserPassword"] == place.DATABASE_PASSWORD


def test_one_that_lets_the_login_in_is_left_as_it_is(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    flight.do("rds.restore_snapshot")
    assert flight.plan("rds.set_password", instance=NAME) == ()


def test_a_worker_that_died_after_the_call_asks_rds_only_once(restored):
    (change,) = restored.plan("rds.set_password", instance=NAME)
    _, progress = restored.begin(change)
    restored.apply(change, progress)
    look, progress = restored.begin(change)
    assert look.standing is Standing.READY
    assert isinstance(restored.apply(change, progress)[0], Pending)
    assert isinstance(restored.finish(change, progress), Done)
    assert restored.begin(change)[0].standing is Standing.ALREADY
    assert len(restored.calls("ModifyDBInstance")) == 1


def test_s16_only_what_steward_restored_is_given_a_password(restored):
    (change,) = restored.plan("rds.set_password", instance=NAME)
    with pytest.raises(StepRefused, match="not there"):
        restored.plan("rds.set_password", instance="steward-gone")
    with pytest.raises(StepRefused, match="S16"):
        restored.plan("rds.set_password", instance=place.DATABASE)
    restored.world.rds.restored[NAME].tags.clear()
    with pytest.raises(StepRefused, match="S16"):
        ACTIONS["rds.set_password"].look(restored.ctx(), change)


def test_where_the_secret_s_user_is_not_the_master_user_it_is_said_who_can_do_it(restored):
    restored.world.rds.restored[NAME].master_user = "postgres"
    remedy = r"mlflow is not its master user \(postgres\): log in as postgres and give mlflow the password"
    with pytest.raises(StepRefused, match=remedy):
        restored.plan("rds.set_password", instance=NAME)


def test_s3_where_nobody_can_log_in_from_here_it_is_set_and_said_that_nobody_tried(restored):
    restored.world.databases.out_of_reach = "not reachable from here"
    (change,) = restored.plan("rds.set_password", instance=NAME)
    assert "may have an older one" in change.sentence
    assert "nobody could try it from here" in restored.finish(change).detail
    restored.world.rds.restored[NAME].master_user = "postgres"
    assert restored.plan("rds.set_password", instance=NAME) == ()


def test_a_database_that_refuses_mlflow_s_login_is_not_put_in_use_and_the_remedy_is_named(restored):
    with pytest.raises(StepRefused, match=r"refuses the login of mlflow/db.*let rds\.set_password run"):
        restored.plan("rds.swap_in", instance=NAME)
    restored.do("rds.set_password", instance=NAME)
    assert restored.plan("rds.swap_in", instance=NAME)


def test_a_restored_database_whose_password_rds_manages_by_now_is_given_none(restored):
    secret = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:rds!db-1-AbCdEf"
    restored.world.rds.restored[NAME].settings["MasterUserSecret"] = {"SecretArn": secret}
    with pytest.raises(StepRefused, match="takes none from anybody else: write that secret into the stack's file"):
        restored.plan("rds.set_password", instance=NAME)
