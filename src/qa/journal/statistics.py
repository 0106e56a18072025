"""What the policy office wants to know of many questions."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from peewee import JOIN

from qa.journal.database import Database
from qa.journal.records import ALWAYS, CallState, Reason, Span
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
    milliseconds: tuple[float, float] = (0.0, 0.0)
    comments: tuple[tuple[str, str, str], ...] = field(default=())

    @property
    def answered_share(self) -> float | None:
        """The share of questions that got an answer, in [0, 1]; None where nothing was asked."""
        answered = self.outcomes.get(Outcome.ANSWERED, 0)
        return answered / self.questions if self.questions else None


def statistics(tables: Database, selection: Selection) -> Statistics:
    """Counts a selection; needs an open connection.

    One pass over its rows: a scan by the database for each of the counts takes three times as long.
    """
    count = _Count()
    for row in _rows(tables, selection):
        if selection.document in ("", row.document):
            count.add(row)
        if row.document and row.outcome in _ASKED:
            count.documents[row.document] += 1
    settled = set(tables.settled.select(tables.settled.question, tables.settled.language).tuples())
    orders = tables.work_order
    return Statistics(
        total=tables.question.select().count(),
        questions=sum(count.outcomes[outcome] for outcome in _ASKED),
        outcomes=_ordered(count.outcomes),
        languages=_ordered(count.languages),
        faces=_ordered(count.faces),
        documents=_ordered(count.documents, 4 * _LISTED),
        thumbs=_ordered(count.thumbs),
        reasons=_ordered(count.reasons),
        days={day: dict(count.days[day]) for day in sorted(count.days)},
        clauses=_ordered(count.clauses, _LISTED),
        departments=_ordered(count.departments, _LISTED),
        handed_over=_ordered(count.handed_over, _LISTED),
        confidence=count.confidence,
        unanswered=count.latest_unanswered(settled),
        open_orders=orders.select().where(orders.closed.is_null()).count(),
        milliseconds=_median_and_slow(count.milliseconds),
        comments=tuple(count.comments),
    )


class _Row(NamedTuple):
    asked: int
    face: str
    language: str
    question: str
    outcome: str
    document: str
    clause: str
    probability: float
    departments: str
    milliseconds: float
    thumb: str
    reason: str
    comment: str
    state: str | None
    handed_over: str | None


def _rows(tables: Database, selection: Selection) -> Iterator[_Row]:
    """The questions of a selection of any document, the latest first."""
    table, call = tables.question, tables.call
    columns = [getattr(table, name) for name in _Row._fields[:-2]]
    query = of_span(
        table.select(*columns, call.state, call.department), table.asked, selection.span
    )
    query = query.join(call, JOIN.LEFT_OUTER, on=(call.question == table.id))
    if selection.language:
        query = query.where(table.language == selection.language)
    for row in query.order_by(table.asked.desc()).tuples().iterator():
        yield _Row(*row)


class _Count:
    """What is counted while the rows pass by, the latest first."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.faces: Counter[str] = Counter()
        self.documents: Counter[str] = Counter()
        self.thumbs: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.clauses: Counter[str] = Counter()
        self.departments: Counter[str] = Counter()
        self.handed_over: Counter[str] = Counter()
        self.days: defaultdict[date, Counter[str]] = defaultdict(Counter)
        self.confidence = {str(outcome): [0] * BINS for outcome in _ASKED}
        self.milliseconds: list[float] = []
        self.comments: list[tuple[str, str, str]] = []
        self._unanswered: dict[tuple[str, str], tuple[_Row, int]] = {}
        self._day = lru_cache(maxsize=None)(_day)
        self._names = lru_cache(maxsize=None)(json.loads)

    def add(self, row: _Row) -> None:
        """Counts a row."""
        self.outcomes[row.outcome] += 1
        if row.handed_over:
            self.handed_over[row.handed_over] += 1
        if row.outcome not in _ASKED:
            return
        self.languages[row.language] += 1
        self.faces[row.face] += 1
        day = self.days[self._day(row.asked // _QUARTER)]
        day[row.outcome] += 1
        day[row.language] += 1
        self.departments.update(self._names(row.departments))
        bar = min(BINS - 1, max(0, int(row.probability * BINS)))
        self.confidence[row.outcome][bar] += 1
        if row.outcome == Outcome.ANSWERED:
            self.clauses[row.clause] += 1
        if row.milliseconds > 0:
            self.milliseconds.append(row.milliseconds)
        self._add_judgement(row)

    def _add_judgement(self, row: _Row) -> None:
        if row.thumb:
            self.thumbs[row.thumb] += 1
        if row.reason:
            self.reasons[row.reason] += 1
        if row.comment and len(self.comments) < _LISTED:
            self.comments.append((row.question, row.reason, row.comment))
        refused = row.outcome == Outcome.NO_CLAUSE or row.state == CallState.UNANSWERED
        if refused or row.reason == Reason.IRRELEVANT:
            key = row.question, row.language
            latest, times = self._unanswered.get(key, (row, 0))
            self._unanswered[key] = latest, times + 1

    def latest_unanswered(self, settled: Container[tuple[str, str]]) -> tuple[Unanswered, ...]:
        """Those that no clause answered, or of which the hotline had to say so, or whose answer was
        judged irrelevant; without those that the office has ``settled``."""
        left = (
            Unanswered(*key, times, row.asked, row.clause, row.document, row.probability)
            for key, (row, times) in self._unanswered.items()
            if key not in settled
        )
        return tuple(islice(left, _MOST_UNANSWERED))


_QUARTER = 15 * 60 * 1000
"""Milliseconds after which a local day may begin: offsets of time zones are multiples of that."""


def _day(quarter: int) -> date:
    return datetime.fromtimestamp(quarter * _QUARTER / 1000).astimezone().date()


def _ordered(counts: Counter[str], most: int | None = None) -> dict[str, int]:
    """The highest first; those alike by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def _median_and_slow(values: list[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 0.0
    values = sorted(values)
    return values[len(values) // 2], values[min(len(values) - 1, int(len(values) * 0.95))]
