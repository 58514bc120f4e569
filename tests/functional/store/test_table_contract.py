"""One contract, two tables: what holds for DynamoDB (on moto) holds for the twin in memory."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.errors import InputError, StaleWrite, StoreError
from chalicelib.store.table import Item, Key, walk
from tests.functional.store.tables import KEY, NOW, item


class TestOneItem:
    def test_what_is_not_there_reads_as_none(self, table):
        assert table.get(KEY) is None

    def test_a_created_item_comes_back_with_all_its_columns(self, table):
        whole = Item(
            KEY,
            {"deep": [{"n": 1.5, "none": None}], "text": "ü\u202e"},
            listed=("RUN#blue", "2026-11-03#r1"),
            due=("run", NOW + timedelta(microseconds=7)),
            expires=NOW,
        )
        assert table.create(whole) is None
        assert table.get(KEY) == replace(whole, version=1)

    def test_creating_it_again_changes_nothing_and_returns_the_old_one(self, table):
        table.create(item(who="first"))
        old = table.create(item(who="second"))
        assert old is not None
        assert old.body == {"who": "first"}
        assert old.version == 1
        assert table.get(KEY) == old

    def test_replacing_raises_the_version_by_one(self, table):
        first = table.replace(item(n=1))
        second = table.replace(replace(first, body={"n": 2}))
        assert (first.version, second.version) == (1, 2)
        assert table.get(KEY).body == {"n": 2}

    @pytest.mark.parametrize("version", [0, 1, 3])
    def test_replacing_on_any_other_version_is_stale_and_changes_nothing(self, table, version):
        table.replace(table.replace(item(n=1)))
        with pytest.raises(StaleWrite, match="STACK#blue/LEDGER"):
            table.replace(Item(KEY, {"n": 9}, version=version))
        assert table.get(KEY).body == {"n": 1}

    def test_replacing_what_was_never_there_is_stale(self, table):
        with pytest.raises(StaleWrite):
            table.replace(Item(KEY, {}, version=1))
        assert table.get(KEY) is None

    def test_replacing_takes_an_item_off_the_indexes_it_no_longer_names(self, table):
        first = table.replace(Item(KEY, {}, listed=("L", "1"), due=("run", NOW), expires=NOW))
        table.replace(replace(first, listed=None, due=None, expires=None))
        assert table.get(KEY) == Item(KEY, {}, version=2)
        assert table.listed("L").items == ()
        assert table.due("run", NOW) == ()

    def test_nobody_can_change_an_item_by_changing_what_was_read(self, table):
        body = {"list": [1]}
        table.create(Item(KEY, body))
        body["list"].append(2)
        table.get(KEY).body["list"].append(3)
        assert table.get(KEY).body == {"list": [1]}

    def test_an_item_too_large_is_refused_by_name_and_size(self, table):
        with pytest.raises(StoreError, match=r"STACK#blue/LEDGER is \d+ bytes"):
            table.create(item(text="x" * 350_000))

    def test_what_json_cannot_say_is_refused_by_name(self, table):
        with pytest.raises(StoreError, match="STACK#blue/LEDGER holds what JSON cannot say"):
            table.replace(item(n=float("nan")))


class TestStop:
    def test_a_stop_raises_the_version_so_that_an_older_decision_loses_s8(self, table):
        read = table.replace(item(n=1))
        table.set_stopped(KEY, "because")
        with pytest.raises(StaleWrite):
            table.replace(replace(read, body={"n": 2}))
        stored = table.get(KEY)
        assert (stored.stopped, stored.body) == ("because", {"n": 1})

    def test_other_writes_never_touch_the_stop_s24(self, table):
        table.set_stopped(KEY, "because")
        stored = table.get(KEY)
        table.replace(replace(stored, body={"n": 2}, stopped=None))
        assert table.get(KEY).stopped == "because"

    def test_creating_never_writes_a_stop_s24(self, table):
        table.create(Item(KEY, {}, stopped="mine"))
        assert table.get(KEY).stopped is None

    def test_a_stop_on_nothing_makes_an_empty_item(self, table):
        table.set_stopped(KEY, "because")
        assert table.get(KEY) == Item(KEY, {}, version=1, stopped="because")

    def test_resuming_removes_it_and_raises_the_version_again(self, table):
        table.set_stopped(KEY, "because")
        table.set_stopped(KEY, None)
        assert table.get(KEY) == Item(KEY, {}, version=2)


class TestPartition:
    def test_items_come_in_key_order_and_only_with_the_prefix(self, table):
        for sk in ("STEP#b", "META", "STEP#a", "EVENT#000002"):
            table.create(item(Key("RUN#1", sk)))
        table.create(item(Key("RUN#2", "STEP#c")))
        assert [i.key.sk for i in table.query("RUN#1", prefix="STEP#").items] == ["STEP#a", "STEP#b"]
        assert [i.key.sk for i in table.query("RUN#1").items] == ["EVENT#000002", "META", "STEP#a", "STEP#b"]

    def test_after_names_a_key_that_need_not_exist(self, table):
        for n in (1, 3, 5):
            table.create(item(Key("RUN#1", f"EVENT#{n:06d}")))
        page = table.query("RUN#1", prefix="EVENT#", after="EVENT#000002")
        assert [i.key.sk for i in page.items] == ["EVENT#000003", "EVENT#000005"]

    def test_after_may_lie_before_or_behind_the_prefix(self, table):
        table.create(item(Key("RUN#1", "EVENT#000001")))
        assert len(table.query("RUN#1", prefix="EVENT#", after="A").items) == 1
        assert table.query("RUN#1", prefix="EVENT#", after="Z").items == ()

    def test_walking_reads_every_page(self, table):
        for n in range(205):
            table.create(item(Key("RUN#1", f"EVENT#{n:06d}"), n=n))
        assert [i.body["n"] for i in walk(table, "RUN#1", prefix="EVENT#")] == list(range(205))
        assert table.query("RUN#1", limit=3).cursor == "EVENT#000002"


class TestLists:
    def fill(self, table, count=5):
        for n in range(count):
            table.create(Item(Key(f"RUN#{n}", "META"), {"n": n}, listed=("RUN#blue", f"2026-11-0{n + 1}#r{n}")))
        table.create(Item(Key("RUN#x", "META"), {}, listed=("RUN#green", "2026-11-01#rx")))

    def test_newest_come_first_unless_asked_otherwise(self, table):
        self.fill(table)
        assert [i.body["n"] for i in table.listed("RUN#blue").items] == [4, 3, 2, 1, 0]
        assert [i.body["n"] for i in table.listed("RUN#blue", newest_first=False).items] == [0, 1, 2, 3, 4]

    def test_all_lists_of_a_family_are_one_list_too(self, table):
        self.fill(table)
        table.create(Item(Key("EVENT#1", "DECISION"), {}, listed=("DECISION#blue", "2026-11-09#d")))
        newest = table.listed("RUN", limit=5)
        assert [i.listed[1] for i in newest.items] == [f"2026-11-0{n}#r{n - 1}" for n in (5, 4, 3, 2)] + [
            "2026-11-01#rx"
        ]
        assert [i.body["n"] for i in table.listed("RUN", cursor=newest.cursor).items] == [0]
        assert [i.body["n"] for i in table.listed("RUN", since="2026-11-04").items] == [4, 3]

    @pytest.mark.parametrize(
        ("bounds", "wanted"),
        [
            ({"since": "2026-11-03"}, [4, 3, 2]),
            ({"until": "2026-11-03"}, [1, 0]),
            ({"since": "2026-11-02", "until": "2026-11-04"}, [2, 1]),
            ({"since": "2026-11-02#r1", "until": "2026-11-03#r2"}, [2, 1]),
        ],
    )
    def test_bounds_include_both_ends(self, table, bounds, wanted):
        self.fill(table)
        assert [i.body["n"] for i in table.listed("RUN#blue", **bounds).items] == wanted

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_cursors_lead_through_the_whole_list_once(self, table, newest_first):
        self.fill(table)
        seen, cursor = [], None
        while True:
            page = table.listed("RUN#blue", limit=2, cursor=cursor, newest_first=newest_first)
            seen += [i.body["n"] for i in page.items]
            cursor = page.cursor
            if cursor is None:
                break
        assert seen == ([4, 3, 2, 1, 0] if newest_first else [0, 1, 2, 3, 4])

    @pytest.mark.parametrize("cursor", ["!", "bm90IGpzb24=", "WzEsMiwzXQ==", "WyJhIl0=", "ü"])
    def test_a_cursor_made_up_outside_is_bad_input(self, table, cursor):
        with pytest.raises(InputError, match="cursor"):
            table.listed("RUN#blue", cursor=cursor)

    def test_due_gives_what_is_due_of_that_kind_oldest_first(self, table):
        for n, offset in enumerate((60, -60, 0, -3600)):
            table.create(Item(Key(f"RUN#{n}", "META"), {"n": n}, due=("run", NOW + timedelta(seconds=offset))))
        table.create(Item(Key("I", "META"), {}, due=("incident", NOW)))
        assert [i.body["n"] for i in table.due("run", NOW)] == [3, 1, 2]
        assert [i.body["n"] for i in table.due("run", NOW, limit=1)] == [3]


class TestContention:
    def test_of_sixteen_workers_exactly_one_wins_each_version(self, table):
        table.create(item(n=0))
        rounds, workers = 12, 16
        gate = threading.Barrier(workers)

        def contend(worker: int) -> list[int]:
            won = []
            for version in range(1, rounds + 1):
                gate.wait()
                try:
                    table.replace(Item(KEY, {"winner": worker}, version=version))
                except StaleWrite:
                    continue
                won.append(version)
            return won

        with ThreadPoolExecutor(workers) as pool:
            wins = sorted(version for won in pool.map(contend, range(workers)) for version in won)
        assert wins == list(range(1, rounds + 1))
        assert table.get(KEY).version == rounds + 1

    def test_of_sixteen_workers_exactly_one_creates(self, table):
        gate = threading.Barrier(16)

        def create(worker: int) -> Item | None:
            gate.wait()
            return table.create(item(worker=worker))

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(create, range(16)))
        assert answers.count(None) == 1
        assert all(old == table.get(KEY) for old in answers if old)

    def test_stops_and_writes_at_once_lose_neither_s8(self, table):
        table.create(item(n=0))
        gate = threading.Barrier(8)

        def act(worker: int) -> None:
            gate.wait()
            if worker % 2:
                table.set_stopped(KEY, f"stop {worker}")
                return
            while True:
                try:
                    read = table.get(KEY)
                    table.replace(replace(read, body={"n": read.body["n"] + 1}))
                except StaleWrite:
                    continue
                return

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(act, range(8)))
        stored = table.get(KEY)
        assert stored.body == {"n": 4}
        assert stored.version == 1 + 4 + 4
        assert stored.stopped.startswith("stop ")
