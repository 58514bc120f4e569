"""History: written once, amended by version, and it never guesses."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import StoreUnavailable, UnknownName
from chalicelib.models.history import Backup, BackupKind, Creation, Drill, MadeKind, MarkKind, RunsMark
from chalicelib.store.history import History
from chalicelib.store.memory import MemoryTable

NOW = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
SNAPSHOT, DATABASE = MadeKind.SNAPSHOT, BackupKind.DATABASE


@pytest.fixture
def history():
    return History(MemoryTable())


def made(name="steward-r1-snap", **facts) -> Creation:
    return Creation(**{"stack": "s", "kind": SNAPSHOT, "id": name, "run_id": "r1", "step": "snap", "at": NOW, **facts})


def backup(name="b1", **facts) -> Backup:
    return Backup(**{"stack": "s", "kind": DATABASE, "id": name, "run_id": "r1", "as_of": NOW, **facts})


def test_a_creation_recorded_twice_is_the_first_one_s16(history):
    first = history.record_creation(made())
    assert history.record_creation(made(run_id="r2")) == first
    assert history.creation("s", SNAPSHOT, "steward-r1-snap") == first


def test_what_another_stack_made_is_not_this_ones_s16(history):
    history.record_creation(made())
    assert history.creation("other", SNAPSHOT, "steward-r1-snap") is None
    assert history.creation("s", MadeKind.INSTANCE, "steward-r1-snap") is None


def test_what_is_gone_is_listed_only_when_asked_for(history):
    history.record_creation(made())
    history.record_creation(made("steward-r2-snap"))
    history.mark_gone("s", SNAPSHOT, "steward-r1-snap", NOW)
    history.mark_gone("s", SNAPSHOT, "steward-r1-snap", NOW + timedelta(days=1))
    assert [one.id for one in history.creations("s", SNAPSHOT)] == ["steward-r2-snap"]
    assert [one.gone_at for one in history.creations("s", gone=True)] == [NOW, None]


def test_good_means_verified_and_not_doubted_s18(history):
    history.record_backup(backup("old", as_of=NOW - timedelta(days=2), verified_at=NOW))
    history.record_backup(backup("doubted", as_of=NOW - timedelta(days=1), verified_at=NOW, suspect="rows fell"))
    history.record_backup(backup("unproven"))
    assert [one.id for one in history.backups("s", DATABASE)] == ["unproven", "doubted", "old"]
    assert history.newest_good("s", DATABASE).id == "old"
    history.amend_backup("s", DATABASE, "unproven", NOW, verified_at=NOW)
    assert history.newest_good("s", DATABASE).id == "unproven"


def test_a_deleted_backup_is_no_good_one_any_more(history):
    history.record_backup(backup(verified_at=NOW))
    history.amend_backup("s", DATABASE, "b1", NOW, gone_at=NOW)
    assert history.newest_good("s", DATABASE) is None
    assert [one.id for one in history.backups("s", DATABASE, gone=True)] == ["b1"]


def test_amending_what_nobody_recorded_is_an_error(history):
    with pytest.raises(UnknownName):
        history.amend_backup("s", DATABASE, "never", NOW, verified_at=NOW)


def test_a_doubt_stands_until_a_person_clears_it_s18(history):
    history.suspect("s", "30% of objects vanished", "r1", NOW)
    again = history.suspect("s", "something else", "r2", NOW + timedelta(hours=1))
    assert (again.why, again.run_id) == ("30% of objects vanished", "r1")
    assert history.suspicion("other") is None
    history.clear_suspicion("s", "ada", "we deleted an experiment", NOW)
    assert history.suspicion("s") is None
    assert history.suspect("s", "anew", "r3", NOW).stands


def test_what_the_api_may_clear_lies_apart_from_what_deletion_rests_on_s24():
    table = MemoryTable()
    History(table).suspect("s", "doubted", "r1", NOW)
    History(table).record_creation(made())
    assert [item.key.sk for item in table.query("HISTORY#s").items] == [f"MADE#{SNAPSHOT.value}#steward-r1-snap"]


def test_drills_come_newest_first(history):
    for day in (1, 2):
        history.record_drill(Drill(stack="s", run_id=f"r{day}", at=NOW + timedelta(days=day), proven=day == 2))
    assert [one.run_id for one in history.drills("s")] == ["r2", "r1"]


def test_without_a_table_every_question_raises_instead_of_saying_nothing_s5():
    with pytest.raises(StoreUnavailable):
        History(None).suspicion("s")


def test_marks_of_runs_come_in_the_order_of_their_times_and_once_each(history):
    late = RunsMark(stack="s", kind=MarkKind.TRIED, run_id="r1", at=NOW, runs=("a", "b"))
    early = late.model_copy(update={"at": NOW - timedelta(days=1), "run_id": "r0"})
    for mark in (late, late, early, late.model_copy(update={"kind": MarkKind.HIDDEN})):
        history.mark_runs(mark)
    assert [mark.run_id for mark in history.run_marks("s", MarkKind.TRIED)] == ["r0", "r1"]
    assert list(history.run_marks("other", MarkKind.TRIED)) == []
