"""What the policy office wants to know of many questions, counted by the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from peewee import JOIN, SQL, Case, fn

from qa.journal.database import Database
from qa.journal.records import ALWAYS, Span
from qa.journal.store import of_span
from qa.types import Outcome

BINS = 20
"""Bars of the distribution of confidence, over [0, 1]."""

_ASKED = (Outcome.ANSWERED, Outcome.CLARIFY, Outcome.NO_CLAUSE)
"""The outcomes of what is a question at all."""
_MOST_UNANSWERED = 3000
"""Different unanswered questions that are looked at, the latest first."""
_LISTED = 50


@dataclass(frozen=True, slots=True)
class Selection:
    """Which questions are counted: all where nothing is said."""

    span: Span = ALWAYS
    language: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that no clause answered, as often as it was asked in these very words."""

    question: str
    language: str
    count: int
    last: int
    clause: str
    document: str
    probability: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts over a selection, highest first except for ``days`` (local days, in order; each with
    its counts by outcome and by language) and ``confidence`` (``BINS`` counts by outcome).

    ``total`` counts everything in the journal, whatever is selected;
    ``clauses`` count the questions that were answered by a clause; ``questions`` leave out small
    talk and what was no question. ``documents`` are counted whichever is selected.
    ``milliseconds`` are the median and the 95th percentile of the
    milliseconds to an answer.
    """

    total: int
    questions: int
    outcomes: dict[str, int]
    languages: dict[str, int]
    faces: dict[str, int]
    documents: dict[str, int]
    thumbs: dict[str, int]
    reasons: dict[str, int]
    days: dict[date, dict[str, int]]
    clauses: dict[str, int]
    departments: dict[str, int]
    handed_over: dict[str, int]
    confidence: dict[str, list[int]]
    unanswered: tuple[Unanswered, ...] = ()
    open_orders: int = 0
    settled: int = 0
    milliseconds: tuple[float, float] = (0.0, 0.0)
    comments: tuple[tuple[str, str, str], ...] = field(default=())

    @property
    def answered_share(self) -> float | None:
        """The share of questions that got an answer, in [0, 1]; None where nothing was asked."""
        answered = self.outcomes.get(Outcome.ANSWERED, 0)
        return answered / self.questions if self.questions else None


def statistics(tables: Database, selection: Selection) -> Statistics:
    """Counts a selection; needs an open connection."""
    return _Count(tables, selection).all()


class _Count:
    def __init__(self, tables: Database, selection: Selection) -> None:
        self._tables, self._selection = tables, selection
        self._table = tables.question

    def all(self) -> Statistics:
        outcomes = self._by(self._table.outcome)
        return Statistics(
            total=self._table.select().count(),
            questions=sum(outcomes.get(outcome, 0) for outcome in _ASKED),
            outcomes=outcomes,
            languages=self._by(self._table.language),
            faces=self._by(self._table.face),
            documents=self._documents(),
            thumbs=self._by(self._table.thumb, self._table.thumb != ""),
            reasons=self._by(self._table.reason, self._table.reason != ""),
            days=self._days(),
            clauses=self._by(
                self._table.clause, self._table.outcome == Outcome.ANSWERED, limit=_LISTED
            ),
            departments=self._departments(),
            handed_over=self._handed_over(),
            confidence=self._confidence(),
            unanswered=self._unanswered(),
            open_orders=self._tables.work_order.select()
            .where(self._tables.work_order.closed.is_null())
            .count(),
            settled=self._tables.settled.select().count(),
            milliseconds=self._milliseconds(),
            comments=self._comments(),
        )

    def _select(self, *columns: Any) -> Any:
        table, selection = self._table, self._selection
        query = of_span(table.select(*columns), table.asked, selection.span)
        if selection.language:
            query = query.where(table.language == selection.language)
        if selection.document:
            query = query.where(table.document == selection.document)
        return query

    def _real(self, *columns: Any) -> Any:
        """Of what is a question at all."""
        return self._select(*columns).where(self._table.outcome << _ASKED)

    def _by(self, column: Any, condition: Any = None, limit: int | None = None) -> dict[str, int]:
        query = self._select if column is self._table.outcome else self._real
        rows = query(column, fn.COUNT(SQL("*"))).group_by(column)
        if condition is not None:
            rows = rows.where(condition)
        return _counts(rows.order_by(SQL("2 DESC"), column).limit(limit).tuples())

    def _days(self) -> dict[date, dict[str, int]]:
        table = self._table
        day = fn.DATE(table.asked / 1000, "unixepoch", "localtime")
        rows = self._real(day, table.outcome, table.language, fn.COUNT(SQL("*")))
        days: dict[date, dict[str, int]] = {}
        for when, outcome, language, count in (
            rows.group_by(SQL("1, 2, 3")).order_by(SQL("1")).tuples()
        ):
            counts = days.setdefault(date.fromisoformat(when), {})
            for key in (outcome, language):
                counts[key] = counts.get(key, 0) + count
        return days

    def _documents(self) -> dict[str, int]:
        """Of all documents, so that another one can be selected."""
        everything = _Count(self._tables, replace(self._selection, document=""))
        return everything._by(self._table.document, self._table.document != "", limit=_LISTED * 4)

    def _departments(self) -> dict[str, int]:
        each = fn.JSON_EACH(self._table.departments).alias("each")
        rows = self._real(SQL("each.value"), fn.COUNT(SQL("*"))).from_(self._table, each)
        return _counts(
            rows.group_by(SQL("1")).order_by(SQL("2 DESC"), SQL("1")).limit(_LISTED).tuples()
        )

    def _handed_over(self) -> dict[str, int]:
        call = self._tables.call
        rows = self._select(call.department, fn.COUNT(SQL("*"))).join(
            call, on=(call.question == self._table.id)
        )
        return _counts(
            rows.where(call.department != "")
            .group_by(call.department)
            .order_by(SQL("2 DESC"))
            .limit(_LISTED)
            .tuples()
        )

    def _confidence(self) -> dict[str, list[int]]:
        probability = self._table.probability
        place = Case(None, [(probability >= 1, BINS - 1)], (probability * BINS).cast("INTEGER"))
        rows = self._real(self._table.outcome, place, fn.COUNT(SQL("*")))
        bins = {str(outcome): [0] * BINS for outcome in _ASKED}
        for outcome, position, count in rows.group_by(SQL("1, 2")).tuples():
            bins[outcome][max(0, position)] += count
        return bins

    def _unanswered(self) -> tuple[Unanswered, ...]:
        """Those that no clause answered, or of which the hotline had to say so, or whose answer was
        judged irrelevant; without those that the office has dealt with."""
        table, call, settled = self._table, self._tables.call, self._tables.settled
        rows = (
            self._real(
                table.question,
                table.language,
                fn.COUNT(SQL("*")),
                fn.MAX(table.asked),
                table.clause,
                table.document,
                table.probability,
            )
            .join(call, JOIN.LEFT_OUTER, on=(call.question == table.id))
            .switch(table)
            .join(
                settled,
                JOIN.LEFT_OUTER,
                on=(settled.question == table.question) & (settled.language == table.language),
            )
            .where(settled.question.is_null())
            .where(
                (table.outcome == Outcome.NO_CLAUSE)
                | (call.state == "unanswered")
                | (table.reason == "irrelevant")
            )
        )
        grouped = rows.group_by(table.question, table.language).order_by(SQL("4 DESC"))
        return tuple(Unanswered(*row) for row in grouped.limit(_MOST_UNANSWERED).tuples())

    def _milliseconds(self) -> tuple[float, float]:
        column = self._table.milliseconds
        query = self._real(column).where(column > 0).order_by(column)
        count = query.count()
        if not count:
            return 0.0, 0.0
        places = (count // 2, min(count - 1, int(count * 0.95)))
        median, slow = (float(query.offset(place).limit(1).scalar()) for place in places)
        return median, slow

    def _comments(self) -> tuple[tuple[str, str, str], ...]:
        """The latest comments: question, reason, comment."""
        table = self._table
        rows = self._real(table.question, table.reason, table.comment)
        latest = rows.where(table.comment != "").order_by(table.asked.desc()).limit(_LISTED)
        return tuple(latest.tuples())


def _counts(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    return dict(rows)
