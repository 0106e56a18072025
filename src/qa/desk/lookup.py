"""Search as you type: clauses, questions that are known to be asked, departments, terms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from qa.assistant import Assistant
from qa.desk.names import Found, Names, spelling
from qa.glossary import Term
from qa.index import Index
from qa.questions import Question, Questions
from qa.scope import Mask, Scope
from qa.text import detect_language
from qa.types import Answer, Clause, Hit, Language

_MOST_TITLES = 20_000
"""Titles of clauses that are looked up by sound; of a larger corpus clauses are searched only."""
_MOST_ASKED = 40_000
"""Known questions that are looked up by letters and sounds; further ones by meaning only."""
_CLAUSES, _QUESTIONS, _NAMES = 6, 5, 4
"""How many of each kind are shown: what fits a screen."""
_NEARLY_NOTHING = 0.02
"""The probability below which a clause is not worth a line."""
_NAMED = 0.78
"""How well the title of a clause has to fit what was typed to stand among the clauses."""
_NUMBER = re.compile(r"\d{1,3}|[一二三四五六七八九十百]{1,5}")
"""What names a clause by nothing but its number."""
_SOUNDS = 0.72
"""How well a name has to fit the letters that were typed to be what was meant."""
_LIKE = 0.55
"""Cosine from which a known question means what was typed."""


@dataclass(frozen=True, slots=True)
class Known:
    """A question that is known to be asked, and how well it fits, in [0, 1]."""

    question: Question
    clause: Clause
    score: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found, each kind best first. ``departments`` and ``terms`` are owned by positions
    in the index's glossaries of those names. ``meant`` is the question in what was typed, and
    ``answer`` what the assistant says to it."""

    answer: Answer | None
    meant: str = ""
    clauses: tuple[Hit, ...] = ()
    questions: tuple[Known, ...] = ()
    departments: tuple[Found, ...] = ()
    terms: tuple[Found, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """The kinds with anything found, that of the best finding first."""
        best = {
            "clauses": max((hit.probability for hit in self.clauses), default=0.0),
            "questions": max((known.score for known in self.questions), default=0.0),
            "departments": max((found.score for found in self.departments), default=0.0),
            "terms": max((found.score for found in self.terms), default=0.0),
        }
        return tuple(sorted((k for k in best if best[k]), key=lambda kind: -round(best[kind], 1)))


class Lookup:
    """Looks up what is being typed, in one index. Making it takes about a second: the sounds of
    all names are spelt out."""

    def __init__(self, assistant: Assistant, questions: Questions) -> None:
        self._assistant = assistant
        self.index: Index = assistant.index
        self._departments = Names(_all_names(self.index.departments.terms))
        self._terms = Names(_all_names(self.index.glossary.terms))
        self.questions = questions
        self._asked = Names(
            [(place, questions[place].text) for place in range(min(len(questions), _MOST_ASKED))],
        )
        few = len(self.index.clauses) <= _MOST_TITLES
        titled = enumerate(self.index.clauses) if few else ()
        self._titles = Names([(place, clause.title) for place, clause in titled if clause.title])

    def search(
        self, typed: str, language: Language | None = None, scope: Scope | None = None
    ) -> Findings:
        """What fits ``typed``, a whole question or its first letters.

        Args:
            typed: any text.
            language: in which the answer is to be; that of the text where it is not given.
            scope: limits clauses and known questions.
        """
        if not spelling(typed):
            return Findings(None)
        scope = scope or Scope()
        departments = self._departments.search(typed, _NAMES)
        terms = self._terms.search(typed, _NAMES)
        meant = _meant(typed, (*departments, *terms))
        answer = self._assistant.ask(meant, language=language, scope=scope)
        within = self._assistant.catalogue.mask(scope)
        return Findings(
            answer,
            meant,
            self._clauses(typed, answer, within),
            self._questions(typed, within),
            tuple(departments),
            tuple(terms),
        )

    def _clauses(self, typed: str, answer: Answer, within: Mask | None) -> tuple[Hit, ...]:
        """What the assistant found, and the clauses of which the title fits."""
        hits = {hit.clause.id: hit for hit in answer.hits}
        for found in self._titles.search(typed, _CLAUSES):
            if (found.score < _NAMED and answer.hits) or not _is_within(found.owner, within):
                continue
            clause = self.index.clauses[found.owner]
            validity = self._assistant.catalogue.clause_validity(clause, date.today())
            known = hits.get(clause.id) or Hit(clause, 0.0, 0, validity)
            score = max(found.score, known.probability)
            hits[clause.id] = replace(known, probability=score)
        best = sorted(hits.values(), key=lambda hit: (-hit.probability, hit.clause.id))
        worth = [hit for hit in best if hit.probability >= _NEARLY_NOTHING]
        return tuple(replace(hit, rank=rank) for rank, hit in enumerate(worth[:_CLAUSES], start=1))

    def _questions(self, typed: str, within: Mask | None) -> tuple[Known, ...]:
        """Known questions by their letters, their sounds and their meaning."""
        language = detect_language(typed)
        scores = {found.owner: found.score for found in self._asked.search(typed, 4 * _QUESTIONS)}
        vector = self._assistant.collector.vector(typed)
        for number, likeness in self.questions.like(vector, 4 * _QUESTIONS):
            if likeness >= _LIKE and self.questions[number].language == language:
                scores[number] = max(scores.get(number, 0.0), likeness)
        known = []
        for number in sorted(scores, key=lambda number: (-scores[number], number)):
            question = self.questions[number]
            if _is_within(question.clause, within):
                clause = self.index.clauses[question.clause]
                known.append(Known(question, clause, float(min(scores[number], 1.0))))
            if len(known) == _QUESTIONS:
                break
        return tuple(known)


def _is_within(clause: int, within: Mask | None) -> bool:
    return within is None or bool(within[clause])


def _meant(typed: str, names: Sequence[Found]) -> str:
    """The question in what was typed: a bare number is that of a clause, and pinyin is the name
    that sounds so (ckts: 出口退税)."""
    form = typed.strip()
    if _NUMBER.fullmatch(form):
        return f"第{form}条"
    best = max(names, key=lambda found: found.score, default=None)
    if best and best.score >= _SOUNDS and form.isascii() and not best.name.isascii():
        return best.name
    return typed


def _all_names(terms: Sequence[Term]) -> list[tuple[int, str]]:
    return [(place, name) for place, term in enumerate(terms) for _, name in term.names()]
