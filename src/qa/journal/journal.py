"""The journal as the faces use it.

Recording never delays an answer and never breaks one: what is to be stored is queued, a thread of
the journal's own masks and writes it, and where it cannot (a full disk) that is logged once and
the answers go on. What somebody has to rely on, a call and its work order, is stored before
``call`` returns, or it raises.
"""

from __future__ import annotations

import atexit
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from qa.errors import JournalUnavailable
from qa.journal.records import (
    ALWAYS,
    Call,
    CallState,
    Entry,
    Face,
    Reason,
    Span,
    Thumb,
    WorkOrder,
)
from qa.journal.writer import Writer
from qa.types import Answer, Clause, Focus, Language, Outcome

if TYPE_CHECKING:
    from qa.config import Settings
    from qa.journal.statistics import Selection, Statistics
    from qa.journal.store import Store

Result = TypeVar("Result")

_log = logging.getLogger(__name__)

_PATIENCE = 2.0
"""Seconds for which a reader waits for what has just been queued."""


def open_journal(settings: Settings) -> Journal:
    """The journal that the settings name; one that stores nothing where it is turned off."""
    return Journal(settings.journal if settings.log else None, settings.retention_days)


class Journal:
    """What was asked, how it was judged, and what became of the calls; in one file.

    Any number of threads and processes may use the file at once. Reading raises
    ``JournalUnavailable`` where the file cannot be read.
    """

    def __init__(self, path: Path | None, retention_days: int = 365) -> None:
        self.path = path
        self._retention = retention_days
        self._opening = Lock()
        self._store: Store | None = None
        self._writer = Writer(self._opened) if path else None
        self._followers: list[Callable[[Answer | None, Face], None]] = []
        if self._writer:
            self._writer.submit(lambda store: store.expire(self._retention))
            atexit.register(self.close)

    @property
    def enabled(self) -> bool:
        """Whether anything is stored."""
        return self.path is not None

    @property
    def lost(self) -> int:
        """How many changes could not be kept since the program began."""
        return self._writer.lost if self._writer else 0

    def follow(self, tell: Callable[[Answer | None, Face], None]) -> None:
        """Has ``tell`` told what became of each question, whether or not anything is stored."""
        self._followers.append(tell)

    # --- what never waits and never raises

    def record(
        self,
        question: str,
        answer: Answer | None,
        *,
        face: Face,
        session: str = "",
        milliseconds: float = 0.0,
    ) -> str:
        """Stores a question with what became of it.

        Args:
            question: as asked; personal data in it are masked before it is stored.
            answer: None where the question was only looked up.
            face: where it was asked.
            session: any token that tells sessions apart; only a digest of it is stored.
            milliseconds: from the question to the answer.

        Returns:
            The id by which the question is rated and by which a call refers to it.
        """
        identifier = secrets.token_urlsafe(12)
        for tell in self._followers:
            tell(answer, face)
        if self._writer:
            try:
                asked = time.time()
                self._writer.submit(
                    lambda store: store.add(
                        _entry(identifier, asked, question, answer, face, session, milliseconds)
                    )
                )
            except Exception:  # whatever it was, the asker has an answer to get
                _log.exception("a question could not be recorded")
        return identifier

    def rate(
        self, entry: str, thumb: Thumb | None, reason: Reason | None = None, comment: str = ""
    ) -> None:
        """Stores how an answer was judged, in place of what was said of it before.

        Args:
            entry: the id that ``record`` gave; one that is not known is ignored.
            thumb: None takes the judgement back.
            reason: why it was of no use.
            comment: the asker's own words; personal data in them are masked.
        """
        if self._writer:
            self._writer.submit(lambda store: store.rate(entry, thumb, reason, comment))

    # --- the calls of the hotline

    def call(
        self,
        entry: str,
        state: CallState,
        *,
        department: str = "",
        note: str = "",
        caller: str = "",
        operator: str = "",
    ) -> Call:
        """Stores what became of a question of a caller; an unanswered one becomes a work order.

        Args:
            entry: the id of the question; marking it again replaces its state.
            state: what became of it.
            department: to which it was handed over, as printed.
            note: the operator's own words; personal data in them are masked.
            caller: tells the callers of a session apart, as a tab of the desk does.
            operator: the name of who answered the call.

        Raises:
            JournalUnavailable: it could not be stored, or there is no such question.
        """
        return self._now(lambda store: store.mark(entry, state, department, note, caller, operator))

    def call_of(self, entry: str) -> Call | None:
        """What became of a question, where that was marked."""
        return self._read(lambda store: store.call(entry), None)

    def withdraw_call(self, entry: str) -> None:
        """Takes back what was marked, with its work order.

        Raises:
            JournalUnavailable: it could not be stored.
        """
        self._now(lambda store: store.unmark(entry))

    def calls(self, span: Span = ALWAYS) -> tuple[Call, ...]:
        """The calls of a span of days, newest first."""
        return self._read(lambda store: store.calls(span), ())

    def work_orders(self, closed: bool | None = False) -> tuple[WorkOrder, ...]:
        """The work orders that are open, those that are closed, or (None) all; newest first."""
        return self._read(lambda store: store.work_orders(closed), ())

    def close_work_order(self, number: str, closed: bool = True) -> None:
        """Marks a work order as done, or as open again.

        Raises:
            JournalUnavailable: it could not be stored, or there is no such work order.
        """
        self._now(lambda store: store.close_work_order(number, closed))

    # --- reading

    def today(self, face: Face | None = None, session: str = "") -> tuple[Entry, ...]:
        """The questions since midnight, newest first; of one face or session where given."""
        return self._read(lambda store: store.today(face, digest(session)), ())

    def entries(self, span: Span = ALWAYS, limit: int | None = None) -> tuple[Entry, ...]:
        """The questions of a span of days, newest first; at most ``limit``."""
        return self._read(lambda store: store.entries(span, limit), ())

    def statistics(self, selection: Selection) -> Statistics:
        """What the insights page shows of a selection.

        Raises:
            JournalUnavailable: the journal is turned off or cannot be read.
        """
        from qa.journal.statistics import statistics

        return self._now(lambda store: statistics(store.tables, selection), write=False)

    def workbook(self, span: Span = ALWAYS, language: Language = "zh") -> bytes:
        """Questions, calls and work orders of a span of days as an Excel file.

        Raises:
            JournalUnavailable: the journal is turned off or cannot be read.
        """
        from qa.journal.export import workbook

        def read(store: Store) -> bytes:
            calls = store.calls(span)
            called = {call.entry for call in calls}
            orders = tuple(o for o in store.work_orders(None) if o.call.entry in called)
            return workbook(store.entries(span, None), calls, orders, language)

        return self._now(read, write=False)

    # --- questions that the policy office has dealt with

    def settle(
        self, question: str, language: str, kind: str, document: str, clause: str, operator: str
    ) -> None:
        """Notes that an unanswered question has become a wording: it is shown no more.

        Raises:
            JournalUnavailable: it could not be stored.
        """
        self._now(lambda s: s.settle(question, language, kind, document, clause, operator))

    def unsettle(self, question: str, language: str) -> None:
        """Takes ``settle`` back.

        Raises:
            JournalUnavailable: it could not be stored.
        """
        self._now(lambda store: store.unsettle(question, language))

    # --- deleting

    def delete(self, entries: Sequence[str] = (), span: Span | None = None) -> int:
        """Deletes questions, with their calls and work orders, for good; returns how many.

        Args:
            entries: ids of questions.
            span: all of these days.

        Raises:
            JournalUnavailable: the file cannot be written.
        """
        return self._now(lambda store: store.delete(entries, span))

    def delete_all(self) -> int:
        """Deletes everything for good; returns how many questions there were.

        Raises:
            JournalUnavailable: the file cannot be written.
        """
        return self._now(lambda store: store.delete((), ALWAYS))

    # --- the end

    def flush(self, seconds: float = _PATIENCE) -> bool:
        """Waits until all that was recorded is stored; False where that took too long."""
        return self._writer.flush(seconds) if self._writer else True

    def close(self) -> None:
        """Stores what is queued and ends. The journal must not be used afterwards."""
        if self._writer:
            self._writer.close(_PATIENCE)
            atexit.unregister(self.close)

    # --- parts

    def _opened(self) -> Store:
        """The store, opened by whoever needs it first."""
        with self._opening:
            if self._store is None:
                from qa.journal.store import Store

                assert self.path
                self._store = Store.open(self.path)
            return self._store

    def _read(self, read: Callable[[Store], Result], nothing: Result) -> Result:
        return self._now(read, write=False) if self.enabled else nothing

    def _now(self, use: Callable[[Store], Result], write: bool = True) -> Result:
        """What ``use`` gives, once all that is queued is stored."""
        if not self.enabled:
            raise JournalUnavailable("the journal", "is turned off", "set QA_LOG=on to use it")
        self.flush()
        try:
            return self._opened().use(use, write)
        except LookupError as error:
            raise JournalUnavailable(
                str(self.path), f"has no {error.args[0]}", "load the page again"
            ) from error
        except (OSError, _database_error()) as error:
            raise JournalUnavailable(
                str(self.path), f"cannot be used ({error})", "check the disk and its permissions"
            ) from error


def _database_error() -> type[Exception]:
    from peewee import PeeweeException

    error: type[Exception] = PeeweeException
    return error


def digest(session: str) -> str:
    """What is stored of a session: enough to tell it apart, of no use to take it over."""
    return blake2b(session.encode("utf-8", "replace"), digest_size=8).hexdigest() if session else ""


def _entry(
    identifier: str,
    asked: float,
    question: str,
    answer: Answer | None,
    face: Face,
    session: str,
    milliseconds: float,
) -> Entry:
    from datetime import UTC, datetime

    clause = _clause(answer)
    return Entry(
        id=identifier,
        asked=datetime.fromtimestamp(asked, UTC),
        face=face,
        session=digest(session),
        language=answer.language if answer else "",
        question=question,
        outcome=str(answer.outcome) if answer else "",
        document=clause.document_id if clause else "",
        clause=clause.id if clause else "",
        title=clause.title if clause else "",
        probability=answer.hits[0].probability if answer and answer.hits else 0.0,
        departments=_departments(answer),
        milliseconds=milliseconds,
    )


def _clause(answer: Answer | None) -> Clause | None:
    if answer is None:
        return None
    shown = answer.citations or answer.choices
    if shown:
        return shown[0].clause
    return answer.hits[0].clause if answer.hits else None


def _departments(answer: Answer | None) -> tuple[str, ...]:
    """Those that an answer sends people to: of the clauses cited, or the one that was asked for."""
    if answer is None or answer.outcome is not Outcome.ANSWERED:
        return ()
    if answer.focus is Focus.DUTIES:
        return answer.departments
    names = (name for citation in answer.citations for name in citation.clause.departments)
    return tuple(dict.fromkeys(names))
