"""The questions that people are known to ask: the wordings that the office laid to its clauses.

They are suggested as they stand; nothing is made up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qa.index import Index
from qa.text import detect_language, normalise
from qa.types import Answer, Clause, Focus, Language, Outcome

_LONGEST_SUGGESTED = 60
"""Characters of a question that is offered to be clicked (Latin letters count a half)."""
_GOOD_LENGTH = 18
"""Characters of a question that says enough and is read at a glance."""
_REMEMBERED = 4096
"""Clauses whose questions are kept once read, by language."""
_AROUND = 2
"""How far neighbouring clauses of a document reach."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the position, in the index, of the clause that it asks for."""

    clause: int
    language: Language
    text: str


class Questions:
    """The known questions of an index, in the order of their clauses; read when they are asked for."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._places = index.wordings()
        self._asked_for = np.zeros(len(index.passages), bool)
        self._asked_for[self._places] = True
        self._best = lru_cache(maxsize=_REMEMBERED)(self._ordered)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> Question:
        passage = self._index.passages[int(self._places[number])]
        return Question(passage.clause, passage.language, passage.text)

    def of(self, clause: int, language: Language) -> list[str]:
        """The questions in a language that ask for the clause at a position of the index."""
        places = self._index.clause_passages(clause)
        passages = (self._index.passages[place] for place in places if self._asked_for[place])
        return [passage.text for passage in passages if passage.language == language]

    def like(self, vector: NDArray[np.float32], limit: int) -> list[tuple[int, float]]:
        """The numbers of the questions nearest in meaning to a vector, with their cosines."""
        if not len(self):
            return []
        scores, places = self._index.engine.dense(vector, limit, self._asked_for)
        numbers = np.searchsorted(self._places, places)
        return list(zip(numbers.tolist(), scores.tolist(), strict=True))

    def suggestions(self, answer: Answer, limit: int = 3) -> list[str]:
        """What may be asked next: of each of the nearest clauses and of the neighbours of the one
        cited one question, in the language of the answer.

        None for small talk and where a choice is open.
        """
        if answer.outcome not in (Outcome.ANSWERED, Outcome.NO_CLAUSE):
            return []
        if answer.focus in (Focus.DUTIES, Focus.CONTENTS):
            return []
        cited = [citation.clause for citation in answer.citations]
        near = [hit.clause for hit in answer.hits if hit.clause.id not in {c.id for c in cited}]
        if answer.outcome is Outcome.ANSWERED:
            beside = self._beside(cited[0])
            near = [*near[:1], *beside, *near[1:]]
        return self._one_each(near, answer.language, normalise(answer.question), limit)

    def openers(self, language: Language, limit: int) -> list[str]:
        """Questions to begin with: one a clause, of clauses evenly spread over the index."""
        clauses = np.unique(self._index.clause_of[self._places]).tolist()
        step = max(1, len(clauses) // max(1, limit))
        spread = (self._index.clauses[position] for position in clauses[::step])
        return self._one_each(spread, language, "", limit)

    def _one_each(
        self, clauses: Iterable[Clause], language: Language, asked: str, limit: int
    ) -> list[str]:
        texts: dict[str, None] = {}
        for position in dict.fromkeys(self._index.position(clause.id) for clause in clauses):
            fitting = (text for text, form in self._best(position, language) if form != asked)
            if text := next(fitting, ""):
                texts.setdefault(text)
            if len(texts) == limit:
                break
        return list(texts)

    def _ordered(self, clause: int, language: Language) -> list[tuple[str, str]]:
        """The questions that may be suggested of a clause, the best first, each with its normal
        form."""
        short = (text for text in self.of(clause, language) if _length(text) <= _LONGEST_SUGGESTED)
        return [(text, normalise(text)) for text in sorted(short, key=_as_a_question)]

    def _beside(self, clause: Clause) -> list[Clause]:
        """The clauses before and after one in its document, the nearest first."""
        position = self._index.position(clause.id)
        clauses = self._index.clauses
        around = [position + step * sign for step in range(1, _AROUND + 1) for sign in (1, -1)]
        inside = (clauses[place] for place in around if 0 <= place < len(clauses))
        return [each for each in inside if each.document_id == clause.document_id]


def _as_a_question(text: str) -> tuple[bool, float, str]:
    """Whole questions before fragments, those of a good length before others."""
    chinese = detect_language(text) == "zh"
    fragment = " " in text if chinese else not text.rstrip().endswith(("?", "？"))
    return fragment, abs(_length(text) - _GOOD_LENGTH), text


def _length(text: str) -> float:
    return sum(0.5 if character.isascii() else 1.0 for character in text)
