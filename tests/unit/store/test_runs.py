"""Runs, their steps and their timeline."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import RecordTooLarge, StaleWrite, StoreError
from chalicelib.models.change import Change, ChangeProgress
from chalicelib.models.run import Moment, Released, Run, RunStatus, StepRecord
from chalicelib.models.runbook import Runbook
from chalicelib.store.memory import MemoryTable
from chalicelib.store.runs import Runs

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
RUNBOOK = Runbook.model_validate(
    {
        "runbook": "service-down",
        "title": "Bring it back",
        "on": [{"alarm": {"name": "*unhealthy*"}}],
        "guards": {"cooldown": "15m", "maxRuns": {"count": 3, "per": "6h"}, "blastRadius": {"tasks": "50%"}},
        "steps": [{"id": "look", "do": "ecs.describe_service", "with": {"deep": True}, "timeout": "90s"}],
        "verify": {"within": "10m", "that": ["alarm_ok"]},
    }
)


@pytest.fixture
def runs():
    return Runs(MemoryTable())


def run(name: str = "r1", **facts) -> Run:
    given = {
        "stack": "blue",
        "stack_version": "v1",
        "runbook": RUNBOOK,
        "runbook_hash": RUNBOOK.content_hash,
        "event_id": "e1",
        "started_by": "alarm down",
        "created_at": NOW,
        "changed_at": NOW,
    }
    return Run(id=name, **{**given, **facts})


def step(**facts) -> StepRecord:
    return StepRecord(run_id="r1", id="look", do="ecs.describe_service", **facts)


def test_a_run_is_made_once_and_comes_back_as_it_is(runs):
    made, created = runs.create(run())
    assert created
    again, created = runs.create(run(started_by="somebody else"))
    assert not created
    assert again == made == runs.get("r1")


def test_the_pinned_runbook_survives_storing_unchanged_s33(runs):
    runs.create(run())
    assert runs.get("r1").runbook == RUNBOOK
    assert runs.get("r1").runbook.content_hash == RUNBOOK.content_hash


def test_a_run_that_is_stale_cannot_be_saved(runs):
    made, _ = runs.create(run())
    runs.save(made)
    with pytest.raises(StaleWrite):
        runs.save(made)


@pytest.mark.parametrize(
    ("wake_at", "due_at", "wanted"),
    [
        (None, None, NOW + timedelta(minutes=6)),
        (NOW - timedelta(hours=1), None, NOW + timedelta(minutes=6)),
        (NOW + timedelta(hours=4), None, NOW + timedelta(hours=4, minutes=6)),
        (NOW + timedelta(hours=4), NOW + timedelta(minutes=1), NOW + timedelta(minutes=1)),
    ],
)
def test_a_live_run_is_always_looked_after_some_time_s31(runs, wake_at, due_at, wanted):
    made, _ = runs.create(run())
    runs.save(made.model_copy(update={"wake_at": wake_at}), due_at)
    assert runs.due(wanted - timedelta(seconds=1)) == ()
    assert [found.id for found in runs.due(wanted)] == ["r1"]


def test_a_run_leaves_the_due_index_only_when_all_of_its_end_is_recorded_s31(runs):
    made, _ = runs.create(run(status=RunStatus.FINISHED))
    half = runs.save(made.model_copy(update={"released": Released(ledger=True, incident=True)}))
    assert len(runs.due(NOW + timedelta(days=1))) == 1
    runs.save(half.model_copy(update={"released": Released(ledger=True, incident=True, summary=True)}), NOW)
    assert runs.due(NOW + timedelta(days=1)) == ()


def test_a_run_too_large_is_refused_before_it_starts(runs):
    with pytest.raises(StoreError, match=r"run r1 is \d+ bytes, more than the 24576"):
        runs.create(run(inputs={"text": "x" * 24_000}))


def test_a_run_may_grow_after_it_has_started_up_to_its_limit(runs):
    made, _ = runs.create(run())
    made = runs.save(made.model_copy(update={"outcome": "x" * 25_000}))
    with pytest.raises(StoreError, match="more than the 32768"):
        runs.save(made.model_copy(update={"outcome": "x" * 33_000}))


class TestDoorbell:
    def test_ringing_leaves_word_and_returns_the_token(self, runs):
        runs.create(run(token="door"))
        rung = runs.ring("r1")
        assert (rung.woken, rung.token) == (True, "door")
        assert runs.get("r1") == rung

    def test_ringing_keeps_the_time_when_the_run_is_due(self, runs):
        made, _ = runs.create(run())
        runs.save(made, NOW + timedelta(minutes=1))
        runs.ring("r1")
        assert runs.due(NOW + timedelta(seconds=59)) == ()
        assert len(runs.due(NOW + timedelta(minutes=1))) == 1

    def test_ringing_twice_writes_once(self, runs):
        runs.create(run())
        assert runs.ring("r1").version == runs.ring("r1").version == 2

    def test_nobody_is_woken_in_a_run_that_is_over_or_not_made_yet(self, runs):
        runs.create(run(status=RunStatus.FINISHED))
        assert runs.ring("r1").woken is False
        assert runs.ring("r2") is None
        assert runs.request_cancel("r2", "anna", "why") is None

    def test_the_first_cancel_stands(self, runs):
        runs.create(run())
        runs.request_cancel("r1", "anna", "wrong stack")
        second = runs.request_cancel("r1", "ben", "me too")
        assert (second.cancel_requested_by, second.cancel_reason, second.woken) == ("anna", "wrong stack", True)

    def test_a_ring_and_a_worker_that_saves_lose_neither(self, runs):
        runs.create(run())

        def work(_: int) -> None:
            while True:
                current = runs.get("r1")
                try:
                    runs.save(current.model_copy(update={"moves": current.moves + 1}))
                except StaleWrite:
                    continue
                return

        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(work, n) for n in range(7)]
            pool.submit(runs.ring, "r1").result()
            for job in jobs:
                job.result()
        assert runs.get("r1").woken is True
        assert runs.get("r1").moves == 7


class TestSteps:
    def test_a_step_is_saved_under_its_version(self, runs):
        first = runs.save_step(step())
        second = runs.save_step(first.model_copy(update={"attempt": 1}))
        assert runs.step("r1", "look") == second
        with pytest.raises(StaleWrite):
            runs.save_step(first)
        assert runs.step("r1", "other") is None

    def test_an_output_too_large_is_cut_and_says_so(self, runs):
        output = {"count": 400, "tasks": [{"arn": f"task-{n:040d}"} for n in range(400)]}
        saved = runs.save_step(step(output=output, detail="looked"))
        assert saved.output["count"] == 400
        assert 0 < len(saved.output["tasks"]) < 400
        assert saved.detail.startswith("looked; output cut to 8192 bytes: tasks: ")
        assert runs.step("r1", "look") == saved

    def test_all_steps_of_a_run_are_found(self, runs):
        for name in ("b", "a"):
            runs.save_step(StepRecord(run_id="r1", id=name, do="x.y"))
        assert [record.id for record in runs.steps("r1")] == ["a", "b"]
        assert runs.steps("r2") == ()


class TestTimeline:
    def moment(self, seq: int, text: str = "so it was") -> Moment:
        return Moment(run_id="r1", seq=seq, at=NOW, what="sample", text=text)

    def test_moments_are_read_on_from_a_number(self, runs):
        for number in range(1, 12):
            runs.add_moment(self.moment(number))
        assert [moment.seq for moment in runs.moments("r1")] == list(range(1, 12))
        assert [moment.seq for moment in runs.moments("r1", after=9)] == [10, 11]

    def test_a_moment_whose_number_is_taken_comes_after_it_and_none_is_lost(self, runs):
        for moment in (self.moment(1, "first"), self.moment(1, "first"), self.moment(1, "second")):
            runs.add_moment(moment)
        assert [moment.text for moment in runs.moments("r1")] == ["first", "second"]


def test_runs_are_listed_by_stack_newest_first_and_paged(runs):
    for n in range(3):
        runs.create(run(f"r{n}", created_at=NOW + timedelta(minutes=n)))
    runs.create(run("other", stack="green"))
    page = runs.recent("blue", limit=2)
    assert [row.id for row in page.rows] == ["r2", "r1"]
    assert [row.id for row in runs.recent("blue", limit=2, cursor=page.cursor).rows] == ["r0"]
    assert [row.id for row in runs.recent("blue", since=NOW + timedelta(minutes=2)).rows] == ["r2"]


def test_a_record_that_could_be_stored_can_be_claimed_and_can_say_at_length_why_it_failed(runs):
    """Detail and lease have room of their own, and an error that quotes a whole document is cut."""
    progress = tuple(ChangeProgress(facts={"x": "y" * 1000}) for _ in range(200))
    changes = tuple(
        Change(step="look", action="a", operation="o", parameters={}, resource="r", sentence="s") for _ in range(50)
    )
    stored = runs.save_step(step(changes=changes, progress=progress))
    failed = runs.save_step(stored.model_copy(update={"detail": "why " * 100_000}))
    assert len(failed.detail) <= 4096
    assert failed.detail.endswith("(cut from 400000 characters)")
    assert runs.save_step(failed).detail == failed.detail
    with pytest.raises(RecordTooLarge, match="what is to be kept of 50 changes is"):
        runs.save_step(failed.model_copy(update={"progress": (*progress, *progress)}))
