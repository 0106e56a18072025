"""Search as you type: clauses, questions that are known to be asked, departments, terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qa.assistant import Assistant
from qa.desk.names import Found, Names, spelling
from qa.glossary import Term
from qa.index import Index
from qa.questions import Question, Questions
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
        self,
        typed: str,
        language: Language | None = None,
        allowed: Callable[[Clause], bool] | None = None,
        documents: frozenset[str] | None = None,
    ) -> Findings:
        """What fits ``typed``, a whole question or its first letters.

        Args:
            typed: any text.
            language: in which the answer is to be; that of the text where it is not given.
            allowed: which clauses may be shown; all where it is None.
            documents: ids of the documents to search in; all where it is None.
        """
        if not spelling(typed):
            return Findings(None)
        departments = self._departments.search(typed, _NAMES)
        terms = self._terms.search(typed, _NAMES)
        meant = _meant(typed, (*departments, *terms))
        answer = self._assistant.ask(meant, language=language, documents=documents)

        def may(clause: Clause) -> bool:
            in_scope = documents is None or clause.document_id in documents
            return in_scope and (allowed is None or allowed(clause))

        return Findings(
            answer,
            meant,
            self._clauses(typed, answer, may),
            self._questions(typed, may),
            tuple(departments),
            tuple(terms),
        )

    def _clauses(
        self, typed: str, answer: Answer, may: Callable[[Clause], bool]
    ) -> tuple[Hit, ...]:
        hits = {hit.clause.id: hit for hit in answer.hits if may(hit.clause)}
        for found in self._titles.search(typed, _CLAUSES):
            clause = self.index.clauses[found.owner]
            if found.score >= _NAMED or not answer.hits:
                known = hits.get(clause.id)
                score = max(found.score, known.probability if known else 0.0)
                if may(clause):
                    hits[clause.id] = replace(known or Hit(clause, score, 0), probability=score)
        best = sorted(hits.values(), key=lambda hit: (-hit.probability, hit.clause.id))
        worth = [hit for hit in best if hit.probability >= _NEARLY_NOTHING]
        return tuple(replace(hit, rank=rank) for rank, hit in enumerate(worth[:_CLAUSES], start=1))

    def _questions(self, typed: str, may: Callable[[Clause], bool]) -> tuple[Known, ...]:
        """Known questions by their letters, their sounds and their meaning."""
        language = detect_language(typed)
        scores = {found.owner: found.score for found in self._asked.search(typed, 4 * _QUESTIONS)}
        for place, likeness in self.questions.like(
            self._assistant.collector.vector(typed), 4 * _QUESTIONS
        ):
            if likeness >= _LIKE and self.questions[place].language == language:
                scores[place] = max(scores.get(place, 0.0), likeness)
        known = []
        for place in sorted(scores, key=lambda place: (-scores[place], place)):
            question = self.questions[place]
            clause = self.index.clauses[question.clause]
            if may(clause):
                known.append(Known(question, clause, float(min(scores[place], 1.0))))
            if len(known) == _QUESTIONS:
                break
        return tuple(known)


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
