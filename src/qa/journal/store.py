"""What is written to and read from the file of the journal."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any, TypeVar

from peewee import DatabaseError, IntegrityError

from qa.journal.database import Database, is_damaged
from qa.journal.records import Call, CallState, Entry, Reason, Span, Thumb, WorkOrder
from qa.privacy import mask

Result = TypeVar("Result")

_log = logging.getLogger(__name__)

_LONGEST = 4000
"""Characters that are kept of a text."""
_MARGIN = 200
"""Characters beyond, so that a number that is cut in two is still recognised."""
_DAY = 24 * 3600.0
_MANY = 500
"""Ids in one statement; SQLite takes at most 999 values in old versions."""


class Store:
    """The journal's file, opened. Methods other than ``open``, ``use`` and ``apply`` need the
    connection that these give."""

    def __init__(self, tables: Database) -> None:
        self.tables = tables
        self._days = 0
        self._expired = 0.0

    @classmethod
    def open(cls, path: Path) -> Store:
        """The store of a file, which is created or brought up to date."""
        tables = Database(path)
        tables.prepare()
        return cls(tables)

    def use(self, work: Callable[[Store], Result], write: bool = True) -> Result:
        """What ``work`` gives, in one transaction; on a new file where this one is found damaged.
        Without ``write`` nobody who writes at the same time has to wait."""
        try:
            return self._within(work, write)
        except DatabaseError as error:
            if not is_damaged(error):
                raise
            self.tables.prepare(thorough=True)
            return self._within(work, write)

    def apply(self, changes: Iterable[Callable[[Store], object]]) -> None:
        """Applies changes in one transaction; one that is faulty in itself is logged and left out."""

        def work(store: Store) -> None:
            for change in changes:
                try:
                    with store.tables.file.atomic():
                        change(store)
                except (IntegrityError, LookupError) as error:
                    _log.warning("a line of the journal was left out (%s)", error)
                except (DatabaseError, OSError):
                    raise
                except Exception:
                    _log.exception("a line of the journal was left out")
            if store._days and time.monotonic() - store._expired >= _DAY:
                store.expire(store._days)

        self.use(work)

    def _within(self, work: Callable[[Store], Result], write: bool) -> Result:
        if not self.tables.path.exists():  # somebody has removed the file
            self.tables.prepare()
        with (
            self.tables.file.connection_context(),
            self.tables.file.atomic("immediate" if write else "deferred"),
        ):
            return work(self)

    # --- questions

    def add(self, entry: Entry) -> None:
        """Stores a question, personal data masked."""
        row = asdict(entry) | {
            "asked": _stamp(entry.asked),
            "question": _masked(entry.question),
            "departments": json.dumps(entry.departments, ensure_ascii=False),
        }
        self.tables.question.insert(**row).execute()

    def rate(self, entry: str, thumb: Thumb | None, reason: Reason | None, comment: str) -> None:
        """Replaces the judgement of an answer."""
        table = self.tables.question
        judged = {"thumb": thumb or "", "reason": reason or "", "comment": _masked(comment)}
        table.update(**judged).where(table.id == entry).execute()

    def today(self, face: str | None, session: str) -> tuple[Entry, ...]:
        """The questions since local midnight, newest first."""
        table = self.tables.question
        today = datetime.now().astimezone().date()
        query = of_span(table.select(), table.asked, Span(today))
        if face:
            query = query.where(table.face == face)
        if session:
            query = query.where(table.session == session)
        return tuple(map(_entry, query.order_by(table.asked.desc()).dicts()))

    def entries(self, span: Span, limit: int | None) -> tuple[Entry, ...]:
        """The questions of a span, newest first."""
        table = self.tables.question
        query = of_span(table.select(), table.asked, span)
        return tuple(map(_entry, query.order_by(table.asked.desc()).limit(limit).dicts()))

    # --- calls

    def mark(
        self,
        entry: str,
        state: CallState,
        department: str,
        note: str,
        caller: str,
        operator: str,
    ) -> Call:
        """Stores the state of a call, and opens or closes its work order."""
        if not self.tables.question.select().where(self.tables.question.id == entry).exists():
            raise LookupError(f"question {entry}")
        now = _now()
        row = {
            "question": entry,
            "at": now,
            "state": state,
            "department": department if state is CallState.HANDED_OVER else "",
            "note": _masked(note),
            "caller": caller[:_MARGIN],
            "operator": operator[:_MARGIN],
        }
        # An update and not a replacement: that would take the work order with it.
        conflict = {key: value for key, value in row.items() if key != "question"}
        self.tables.call.insert(**row).on_conflict(
            conflict_target=[self.tables.call.question], update=conflict
        ).execute()
        self._order(entry, state, now)
        call = self.call(entry)
        assert call
        return call

    def _order(self, entry: str, state: CallState, now: int) -> None:
        orders = self.tables.work_order
        if state is CallState.UNANSWERED:
            if not orders.update(closed=None).where(orders.call == entry).execute():
                orders.insert(number=self._next_number(), call=entry).execute()
            return
        still_open = (orders.call == entry) & orders.closed.is_null()
        orders.update(closed=now).where(still_open).execute()

    def _next_number(self) -> str:
        """The day and the number after the highest of the day."""
        orders = self.tables.work_order
        day = datetime.now().astimezone().strftime("%Y%m%d")
        numbers = orders.select(orders.number).where(orders.number.startswith(f"{day}-"))
        last = max((int(row["number"].partition("-")[2]) for row in numbers.dicts()), default=0)
        return f"{day}-{last + 1:03}"

    def unmark(self, entry: str) -> None:
        """Deletes a call and its work order."""
        self.tables.call.delete().where(self.tables.call.question == entry).execute()

    def call(self, entry: str) -> Call | None:
        """The call of a question."""
        rows = self._calls().where(self.tables.call.question == entry)
        return next(map(_call, rows.dicts()), None)

    def calls(self, span: Span) -> tuple[Call, ...]:
        """The calls of a span, newest first."""
        table = self.tables.call
        query = of_span(self._calls(), table.at, span).order_by(table.at.desc())
        return tuple(map(_call, query.dicts()))

    def _calls(self) -> Any:
        question, call = self.tables.question, self.tables.call
        told = (question.question.alias("text"), question.language, question.clause, question.title)
        return call.select(call, *told).join(question)

    def work_orders(self, closed: bool | None) -> tuple[WorkOrder, ...]:
        """The work orders that are closed or not, or all, newest first."""
        orders, call = self.tables.work_order, self.tables.call
        query = self._calls().select_extend(orders.number, orders.closed)
        query = query.join_from(call, orders, on=(orders.call == call.question))
        if closed is not None:
            query = query.where(orders.closed.is_null(not closed))
        return tuple(
            WorkOrder(row["number"], _call(row), _moment(row["closed"]) if row["closed"] else None)
            for row in query.order_by(orders.number.desc()).dicts()
        )

    def close_work_order(self, number: str, closed: bool) -> None:
        """Closes or opens a work order."""
        orders = self.tables.work_order
        moment = _now() if closed else None
        if not orders.update(closed=moment).where(orders.number == number).execute():
            raise LookupError(f"work order {number}")

    # --- questions dealt with

    def settle(
        self, question: str, language: str, kind: str, document: str, clause: str, operator: str
    ) -> None:
        """Notes what an unanswered question has become."""
        self.tables.settled.replace(
            question=question,
            language=language,
            at=_now(),
            kind=kind,
            document=document,
            clause=clause,
            operator=operator[:_MARGIN],
        ).execute()

    def unsettle(self, question: str, language: str) -> None:
        """Takes that back."""
        table = self.tables.settled
        same = (table.question == question) & (table.language == language)
        table.delete().where(same).execute()

    # --- deleting

    def expire(self, days: int) -> None:
        """Deletes what is older than ``days``, now and once a day from now on. Questions whose
        work order is open stay: somebody still owes an answer."""
        self._days, self._expired = days, time.monotonic()
        question, orders = self.tables.question, self.tables.work_order
        before = _stamp(datetime.now(UTC) - timedelta(days=days))
        owed = orders.select(orders.call).where(orders.closed.is_null())
        question.delete().where(question.asked < before, question.id.not_in(owed)).execute()
        self.tables.settled.delete().where(self.tables.settled.at < before).execute()

    def delete(self, entries: Sequence[str], span: Span | None) -> int:
        """Deletes questions by id, those of a span, or (an open span) everything."""
        table = self.tables.question
        count = 0
        for start in range(0, len(entries), _MANY):
            count += table.delete().where(table.id << entries[start : start + _MANY]).execute()
        if span is not None:
            count += of_span(table.delete(), table.asked, span).execute()
            of_span(self.tables.settled.delete(), self.tables.settled.at, span).execute()
        return count


def _masked(text: str) -> str:
    """What is kept of a text. Masked before it is cut: half a phone number is still one."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return mask(text[: _LONGEST + _MARGIN])[:_LONGEST]


def _now() -> int:
    return _stamp(datetime.now(UTC))


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)


def midnight(day: date) -> int:
    """The stamp at which a local day begins."""
    return _stamp(datetime.combine(day, clock()).astimezone())


def of_span(query: Any, column: Any, span: Span) -> Any:
    """A query for the stamps of a span of local days only."""
    if span.first:
        query = query.where(column >= midnight(span.first))
    if span.last:
        query = query.where(column < midnight(span.last + timedelta(days=1)))
    return query


def _entry(row: dict[str, Any]) -> Entry:
    departments = tuple(json.loads(row["departments"]))
    return Entry(**{**row, "asked": _moment(row["asked"]), "departments": departments})


def _call(row: dict[str, Any]) -> Call:
    return Call(
        entry=row["question"],
        at=_moment(row["at"]),
        state=CallState(row["state"]),
        department=row["department"],
        note=row["note"],
        caller=row["caller"],
        operator=row["operator"],
        question=row["text"],
        language=row["language"],
        clause=row["clause"],
        title=row["title"],
    )
