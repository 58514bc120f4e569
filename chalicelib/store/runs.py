"""Runs: the run, its steps and its timeline.

A run stays on the due index until everything about its end is recorded: a worker that dies leaves a
run that sweep finds (S31).
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.errors import RecordTooLarge, StoreError
from chalicelib.models.run import Moment, Run, StepRecord
from chalicelib.store.blobs import Blobs, NoBlobs, evidence_key
from chalicelib.store.columns import between, stamp
from chalicelib.store.fit import (
    DETAIL_LIMIT,
    OUTPUT_LIMIT,
    RUN_LIMIT,
    RUN_LIMIT_AT_BIRTH,
    STEP_LIMIT,
    fit_output,
    size_of,
)
from chalicelib.store.rows import KEPT_FOR, Slice, body_of, contend, load, load_page
from chalicelib.store.table import Item, Key, Table, walk

LOOKED_AFTER_IN = timedelta(minutes=6)
"""After its last sign of life or its wake time: longer than one Advance can take, and short enough for
sweep to have it moving again within 10 minutes (S31)."""

MOST_CHANGES_IN_ITEM = 50
CHANGES_LIMIT = 64 * 1024
"""Bytes of Changes in a step's item: few may be large (one that names 200 folders has 30 KB), and the item
is written again with every Change made."""
MOST_JOINED = 50
CHANGES_AT = "changes_at"
"""In the item of a step with more or larger Changes: where they lie, under their content's hash."""


class Runs:
    def __init__(self, table: Table, evidence: Blobs | None = None) -> None:
        """`evidence`: where a step's Changes go that are too many for its item."""
        self._table = table
        self._evidence = evidence or NoBlobs()
        self._read: dict[str, list[Any]] = {}

    def create(self, run: Run) -> tuple[Run, bool]:
        """Idempotent by run id: the stored run, and whether this call made it."""
        old = self._table.create(_item(run, None, RUN_LIMIT_AT_BIRTH))
        return (load(Run, old), False) if old else (run.model_copy(update={"version": 1}), True)

    def get(self, run_id: str) -> Run | None:
        item = self._table.get(_key(run_id))
        return load(Run, item) if item else None

    def save(self, run: Run, due_at: datetime | None = None) -> Run:
        """`due_at`: when somebody must look after it; left out, it follows from its wake time."""
        stored = self._table.replace(_item(run, due_at, RUN_LIMIT))
        return run.model_copy(update={"version": stored.version})

    def ring(self, run_id: str, now: datetime | None = None) -> Run | None:
        """Leaves word that something happened; the run comes back with the token of its doorbell.
        None: it was admitted and is not made yet, so there is nobody to wake. If nobody hears it, because
        the execution is gone, sweep does not wait until the sleep would have ended (S31)."""
        due = now + LOOKED_AFTER_IN if now else None
        return self._amend(run_id, lambda run: {} if run.woken else {"woken": True}, "ringing", due)

    def request_cancel(self, run_id: str, by: str, reason: str, now: datetime | None = None) -> Run | None:
        """The first request stands. A run that is over stays as it is."""
        due = now + LOOKED_AFTER_IN if now else None

        def asked(run: Run) -> dict[str, Any]:
            facts = {"cancel_requested_by": by, "cancel_reason": reason, "woken": True}
            return {} if run.cancel_requested_by else facts

        return self._amend(run_id, asked, "cancelling", due)

    def join(self, run_id: str, what: str, *, is_alarm: bool) -> bool:
        """Whether it is news. At most fifty: more say nothing new."""
        news: list[str] = []

        def joined(run: Run) -> dict[str, Any]:
            news.clear()
            if what in run.joined or len(run.joined) >= MOST_JOINED:
                return {}
            news.append(what)
            more = {"alarms": (*run.alarms, what)} if is_alarm and what not in run.alarms else {}
            return {"joined": (*run.joined, what), "woken": True, **more}

        return self._amend(run_id, joined, "joining") is not None and bool(news)

    def due(self, now: datetime) -> tuple[Run, ...]:
        return tuple(load(Run, item) for item in self._table.due("run", now))

    def recent(
        self,
        stack: str | None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Slice[Run]:
        """Newest first; of all stacks where none is named. One call."""
        name = f"RUN#{stack}" if stack else "RUN"
        page = self._table.listed(name, **between(since, until), limit=limit, cursor=cursor)
        return load_page(Run, page)

    def step(self, run_id: str, step_id: str) -> StepRecord | None:
        item = self._table.get(_step_key(run_id, step_id))
        return self._step(item) if item else None

    def steps(self, run_id: str) -> tuple[StepRecord, ...]:
        """By id; their order is the runbook's."""
        return tuple(self._step(item) for item in walk(self._table, f"RUN#{run_id}", prefix="STEP#"))

    def save_step(self, record: StepRecord) -> StepRecord:
        record = _fitted(record)
        began = record.started_at or record.ended_at
        expires = began + KEPT_FOR if began else None
        stored = self._table.replace(
            Item(_step_key(record.run_id, record.id), self._body(record), version=record.version, expires=expires)
        )
        return record.model_copy(update={"version": stored.version})

    def _body(self, record: StepRecord) -> dict[str, Any]:
        body = body_of(record)
        # What is claimed, and what it says as it fails, is no larger than what was planned: both can be stored.
        if (size := size_of([body["progress"], body["output"]])) > STEP_LIMIT:
            raise RecordTooLarge(f"what is to be kept of {len(record.changes)} changes", size, STEP_LIMIT)
        data = json.dumps(body["changes"], sort_keys=True).encode()
        if len(record.changes) <= MOST_CHANGES_IN_ITEM and len(data) <= CHANGES_LIMIT:
            return body
        del body["changes"]
        key = evidence_key(data)
        ref = self._evidence.ref(key)
        if ref not in self._read:  # stored once, before the item that points to it; then never changed
            self._evidence.put(key, data)
            self._keep(ref, data)
        return {**body, CHANGES_AT: ref}

    def _step(self, item: Item) -> StepRecord:
        ref = item.body.get(CHANGES_AT)
        if ref is None:
            return load(StepRecord, item)
        if ref not in self._read:
            self._keep(ref, self._evidence.get(ref))
        body = {name: value for name, value in item.body.items() if name != CHANGES_AT}
        return load(StepRecord, replace(item, body={**body, "changes": self._read[ref]}))

    def _keep(self, ref: str, data: bytes) -> None:
        """One list at a time: a run has few steps as long as that, and a Lambda little memory."""
        self._read = {ref: json.loads(data)}

    def add_moment(self, moment: Moment) -> Moment:
        """Written once under its number. Where another worker used the number before it died, and for
        something else, it comes after that: no line of the timeline is ever lost."""
        while True:
            key = Key(f"RUN#{moment.run_id}", f"EVENT#{moment.seq:06d}")
            old = self._table.create(Item(key, body_of(moment), expires=moment.at + KEPT_FOR))
            if old is None:
                return moment
            there = Moment.model_validate(old.body)
            if (there.what, there.text) == (moment.what, moment.text):
                return there
            moment = moment.model_copy(update={"seq": moment.seq + 1})

    def moments(self, run_id: str, *, after: int = 0) -> tuple[Moment, ...]:
        items = walk(self._table, f"RUN#{run_id}", prefix="EVENT#", after=f"EVENT#{after:06d}")
        return tuple(Moment.model_validate(item.body) for item in items)

    def _amend(
        self, run_id: str, facts: Callable[[Run], dict[str, Any]], doing: str, due: datetime | None = None
    ) -> Run | None:
        """Changes the body, and makes the run due no later than `due`; the rest is its own worker's."""

        def change(item: Item | None) -> tuple[Item | None, None]:
            run = load(Run, item) if item else None
            news = facts(run) if run and run.status.is_live else {}
            if item is None or run is None or not news:
                return item, None
            sooner = ("run", min(due, item.due[1])) if due and item.due else item.due
            return replace(item, body=body_of(run.model_copy(update=news)), due=sooner), None

        def write(item: Item | None) -> Item | None:
            return self._table.replace(item) if item else None

        amended = contend(lambda: self._table.get(_key(run_id)), write, change, f"{doing} run {run_id}")[0]
        return load(Run, amended) if amended else None


def _key(run_id: str) -> Key:
    return Key(f"RUN#{run_id}", "META")


def _step_key(run_id: str, step_id: str) -> Key:
    return Key(f"RUN#{run_id}", f"STEP#{step_id}")


def _item(run: Run, due_at: datetime | None, limit: int) -> Item:
    body = body_of(run)
    if (size := size_of(body)) > limit:
        raise StoreError(
            f"run {run.id} is {size} bytes, more than the {limit} it may have: shorten its runbook or inputs"
        )
    due_at = due_at or max(run.wake_at or run.changed_at, run.changed_at) + LOOKED_AFTER_IN
    return Item(
        _key(run.id),
        body,
        version=run.version,
        listed=(f"RUN#{run.stack}", f"{stamp(run.created_at)}#{run.id}"),
        due=None if run.released.all_done else ("run", due_at),
        expires=run.created_at + KEPT_FOR,
    )


def _fitted(record: StepRecord) -> StepRecord:
    detail = record.detail
    if detail and len(detail) > DETAIL_LIMIT:
        cut = f" (cut from {len(detail)} characters)"
        detail = detail[: DETAIL_LIMIT - len(cut)] + cut
    output, note = fit_output(record.output, OUTPUT_LIMIT) if record.output is not None else (None, None)
    if note:
        detail = f"{detail}; {note}" if detail else note
    return record.model_copy(update={"output": output, "detail": detail})
