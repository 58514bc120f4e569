"""rds.list_copies: what stands in the other region."""

from datetime import timedelta

from chalicelib.models.check import Answer
from chalicelib.models.made_names import mark_of
from chalicelib.models.stack_backup import BackupPart
from chalicelib.steps.checks import CHECKS
from steward.sandbox import place

MARK = f"{mark_of(place.NAME)}-{place.NAME}"


def judge(flight):
    return CHECKS["copied_offsite"].judge(flight.read("rds.list_copies"), "").answer


def test_a_good_copy_is_found_with_the_age_of_its_original(flight):
    assert judge(flight) is Answer.FALSE
    flight.past("steward-day", flight.world.clock.now() - timedelta(hours=3))
    flight.do("rds.copy_snapshot")
    found = flight.read("rds.list_copies")
    assert (found.region, found.copies, found.newest_good) == (place.OFFSITE_REGION, 1, f"{MARK}-r-1-step")
    assert found.newest_good_age_s > 3 * 3600
    assert found.of_this_run_good == (f"{MARK}-r-1-step",)
    assert judge(flight) is Answer.TRUE


def test_without_another_region_it_does_not_apply(flight):
    flight.stack = flight.world.stack().model_copy(update={"backup": BackupPart()})
    assert judge(flight) is Answer.NOT_APPLICABLE
