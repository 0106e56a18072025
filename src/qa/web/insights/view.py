"""What the insights page shows, as HTML and figures, and what it changes. Knows nothing of Gradio."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from qa.assistant import Assistant
from qa.errors import CorpusError, JournalUnavailable, PolicyError
from qa.groups import MOST, group
from qa.index import Index
from qa.journal import Journal, Span
from qa.journal.statistics import BINS, Selection, Statistics, Unanswered
from qa.messages import catalogue, message
from qa.privacy import unmarked
from qa.render import clause_label, department_name
from qa.types import Clause, Hit, Language, Outcome, number_path
from qa.web.cards import render
from qa.web.insights.figures import DARK, LIGHT, Palette, Series, note, ranked, stacked
from qa.wordings import Addition, add_gold, add_wording, remove_gold, remove_wording

_log = logging.getLogger(__name__)

_MOST_GROUPS = 40
_MOST_WORDINGS = 6
_MOST_OPTIONS = 8
_BARS = 8
_FEWEST_DAYS = 7
_LIKELY = 15
"""Per cent from which the nearest clause is proposed for a question that was not answered."""
_OUTCOMES = ((Outcome.ANSWERED, 0), (Outcome.CLARIFY, 1), (Outcome.NO_CLAUSE, 2))
"""The outcomes that are shown, with their colours."""


class Query(BaseModel):
    """What the page asks for: a range of days (both included), filters, and how it is to look."""

    first: date | None = None
    last: date | None = None
    language: str = Field("", max_length=2)
    document: str = Field("", max_length=500)
    interface: Language = "zh"
    dark: bool = False

    def selection(self) -> Selection:
        """The questions that are counted."""
        return Selection(Span(self.first, self.last), self.language, self.document)


class Chosen(BaseModel):
    """An unanswered question, as it was asked and as it is to be added."""

    asked: str = Field(max_length=5000)
    language: Language
    text: str = Field(max_length=5000)


class Settlement(BaseModel):
    """What is to become of unanswered questions: wordings of a clause, or gold questions; with an
    empty ``clause`` such that no clause of ``document`` answers."""

    kind: Literal["wording", "gold"]
    document: str = Field(max_length=500)
    clause: str = Field("", max_length=500)
    questions: list[Chosen] = Field(min_length=1, max_length=50)
    interface: Language = "zh"


@dataclass(frozen=True, slots=True)
class Option:
    """A clause to which a question may be added."""

    clause: str
    document: str
    label: str
    percent: int


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that ask the same and that nobody could answer; the options nearest first."""

    count: int
    last: str
    questions: tuple[Unanswered, ...]
    left_out: int
    options: tuple[Option, ...]
    document: str

    @property
    def likely(self) -> bool:
        """Whether the nearest clause may well be the one: else the first choice is none."""
        return bool(self.options) and self.options[0].percent >= _LIKELY


@dataclass(frozen=True, slots=True)
class Board:
    """The page for a query: two parts of HTML around the figures, in their order."""

    head: str
    rest: str
    figures: tuple[Any, ...]


class Insights:
    """The page of one journal and the corpus that its questions are about.

    Args:
        assistant: gives the assistant in use; taken once for each request.
        journal: what was asked.
        corpus: the folder to which wordings and gold questions are added.
    """

    def __init__(self, assistant: Callable[[], Assistant], journal: Journal, corpus: Path) -> None:
        self._assistant, self._journal, self._corpus = assistant, journal, corpus
        # Looking for the nearest clauses takes milliseconds a question: not each time again.
        self._nearest = lru_cache(maxsize=2000)(_nearest)

    def board(self, query: Query) -> Board:
        """The page for a query.

        Raises:
            JournalUnavailable: the journal cannot be read.
        """
        if not self._journal.enabled:
            return Board("", render("insights_off.html", query.interface), _no_figures())
        assistant = self._assistant()
        found = self._journal.statistics(query.selection())
        language = query.interface
        documents = [
            (key, _title(assistant.index, key, language), count)
            for key, count in found.documents.items()
        ]
        head = render(
            "insights_tiles.html",
            language,
            found=found,
            tiles=_tiles(found, language),
            documents=documents,
            selected=query.document,
        )
        if not found.questions:
            rest = render("insights_empty.html", language, ever=found.total > 0)
            return Board(head, rest, _no_figures())
        groups, left_out = self._groups(found, assistant, language)
        names = _Names(assistant.index, language)
        rest = render(
            "insights_rest.html",
            language,
            found=found,
            groups=groups,
            left_out=left_out,
            tables=_tables(found, names, language),
            reasons={key: _label(language, "reason", key) for _, key, _ in found.comments if key},
        )
        return Board(head, rest, _figures(found, names, query))

    def workbook(self, query: Query) -> bytes:
        """What the page shows, and the questions themselves, as an Excel file.

        Raises:
            JournalUnavailable: the journal is turned off or cannot be read.
        """
        from qa.journal.export import book_of

        statistics = self._journal.statistics(query.selection())
        names = _Names(self._assistant().index, query.interface)
        return book_of(
            self._journal,
            query.selection(),
            query.interface,
            _tables(statistics, names, query.interface),
        )

    # --- what is changed

    def settle(self, wanted: Settlement, operator: str) -> dict[str, Any]:
        """Adds questions to the corpus; ``done`` says which, ``html`` what became of them."""
        add = add_wording if wanted.kind == "wording" else add_gold
        done, problem = [], ""
        for chosen in wanted.questions:
            try:
                addition = self._addition(wanted, chosen)
                if add(self._corpus, addition):
                    done.append(chosen.model_dump())
                self._journal.settle(
                    chosen.asked,
                    chosen.language,
                    wanted.kind,
                    wanted.document,
                    wanted.clause,
                    operator,
                )
            except PolicyError as error:
                _log.warning("%s", error)
                problem = _problem(error, wanted.interface)
        label = self._label(wanted)
        html = render(
            "insights_settled.html",
            wanted.interface,
            kind=wanted.kind,
            clause=label,
            count=len(wanted.questions),
            done=len(done),
            problem=problem,
        )
        return {"html": html, "done": done, "failed": bool(problem)}

    def undo(self, wanted: Settlement) -> dict[str, Any]:
        """Takes back what ``settle`` added."""
        remove = remove_wording if wanted.kind == "wording" else remove_gold
        try:
            for chosen in wanted.questions:
                remove(self._corpus, self._addition(wanted, chosen))
                self._journal.unsettle(chosen.asked, chosen.language)
        except PolicyError as error:
            _log.warning("%s", error)
            return {"failed": True, "text": _problem(error, wanted.interface)}
        return {"failed": False, "text": message(wanted.interface, "insights.undone")}

    def _addition(self, wanted: Settlement, chosen: Chosen) -> Addition:
        number = ""
        if wanted.clause:
            index = self._assistant().index
            clause = _clause(index, wanted.clause)
            if clause is None or clause.document_id != wanted.document or not clause.number:
                raise CorpusError(wanted.clause, "is no clause any more", "load the page again")
            number = _key(clause, index)
        return Addition(wanted.document, chosen.language, number, unmarked(chosen.text))

    def _label(self, wanted: Settlement) -> str:
        index = self._assistant().index
        return _Names(index, wanted.interface).clause(wanted.clause) if wanted.clause else ""

    # --- parts

    def _groups(
        self, found: Statistics, assistant: Assistant, language: Language
    ) -> tuple[list[Group], int]:
        """The groups asked most, and how many more there are."""
        questions = found.unanswered[:MOST]
        members = group([question.question for question in questions], assistant.encoder)
        grouped = [[questions[position] for position in positions] for positions in members]
        grouped.sort(
            key=lambda each: (sum(q.count for q in each), max(q.last for q in each)), reverse=True
        )
        names = _Names(assistant.index, language)
        shown = [self._group(each, assistant, names) for each in grouped[:_MOST_GROUPS]]
        return shown, len(grouped) - len(shown)

    def _group(self, questions: list[Unanswered], assistant: Assistant, names: _Names) -> Group:
        first = questions[0]
        hits = self._nearest(assistant, first.question)
        options = tuple(
            Option(
                hit.clause.id,
                hit.clause.document_id,
                names.clause(hit.clause.id),
                round(100 * hit.probability),
            )
            for hit in hits
            if hit.clause.number
        )[:_MOST_OPTIONS]
        documents = assistant.index.documents
        nearest = options[0].document if options else first.document or documents[0].id
        return Group(
            sum(question.count for question in questions),
            _day(max(question.last for question in questions)),
            tuple(questions[:_MOST_WORDINGS]),
            max(0, len(questions) - _MOST_WORDINGS),
            options,
            nearest,
        )


def _nearest(assistant: Assistant, question: str) -> tuple[Hit, ...]:
    return assistant.ask(unmarked(question)).hits


def _clause(index: Index, identifier: str) -> Clause | None:
    """The clause of an id; None where the index has none, as it once had."""
    try:
        return index.clause(identifier)
    except KeyError:
        return None


def _key(clause: Clause, index: Index) -> str:
    """How a file of wordings names a clause: the printed number where that is enough."""
    around = index.clause_range(index.document_position(clause.document_id))
    same = sum(index.clauses[position].number == clause.number for position in around)
    return clause.number if same == 1 else number_path(clause)


class _Names:
    """What clauses and departments are called in a language."""

    def __init__(self, index: Index, language: Language) -> None:
        self._index, self._language = index, language

    def clause(self, identifier: str) -> str:
        """Number and title; the id of one that is in the index no more."""
        clause = _clause(self._index, identifier)
        if clause is None:
            return identifier
        translation = self._index.translation(clause, self._language)
        return clause_label(clause, self._language, translation.title if translation else "")

    def department(self, printed: str) -> str:
        """The name of a department, as printed where no table knows it."""
        return department_name(self._index, printed, self._language)


def _title(index: Index, document: str, language: Language) -> str:
    title = index.titles.get((document, language), "")
    if title:
        return title
    try:
        return index.document(document).title or document
    except KeyError:
        return document


def _day(stamp: int) -> str:
    return datetime.fromtimestamp(stamp / 1000, UTC).astimezone().strftime("%Y-%m-%d")


def _label(language: Language, kind: str, value: str) -> str:
    """What a stored value is called; itself where another version wrote it."""
    return catalogue(language).get(f"journal.{kind}.{value}", value)


def _problem(error: PolicyError, language: Language) -> str:
    kind = "journal" if isinstance(error, JournalUnavailable) else "corpus"
    return message(language, f"insights.error.{kind}", what=f"{error.where} {error.what}")


def _tiles(found: Statistics, language: Language) -> list[tuple[str, str, str]]:
    """Key, number and what stands below it."""
    up, down = found.thumbs.get("up", 0), found.thumbs.get("down", 0)
    share = found.answered_share
    counts = {outcome: found.outcomes.get(outcome, 0) for outcome, _ in _OUTCOMES}
    median, slow = found.milliseconds
    rated = message(language, "insights.tile.rated", up=up, down=down)
    return [
        ("questions", f"{found.questions:,}", ""),
        ("answered", "–" if share is None else f"{share:.0%}", f"{counts[Outcome.ANSWERED]:,}"),
        ("clarify", f"{counts[Outcome.CLARIFY]:,}", ""),
        ("no_clause", f"{counts[Outcome.NO_CLAUSE]:,}", ""),
        ("useful", f"{up / (up + down):.0%}" if up + down else "–", rated),
        ("orders", f"{found.open_orders:,}", ""),
        (
            "speed",
            f"{median:.0f} ms" if median else "–",
            message(language, "insights.tile.slow", milliseconds=f"{slow:.0f}") if median else "",
        ),
    ]


# --- figures and tables


def _no_figures() -> tuple[Any, ...]:
    return (None,) * 6


def _figures(found: Statistics, names: _Names, query: Query) -> tuple[Any, ...]:
    language, palette = query.interface, DARK if query.dark else LIGHT

    def say(key: str) -> str:
        return message(language, f"insights.{key}")

    unit = say("unit")
    days = list(_all_days(found.days))
    labels = [day.isoformat() for day in days]

    def by_day(key: str) -> list[float]:
        return [found.days.get(day, {}).get(key, 0) for day in days]

    outcomes = [
        Series(_label(language, "outcome", outcome), by_day(outcome), colour)
        for outcome, colour in _OUTCOMES
    ]
    spoken = [
        Series(message(language, f"language.{code}"), by_day(code), colour)
        for code, colour in (("zh", 0), ("en", 1), ("ko", 3))
        if code in found.languages
    ]
    bins = [f"{position * 100 // BINS}%" for position in range(BINS)]
    confidence = [
        Series(_label(language, "outcome", outcome), found.confidence[outcome], colour)
        for outcome, colour in _OUTCOMES
    ]
    return (
        stacked(say("figure.days"), labels, outcomes, palette, unit),
        stacked(say("figure.languages"), labels, spoken, palette, unit),
        _ranked_or(say("figure.clauses"), _named(found.clauses, names.clause), palette, query),
        _ranked_or(
            say("figure.departments"), _named(found.departments, names.department), palette, query
        ),
        stacked(say("figure.confidence"), bins, confidence, palette, unit),
        _ranked_or(
            say("figure.reasons"),
            {_label(language, "reason", key): count for key, count in found.reasons.items()},
            palette,
            query,
            colour=2,
        ),
    )


def _ranked_or(
    title: str, counts: Mapping[str, int], palette: Palette, query: Query, colour: int = 0
) -> Any:
    """A ranking, or a figure that says there is nothing to rank."""
    if not counts:
        return note(title, message(query.interface, "insights.none"), palette)
    most = dict(list(counts.items())[:_BARS])
    return ranked(title, most, palette, message(query.interface, "insights.unit"), colour)


def _named(counts: Mapping[str, int], name: Callable[[str], str]) -> dict[str, int]:
    """Counts by name; what is called the same is added up."""
    named: dict[str, int] = {}
    for key, count in counts.items():
        named[name(key)] = named.get(name(key), 0) + count
    return dict(sorted(named.items(), key=lambda item: -item[1]))


def _all_days(days: Iterable[date]) -> Iterable[date]:
    """The days from the first to the last, those without questions, too; a week at least."""
    present = sorted(days)
    if not present:
        return
    day = min(present[0], present[-1] - timedelta(days=_FEWEST_DAYS - 1))
    while day <= present[-1]:
        yield day
        day += timedelta(days=1)


def _tables(
    found: Statistics, names: _Names, language: Language
) -> list[tuple[str, list[tuple[str, int]]]]:
    """The figures as tables: the key of a heading, and its rows."""

    def labelled(kind: str, counts: Mapping[str, int]) -> list[tuple[str, int]]:
        return [(_label(language, kind, key), count) for key, count in counts.items()]

    per_day = [
        (day.isoformat(), sum(counts.get(outcome, 0) for outcome, _ in _OUTCOMES))
        for day, counts in found.days.items()
    ]
    spoken = [
        (message(language, f"language.{key}"), n) for key, n in found.languages.items() if key
    ]
    return [
        ("days", per_day),
        ("languages", spoken),
        ("outcomes", labelled("outcome", found.outcomes)),
        ("clauses", list(_named(found.clauses, names.clause).items())),
        ("departments", list(_named(found.departments, names.department).items())),
        ("handed_over", list(_named(found.handed_over, names.department).items())),
        ("reasons", labelled("reason", found.reasons)),
        ("faces", labelled("face", found.faces)),
    ]
