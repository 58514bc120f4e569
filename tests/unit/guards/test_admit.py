"""Admission, as examples and as properties over any order of events."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.guards.admit import Admission, admit, release, sent
from chalicelib.models.decision import GuardResult
from chalicelib.models.ledger import AdmissionRequest, Freeze, Ledger, Slot, Start, Stop
from chalicelib.models.words import Autonomy

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
EMPTY = Ledger(stack="blue")


def wanted(run_id: str = "r1", **facts) -> AdmissionRequest:
    given = {
        "stack": "blue",
        "runbook": "service-down",
        "event_id": "e1",
        "automatic": True,
        "autonomy": Autonomy.AUTO,
        "acts": True,
        "cooldown_s": 900,
        "max_runs": 3,
        "max_runs_per_s": 6 * 3600,
        "run": {"id": run_id},
    }
    return AdmissionRequest(run_id=run_id, **{**given, **facts})


def result(admission: Admission, guard: str) -> GuardResult:
    return next(found for found in admission.results if found.guard == guard)


def starts(*minutes_ago: int, runbook: str = "service-down", automatic: bool = True) -> tuple[Start, ...]:
    return tuple(
        Start(run_id=f"old{m}", runbook=runbook, at=NOW - timedelta(minutes=m), automatic=automatic)
        for m in minutes_ago
    )


def test_admission_takes_the_slot_counts_the_start_and_fills_the_outbox():
    ledger = admit(EMPTY, wanted(), NOW).ledger
    assert ledger.active == (Slot(run_id="r1", runbook="service-down", since=NOW),)
    assert [start.run_id for start in ledger.starts] == ["r1"]
    assert [(entry.run_id, entry.event_id, entry.request) for entry in ledger.outbox] == [("r1", "e1", {"id": "r1"})]


def test_every_guard_is_asked_and_says_why_even_after_one_refused():
    ledger = EMPTY.model_copy(
        update={
            "stop": Stop(by="anna", reason="moving"),
            "active": (Slot(run_id="r0", runbook="gc", since=NOW),),
            "freezes": (Freeze(by="ben", reason="launch", until=NOW + timedelta(hours=1)),),
            "cooldowns": {"service-down": NOW + timedelta(minutes=5)},
            "starts": starts(30, 20, 10),
        }
    )
    answer = admit(ledger, wanted(), NOW)
    assert not answer.admitted
    assert [found.guard for found in answer.results if not found.passed] == [
        "stop",
        "one_run",
        "freeze",
        "cooldown",
        "max_runs",
    ]
    assert result(answer, "stop").because == "anna stopped blue: moving"
    assert result(answer, "one_run").because == "run r0 (gc) in progress since 2026-11-03 09:00:00 UTC"
    assert result(answer, "freeze").retry_at == NOW + timedelta(hours=1)
    assert result(answer, "cooldown").retry_at == NOW + timedelta(minutes=5)
    assert result(answer, "max_runs").retry_at == NOW - timedelta(minutes=30) + timedelta(hours=6)


def test_a_stop_holds_people_suggestions_and_alarms_alike_s8():
    ledger = EMPTY.model_copy(update={"stop": Stop(by="anna", reason="moving")})
    for facts in ({}, {"automatic": False}, {"acts": False}, {"acts": False, "automatic": False}):
        assert admit(ledger, wanted(**facts), NOW).ledger is None


def test_a_stop_lets_a_plan_through_since_it_changes_nothing_s8():
    ledger = EMPTY.model_copy(update={"stop": Stop(by="anna", reason="moving")})
    answer = admit(ledger, wanted(acts=False, automatic=False, only_plans=True), NOW)

    assert answer.admitted
    assert "anna stopped blue" in result(answer, "stop").because


def test_people_are_not_held_by_cooldown_runs_per_time_and_freeze_but_by_the_slot():
    ledger = EMPTY.model_copy(
        update={
            "freezes": (Freeze(by="ben", reason="launch", until=NOW + timedelta(hours=1)),),
            "cooldowns": {"service-down": NOW + timedelta(minutes=5)},
            "starts": starts(30, 20, 10),
        }
    )
    assert admit(ledger, wanted(automatic=False), NOW).admitted
    busy = ledger.model_copy(update={"active": (Slot(run_id="r0", runbook="gc", since=NOW),)})
    assert not admit(busy, wanted(automatic=False), NOW).admitted


def test_what_only_looks_takes_no_slot_and_waits_for_none():
    busy = EMPTY.model_copy(update={"active": (Slot(run_id="r0", runbook="gc", since=NOW),)})
    ledger = admit(busy, wanted(acts=False), NOW).ledger
    assert ledger.active == busy.active
    assert [entry.run_id for entry in ledger.outbox] == ["r1"]


def test_suggestions_use_up_their_trigger_too():
    ledger = EMPTY
    for n in range(3):
        ledger = admit(ledger, wanted(f"r{n}", acts=False), NOW).ledger
    assert not result(admit(ledger, wanted("r9", acts=False), NOW), "max_runs").passed


def test_starts_of_people_and_of_other_runbooks_are_not_counted():
    ledger = EMPTY.model_copy(
        update={"starts": (*starts(3, 2, 1, automatic=False), *starts(6, 5, 4, runbook="gc"), *starts(30, 20))}
    )
    assert admit(ledger, wanted(), NOW).admitted


def test_the_same_run_is_admitted_once_and_told_so_again():
    first = admit(EMPTY, wanted(), NOW)
    again = admit(first.ledger, wanted(), NOW + timedelta(minutes=1))
    assert again.admitted
    assert again.ledger is first.ledger


def test_a_late_delivery_for_a_run_that_is_over_takes_no_slot():
    for automatic in (True, False):
        request = wanted(automatic=automatic)
        ledger = admit(EMPTY, request, NOW).ledger
        over = release(ledger, "r1", "service-down", NOW, 0)
        assert admit(over, request, NOW + timedelta(hours=1)).ledger is over
        assert over.active == ()


def test_a_limit_that_cannot_be_kept_refuses_and_says_so():
    for facts in ({"max_runs": 0}, {"max_runs_per_s": 0}):
        answer = admit(EMPTY, wanted(**facts), NOW)
        assert not answer.admitted
        assert result(answer, "max_runs").because.startswith("lacks a limit")


def test_releasing_frees_the_slot_starts_the_cooldown_and_clears_the_outbox():
    ledger = admit(EMPTY, wanted(), NOW).ledger
    freed = release(ledger, "r1", "service-down", NOW, 900)
    assert freed.active == freed.outbox == ()
    assert freed.cooldowns == {"service-down": NOW + timedelta(minutes=15)}


def test_releasing_again_or_by_another_changes_nothing():
    ledger = admit(EMPTY, wanted(), NOW).ledger
    assert release(ledger, "r2", "service-down", NOW, 900) is ledger
    freed = release(ledger, "r1", "service-down", NOW, 900)
    assert release(freed, "r1", "service-down", NOW + timedelta(hours=1), 900) is freed


def test_what_is_sent_leaves_the_outbox_and_keeps_the_slot():
    ledger = sent(admit(EMPTY, wanted(), NOW).ledger, "r1")
    assert ledger.outbox == ()
    assert len(ledger.active) == 1
    assert sent(ledger, "r1") is ledger


def test_what_is_over_is_dropped_from_the_ledger():
    ledger = EMPTY.model_copy(
        update={
            "starts": (*starts(7 * 60, 10), *starts(7 * 60, runbook="gc")),
            "cooldowns": {"gc": NOW, "other": NOW + timedelta(minutes=1)},
            "freezes": (Freeze(by="ben", reason="over", until=NOW),),
        }
    )
    after = admit(ledger, wanted(), NOW).ledger
    assert [(start.runbook, start.run_id) for start in after.starts] == [
        ("service-down", "old10"),
        ("gc", "old420"),
        ("service-down", "r1"),
    ]
    assert list(after.cooldowns) == ["other"]
    assert after.freezes == ()


events = st.lists(
    st.tuples(
        st.sampled_from(["admit", "release", "sent"]),
        st.integers(0, 7),  # the run, which also names its runbook
        st.integers(0, 900),  # seconds since the event before
        st.booleans(),  # automatic
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(events=events, count=st.integers(1, 3), per_s=st.integers(1, 1800), cooldown_s=st.integers(0, 600))
def test_whatever_the_order_there_is_one_slot_and_no_window_holds_too_many_starts(events, count, per_s, cooldown_s):
    ledger, now = EMPTY, NOW
    admitted: list[tuple[str, datetime]] = []
    ended: dict[str, datetime] = {}
    for what, n, later, automatic in events:
        now += timedelta(seconds=later)
        run_id, runbook = f"r{n}", f"runbook-{n % 2}"
        if what == "release":
            if any(slot.run_id == run_id for slot in ledger.active):
                ended[runbook] = now
            ledger = release(ledger, run_id, runbook, now, cooldown_s)
        elif what == "sent":
            ledger = sent(ledger, run_id)
        else:
            request = wanted(run_id, runbook=runbook, automatic=automatic, max_runs=count, max_runs_per_s=per_s)
            answer = admit(ledger, request, now)
            if answer.ledger is None:
                assert any(not found.passed for found in answer.results)
                continue
            if answer.ledger is not ledger and automatic:
                admitted.append((runbook, now))
                assert now >= ended.get(runbook, NOW - timedelta(days=1)) + timedelta(seconds=cooldown_s)
            ledger = answer.ledger
        assert len(ledger.active) <= 1
    for runbook, at in admitted:
        window = [t for name, t in admitted if name == runbook and at <= t < at + timedelta(seconds=per_s)]
        assert len(window) <= count


@settings(max_examples=150, deadline=None)
@given(
    ages=st.lists(st.integers(0, 4000), max_size=8),
    cooldown=st.integers(-100, 4000),
    freeze=st.integers(-100, 4000),
    count=st.integers(1, 4),
    per_s=st.integers(1, 3600),
)
def test_retry_at_is_honest(ages, cooldown, freeze, count, per_s):
    ledger = EMPTY.model_copy(
        update={
            "starts": tuple(
                Start(run_id=f"s{n}", runbook="service-down", at=NOW - timedelta(seconds=age))
                for n, age in enumerate(ages)
            ),
            "cooldowns": {"service-down": NOW + timedelta(seconds=cooldown)},
            "freezes": (Freeze(by="x", reason="y", until=NOW + timedelta(seconds=freeze)),),
        }
    )
    request = wanted(max_runs=count, max_runs_per_s=per_s)
    for refusal in admit(ledger, request, NOW).results:
        if refusal.passed:
            continue
        assert refusal.retry_at > NOW
        assert result(admit(ledger, request, refusal.retry_at), refusal.guard).passed
        just_before = admit(ledger, request, refusal.retry_at - timedelta(microseconds=1))
        assert not result(just_before, refusal.guard).passed
