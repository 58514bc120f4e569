"""stack.verify_tidied: asks for what was named, and adds up what was saved; `tidied` is true on proof only (S5)."""

from types import SimpleNamespace

import pytest

from chalicelib.aws.s3_leftovers import Upload
from chalicelib.models.change import Change, ChangeProgress, ChangeState
from chalicelib.models.check import Answer
from chalicelib.steps.probes.stack_verify_tidied import TidiedOutput, VerifyTidied, tidied
from chalicelib.steps.step import NoParams

GIB = 1024**3


def change(action, **parameters):
    return Change(step="s", action=action, operation="x:Y", parameters=parameters, resource="r", sentence="s")


REVISIONS = change("ecs.deregister_revisions", family="churn", taskDefinitions=["churn:1", "churn:2"])
UPLOADS = change("s3.abort_uploads", bucket="b", prefix="m/", uploads=[{"UploadId": "u1"}, {"UploadId": "u2"}])


def done(**facts):
    return ChangeProgress(state=ChangeState.DONE, facts=facts)


MADE = (
    (REVISIONS, done(removed=2, left_in_use=0)),
    (UPLOADS, done(aborted=2, freed_bytes=200 * GIB, left_alive=0)),
)


@pytest.fixture
def left(world):
    there = SimpleNamespace(active=[], uploads=[])
    world.others["ecs_families"] = SimpleNamespace(active=lambda _family: tuple(there.active))
    world.others["leftovers"] = SimpleNamespace(
        uploads=lambda _bucket, _prefix: [Upload("m/x", upload, world.now) for upload in there.uploads]
    )
    return there


def read(world, made=MADE):
    return VerifyTidied().read(world.ctx(made=lambda: made), NoParams())


def test_what_was_saved_is_said_in_bytes_and_dollars(world, left):
    output = read(world)
    assert (output.asked, output.left, output.revisions, output.uploads) == (4, 0, 2, 2)
    assert (output.saved_bytes, output.saved_dollars_per_month) == (200 * GIB, 4.6)
    assert output.outcome == "saved: 2 revisions, 2 uploads; 200.0 GiB, $4.60 a month"
    assert tidied(output)[0] is Answer.TRUE


def test_what_is_still_there_makes_it_false(world, left):
    left.active, left.uploads = ["churn:9", "churn:2"], ["u9", "u1"]
    output = read(world)
    assert output.left == 2
    assert tidied(output)[0] is Answer.FALSE


def test_what_was_left_on_purpose_does_not(world, left):
    left.active = ["churn:2"]
    output = read(world, ((REVISIONS, done(removed=1, left_in_use=1)),))
    assert (output.left, output.spared) == (1, 1)
    assert tidied(output)[0] is Answer.TRUE


def test_a_change_that_is_half_done_saves_nothing_yet(world, left):
    output = read(world, ((UPLOADS, ChangeProgress(state=ChangeState.STARTED)),))
    assert output.saved_bytes == 0


def test_without_anything_tidied_it_does_not_apply(world, left):
    output = read(world, ())
    assert output == TidiedOutput(applicable=False, outcome="this run has tidied nothing away")
    assert tidied(output)[0] is Answer.NOT_APPLICABLE
