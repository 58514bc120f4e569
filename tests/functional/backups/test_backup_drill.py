"""backup.drill asks for everything by name: a record that says `gone` is no proof (S5, S16)."""

from datetime import timedelta

from chalicelib.models.check import Answer
from chalicelib.models.history import MadeKind
from chalicelib.models.made_names import mark_of
from chalicelib.steps.checks import CHECKS
from steward.sandbox import place

MARK = f"{mark_of(place.NAME)}-{place.NAME}"

NAME = f"{MARK}-r-1-step"


def judge(flight, check):
    return CHECKS[check].judge(flight.read("backup.drill"), "")


def restore(flight):
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    flight.do("rds.restore_snapshot", throw_away=True, delete_after="2h")


def test_an_instance_that_stands_is_not_cleared(flight):
    restore(flight)
    told = flight.read("backup.drill")
    assert (told.made, told.still_there) == ((NAME,), (NAME,))
    assert judge(flight, "drill_cleared").answer is Answer.FALSE


def test_s5_a_record_that_says_gone_is_not_believed(flight):
    restore(flight)
    flight.history.mark_gone(place.NAME, MadeKind.INSTANCE, NAME, flight.world.clock.now())
    assert judge(flight, "drill_cleared").answer is Answer.FALSE


def test_deleted_and_asked_for_by_name_it_is_cleared(flight):
    restore(flight)
    flight.do("rds.delete_restored")
    result = judge(flight, "drill_cleared")
    assert (result.answer, result.because) == (Answer.TRUE, f"asked for by name and gone: {NAME}")
    assert any(call.params.get("DBInstanceIdentifier") == NAME for call in flight.calls("DescribeDBInstances"))


def test_what_is_gone_and_not_recorded_as_gone_is_not_known(flight):
    restore(flight)
    flight.world.rds.restored.clear()
    assert judge(flight, "drill_cleared").answer is Answer.UNKNOWN


def test_an_instance_of_this_run_that_no_record_knows_is_found_by_its_tag(flight):
    restore(flight)
    other = flight.world.rds.restored.pop(NAME)
    other.id = f"{MARK}-r-1-other"
    flight.world.rds.restored[other.id] = other
    assert flight.read("backup.drill").still_there == (other.id,)


def test_without_a_record_nothing_is_proven_and_nothing_is_to_clear(flight):
    assert judge(flight, "drill_proven").answer is Answer.FALSE
    assert judge(flight, "drill_cleared").answer is Answer.NOT_APPLICABLE
    assert judge(flight, "left_nothing").answer is Answer.NOT_APPLICABLE


def test_what_stands_beyond_its_time_is_overdue_for_every_later_run(flight):
    restore(flight)
    flight.world.advance(3 * 3600)
    flight.run = "r-2"
    result = judge(flight, "left_nothing")
    assert (result.answer, NAME in result.because) == (Answer.FALSE, True)
