"""The whole run-time flow on one screen: a question, and what may be said to it.

question ──intent──▶ small talk? named clause? a department's duties? a follow-up?
         ──search──▶ hits ──decide──▶ Answer
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from qa import answering
from qa.config import located_model
from qa.encoder import Encoder
from qa.index import Index, check_model, open_index
from qa.intent import Intent, clause_number, is_article, read_intent
from qa.numbers import find_numbers
from qa.ranking import Ranking
from qa.retrieval import Result, Retriever
from qa.text import detect_language, normalise
from qa.types import (
    Answer,
    Citation,
    Clause,
    Focus,
    Hit,
    Language,
    NumberCheck,
    Outcome,
    Translation,
    number_chain,
)

_LISTED = 10
_UNSURE = 0.15
"""Above the border of an answer, up to which an answer has to survive a rewording."""
_UNCOVERED = 0.35
_SAYS_SOMETHING = 0.45
_SHORT_TOPIC = 8
"""Characters of topic (Latin letters count a quarter) up to which a question may lean on the last."""

_BESIDE_A_NUMBER = re.compile(r"[^\W\d〇零一二三四五六七八九十百千两]")

Documents: TypeAlias = frozenset[str] | None
"""Ids of the documents to search in; None for all."""


class Assistant:
    """Answers questions from one index. Holds no conversation: that is passed in and out."""

    def __init__(self, index: Index, encoder: Encoder, ranking: Ranking) -> None:
        check_model(index, encoder.fingerprint)
        self.index = index
        self._ranking = ranking
        self._retriever = Retriever(index, encoder, ranking)
        self._documents = {document.id: document for document in index.documents}

    @classmethod
    def open(
        cls, index_folder: Path, load_encoder: Callable[[str], Encoder], model: str = ""
    ) -> Assistant:
        """The assistant of an index, with the model that built it unless another is named.

        Raises:
            IndexMissing, IndexStale, IndexDamaged, ModelError: see there.
        """
        index = open_index(index_folder)
        name = model or located_model(index.manifest.model)
        return cls(index, load_encoder(name), Ranking.load(name))

    def ask(
        self,
        question: str,
        *,
        language: Language | None = None,
        documents: Documents = None,
        previous: Answer | None = None,
    ) -> Answer:
        """The answer to a question.

        Args:
            question: any text.
            language: the asker's; read from the question where it is not given.
            documents: ids of the documents to search in; all where it is None.
            previous: the answer before, to which a follow-up question may refer.
        """
        language = language or detect_language(question)
        intent = read_intent(question, language)
        if intent.invalid:
            return Answer(question, language, Outcome.INVALID, reply=intent.invalid)
        if intent.small_talk:
            return Answer(question, language, Outcome.SMALL_TALK, reply=intent.small_talk)
        focus = _focus(intent)
        before = _clause_of(previous)
        if intent.clause and (named := self._numbered(intent.clause, documents, before)):
            return self._of_clauses(question, language, named, focus)
        if duties := self._duties(question, language, intent, documents):
            return duties
        if before is None and not intent.topic and not intent.clause:
            return Answer(question, language, Outcome.INVALID, reply="no_topic")
        if before and previous and _leans(intent):
            return self._follow_up(question, language, intent, before, previous, documents)
        answer = self._search(question, language, intent, documents)
        if intent.clause and not _BESIDE_A_NUMBER.search(intent.topic):
            # Nothing but a number that no clause has: the nearest words would be an accident.
            return replace(
                answer, outcome=Outcome.NO_CLAUSE, citations=(), choices=(), uncovered=()
            )
        return answer

    # --- the ways to an answer

    def _search(
        self,
        question: str,
        language: Language,
        intent: Intent,
        documents: Documents,
        asked: str = "",
        assumed: Clause | None = None,
    ) -> Answer:
        result = self._retriever.search(question, language, _LISTED, documents)
        stable = self._stable(result, language, documents)
        outcome = answering.choose_outcome(
            result.hits, self._ranking.answer, self._ranking.clarify, stable
        )
        shown: list[Clause] = []
        if outcome is Outcome.ANSWERED:
            shown = answering.clauses_to_cite(result.hits, self._ranking.answer)
        elif outcome is Outcome.CLARIFY:
            shown = answering.clauses_to_choose(result.hits)
        sentences = answering.settling_sentences(
            result,
            self.index,
            shown,
            language,
            quantity=intent.quantity or bool(find_numbers(question)),
        )
        citations = tuple(self._cite(clause, language, sentences) for clause in shown)
        cited = citations if outcome is Outcome.ANSWERED else ()
        return Answer(
            question=asked or question,
            language=language,
            outcome=outcome,
            hits=result.hits,
            citations=cited,
            choices=citations if outcome is Outcome.CLARIFY else (),
            focus=_focus(intent),
            uncovered=_uncovered(result),
            numbers=self._check_numbers(question, cited),
            assumed=assumed,
        )

    def _of_clauses(
        self, question: str, language: Language, clauses: list[Clause], focus: Focus
    ) -> Answer:
        """The answer that consists of clauses the asker named; several are a choice."""
        hits = tuple(
            Hit(clause, 1.0, rank) for rank, clause in enumerate(clauses[:_LISTED], start=1)
        )
        citations = tuple(
            self.cite_whole(clause, language) for clause in clauses[: answering.MOST_CHOICES]
        )
        if len(clauses) == 1:
            return Answer(question, language, Outcome.ANSWERED, hits, citations, focus=focus)
        return Answer(question, language, Outcome.CLARIFY, hits, choices=citations, focus=focus)

    def _duties(
        self, question: str, language: Language, intent: Intent, documents: Documents
    ) -> Answer | None:
        """All clauses that name a department, where that is all that the question asks."""
        collector = self._retriever.collector
        named = collector.mentioned_departments(question)
        if not named or not intent.duties or self._topic_beside(named, intent, language):
            return None
        clauses = [
            clause
            for clause, departments in zip(
                self.index.clauses, collector.clause_departments, strict=True
            )
            if (documents is None or clause.document_id in documents) and named & departments
        ]
        if not clauses:
            return None
        return Answer(
            question,
            language,
            Outcome.ANSWERED,
            hits=tuple(
                Hit(clause, 1.0, rank) for rank, clause in enumerate(clauses[:_LISTED], start=1)
            ),
            citations=tuple(self.cite_whole(clause, language) for clause in clauses),
            focus=Focus.DUTIES,
            departments=tuple(sorted(named)),
        )

    def _follow_up(
        self,
        question: str,
        language: Language,
        intent: Intent,
        before: Clause,
        previous: Answer,
        documents: Documents,
    ) -> Answer:
        """The clause before again where nothing new is asked; else the topic carried on."""
        if not intent.topic or (intent.more and len(intent.topic) < _SHORT_TOPIC):
            answer = self._of_clauses(question, language, [before], _focus(intent))
            return replace(answer, assumed=before)
        carried = f"{previous.question} {question}"
        return self._search(carried, language, intent, documents, asked=question, assumed=before)

    # --- parts

    def _numbered(self, number: int, documents: Documents, before: Clause | None) -> list[Clause]:
        """The clauses that a number names, of each document those that it names most directly: the
        article of that number; else the clause that stands alone under it; else all under the
        heading of that number; else any so numbered.

        Those of the document last spoken of come alone.
        """
        named: dict[str, list[tuple[int, Clause]]] = {}
        for clause in self.index.clauses:
            degree = _directness(clause, number) if clause.number else 0
            if degree and (documents is None or clause.document_id in documents):
                named.setdefault(clause.document_id, []).append((degree, clause))
        if before and before.document_id in named:
            named = {before.document_id: named[before.document_id]}
        return [
            clause
            for group in named.values()
            for degree, clause in group
            if degree == max(other for other, _ in group)
        ]

    def _topic_beside(
        self, departments: frozenset[str], intent: Intent, language: Language
    ) -> bool:
        """Whether the topic says more than the names of the departments."""
        glossary = self.index.departments
        names = [
            name for term in glossary.terms if term.zh in departments for _, name in term.names()
        ]
        # The topic has lost words that only ask, some of which stand in names, too (bureau).
        parts = {
            form for name in names for form in (normalise(name), read_intent(name, language).topic)
        }
        topic = intent.topic.replace(" ", "")
        for part in sorted(parts, key=len, reverse=True):
            topic = topic.replace(part.replace(" ", ""), "")
        return len(topic) > 3

    def _stable(self, result: Result, language: Language, documents: Documents) -> bool:
        """Whether the best clause stays the best when the question is put a little differently."""
        if not result.hits or not 0 <= result.hits[0].probability - self._ranking.answer < _UNSURE:
            return True
        evidence = result.evidence
        telling = [
            word
            for word, weight in zip(evidence.words, evidence.weights, strict=True)
            if weight >= _SAYS_SOMETHING
        ]
        if not telling or len(telling) == len(evidence.words):
            return True
        joint = "" if language == "zh" else " "
        reworded = self._retriever.search(joint.join(telling), language, 1, documents)
        return reworded.hits[0].clause.id == result.hits[0].clause.id

    def _check_numbers(self, question: str, cited: tuple[Citation, ...]) -> tuple[NumberCheck, ...]:
        """The numbers of the question compared with the first clause that is cited."""
        if not cited:
            return ()
        clause = cited[0].clause
        texts = [translation.text for translation in self._translations(clause)]
        return answering.check_numbers(question, clause, texts)

    def _translations(self, clause: Clause) -> tuple[Translation, ...]:
        return self.index.translations.get(clause.id, ())

    def _cite(
        self, clause: Clause, language: Language, sentences: dict[str, list[int]]
    ) -> Citation:
        return answering.cite(
            clause,
            self._documents[clause.document_id],
            sentences.get(clause.id, []),
            self._translations(clause),
            language,
        )

    def cite_whole(self, clause: Clause, language: Language) -> Citation:
        """A citation that quotes every sentence of a clause."""
        return self._cite(clause, language, {clause.id: list(range(len(clause.text)))})


def _directness(clause: Clause, number: int) -> int:
    """How directly a number names a clause, 0 not at all: see ``Assistant._numbered``."""
    chain = [clause_number(part) for part in number_chain(clause)]
    if chain[-1] == number and is_article(clause.number):
        return 4
    if chain[0] == number:
        return 3 if len(chain) == 1 else 2
    return int(chain[-1] == number)


def _focus(intent: Intent) -> Focus:
    return Focus.DEPARTMENTS if intent.departments else Focus.CLAUSE


def _clause_of(previous: Answer | None) -> Clause | None:
    if previous is None:
        return None
    if previous.citations:
        return previous.citations[0].clause
    return previous.assumed


def _leans(intent: Intent) -> bool:
    """Whether a question cannot stand alone: it names no topic, or takes up the last one."""
    letters = sum(0.25 if character.isascii() else 1 for character in intent.topic)
    return not intent.topic or ((intent.continues or intent.more) and letters <= _SHORT_TOPIC)


def _uncovered(result: Result) -> tuple[str, ...]:
    """The telling words of the question that no clause covers, in order."""
    evidence = result.evidence
    covered = evidence.coverage.max(axis=0, initial=0)
    words = [
        word
        for word, weight, best in zip(evidence.words, evidence.weights, covered, strict=True)
        if best < _UNCOVERED and weight >= _SAYS_SOMETHING and len(word) > 1
    ]
    # Long Chinese words also gave the words inside them.
    return tuple(w for w in words if not any(w != other and w in other for other in words))
