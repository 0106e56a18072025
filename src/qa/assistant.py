"""The whole run-time flow on one screen: a question, and what may be said to it.

question ──intent──▶ small talk? named clause? a department's duties? a follow-up?
         ──search──▶ hits ──decide──▶ Answer
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qa import answering
from qa.builds import packed_model
from qa.config import located_model
from qa.encoder import Encoder
from qa.evidence import Collector
from qa.index import Index, check_model, open_index
from qa.intent import Intent, read_intent
from qa.numbers import find_numbers
from qa.ranking import Ranking
from qa.references import Reference, References
from qa.retrieval import Result, Retriever
from qa.scope import Scope
from qa.text import detect_language, normalise
from qa.types import (
    Answer,
    Citation,
    Clause,
    Document,
    Focus,
    Hit,
    Language,
    NumberCheck,
    Outcome,
    Translation,
    Validity,
)

_LISTED = 10
_REMEMBERED = 256
"""Answers that are kept: people click on what is suggested, and a program that holds a conversation
sends all of it each time."""
_UNSURE = 0.15
"""Above the border of an answer, up to which an answer has to survive a rewording."""
_UNCOVERED = 0.35
"""Of a word, or of all words of a topic: how little of it a clause has that does not have it."""
_SAYS_SOMETHING = 0.45
_SHORT_TOPIC = 8
"""Characters of topic (Latin letters count a quarter) up to which a question may lean on the last."""

_CARRIED = 4
"""Questions back that a follow-up remembers."""

_BESIDE_A_NUMBER = re.compile(r"[^\W\d〇零一二三四五六七八九十百千两]")

Documents: TypeAlias = frozenset[str] | None
"""Ids of the documents to search in; None for all."""

_MOST_CITED = 100
"""Clauses that the list of a department's duties, or of a policy's contents, gives at most."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with all that limits the search for its answer: what is ``searched`` is the
    question without the policies that it names; ``allowed`` is a mask over the clauses."""

    question: str
    language: Language
    intent: Intent
    scope: Scope
    allowed: NDArray[np.bool_] | None
    day: date
    searched: str
    previous: Answer | None = None


class Assistant:
    """Answers questions from one index. Holds no conversation: that is passed in and out."""

    def __init__(self, index: Index, encoder: Encoder, ranking: Ranking) -> None:
        check_model(index, encoder.fingerprint)
        self.index = index
        self.encoder = encoder
        self._ranking = ranking
        self._retriever = Retriever(index, encoder, ranking)
        self.catalogue = self._retriever.catalogue
        self._references = References(self.catalogue)
        self._answered = lru_cache(maxsize=_REMEMBERED)(self._asked)

    @classmethod
    def open(
        cls, index_folder: Path, load_encoder: Callable[[str], Encoder], model: str = ""
    ) -> Assistant:
        """The assistant of an index, with the model that came with it in a pack, else the one that is
        named, else the one that built it.

        Raises:
            IndexMissing, IndexStale, IndexDamaged, ModelError: see there.
        """
        index = open_index(index_folder)
        packed = packed_model(index_folder, index.manifest.model_fingerprint)
        name = packed or model or located_model(index.manifest.model)
        return cls(index, load_encoder(name), Ranking.load(name))

    @property
    def collector(self) -> Collector:
        """What collects the evidence: vectors of texts, departments that they name."""
        return self._retriever.collector

    def ask(
        self,
        question: str,
        *,
        language: Language | None = None,
        documents: Documents = None,
        previous: Answer | None = None,
        scope: Scope | None = None,
        today: date | None = None,
    ) -> Answer:
        """The answer to a question.

        Args:
            question: any text.
            language: the asker's; read from the question where it is not given.
            documents: ids of the documents to search in; all where it is None.
            previous: the answer before, to which a follow-up question may refer.
            scope: further limits.
            today: the day on which policies have to hold; the present day where it is None.

        Raises:
            IndexDamaged: files that were verified meanwhile are not what was built.
        """
        self.index.check()
        language = language or detect_language(question)
        limits, day = _within(scope or Scope(), documents), today or date.today()
        return self._answered(question, language, limits, day, previous)

    def _asked(
        self, question: str, language: Language, limits: Scope, day: date, previous: Answer | None
    ) -> Answer:
        """The answer to a question that has not just been asked."""
        intent = read_intent(question, language)
        if intent.invalid:
            return Answer(question, language, Outcome.INVALID, reply=intent.invalid)
        if intent.small_talk:
            return Answer(question, language, Outcome.SMALL_TALK, reply=intent.small_talk)
        asked = _Asked(
            question, language, intent, limits, self.catalogue.mask(limits), day, question, previous
        )
        named = self._references.find(question)
        if named is None:
            return self._answer(asked, None)
        answer = self._of_named(asked, named)
        # What may be an abbreviation may be none.
        sure = named.certain or answer.outcome is not Outcome.NO_CLAUSE
        return answer if sure else self._answer(asked, None)

    def _of_named(self, asked: _Asked, named: Reference) -> Answer:
        """The answer from the policies that the question names."""
        ids = frozenset(self.catalogue.headings[place].id for place in named.documents)
        limits = _within(asked.scope, ids)
        within = replace(
            asked,
            intent=_without_name(read_intent(named.rest, asked.language), asked.intent),
            scope=limits,
            allowed=self.catalogue.mask(limits),
            searched=named.rest,
        )
        if not named.documents:
            return self._of_an_unknown_policy(within, named.named)
        return self._answer(within, named)

    def _answer(self, asked: _Asked, named: Reference | None) -> Answer:
        """The answer to what is a question, in one of the ways below."""
        intent, before = asked.intent, _clause_of(asked.previous)
        if intent.clause:
            places = self._numbered(asked, None if named else before)
            if len(places):
                return self._of_clauses(asked, places)
        if duties := self._duties(asked):
            return duties
        if named is not None and not intent.topic and not intent.clause:
            return self._contents(asked, named.documents)
        if before is None and not intent.topic and not intent.clause:
            return Answer(asked.question, asked.language, Outcome.INVALID, reply="no_topic")
        if before and named is None and _leans(intent):
            return self._follow_up(asked, before)
        answer = self._search(asked)
        if before and named is None and answer.outcome is not Outcome.ANSWERED:
            carried = self._carried(asked, before) if _is_short(intent.topic) else None
            if carried and self._covers(carried, intent.topic):
                return carried
        if intent.clause and not _BESIDE_A_NUMBER.search(intent.topic):
            # Nothing but a number that no clause has: the nearest words would be an accident.
            return _refused(answer)
        return answer

    def search(
        self,
        question: str,
        language: Language,
        limit: int = 10,
        scope: Scope | None = None,
        today: date | None = None,
    ) -> Result:
        """The ``limit`` best clauses within ``scope``, whatever kind of question it is, those in
        force before those that are not: what a list that follows typing needs."""
        result = self._retriever.search(
            question, language, limit, self.catalogue.mask(scope or Scope())
        )
        return self._dated(result, today or date.today())

    # --- the ways to an answer

    def _search(self, asked: _Asked, *, assumed: Clause | None = None) -> Answer:
        """The answer that a search finds: among the policies that hold, else among all."""
        result = self._found(asked, asked.allowed)
        outcome = self._outcome(result, asked, asked.allowed)
        if any(hit.validity.status.lapsed for hit in result.hits):
            # Versions of one clause compete: alone, those that hold may be sure.
            holding = self._rivals(asked, result.hits[0])
            alone = self._dated(
                self._retriever.among(result, asked.language, _LISTED, holding), asked.day
            )
            if self._outcome(alone, asked, holding) is Outcome.ANSWERED:
                answer = self._quoted(asked, alone, Outcome.ANSWERED, assumed)
                return replace(answer, hits=self._joined(alone.hits, result.hits))
        return self._quoted(asked, result, outcome, assumed)

    def _rivals(self, asked: _Asked, best: Hit) -> NDArray[np.bool_]:
        """The clauses that hold; where the best does not, those only of what took its place: one
        that says something else must not answer because the right one is out of force."""
        successor = frozenset({best.validity.successor})
        scope = _within(asked.scope, successor) if best.validity.status.lapsed else asked.scope
        return self.catalogue.holding(scope, asked.day)

    def _quoted(
        self, asked: _Asked, result: Result, outcome: Outcome, assumed: Clause | None
    ) -> Answer:
        """The answer that quotes what was found, as far as the outcome allows it."""
        shown: list[Clause] = []
        if outcome is Outcome.ANSWERED:
            shown = answering.clauses_to_cite(result.hits, self._ranking.answer)
        elif outcome is Outcome.CLARIFY:
            shown = answering.clauses_to_choose(result.hits)
        sentences = answering.settling_sentences(
            result,
            self.index,
            [(clause, self._language(clause)) for clause in shown],
            asked.language,
            quantity=asked.intent.quantity or bool(find_numbers(asked.searched)),
        )
        citations = tuple(
            self._cite(clause, asked.language, sentences, asked.day) for clause in shown
        )
        cited = citations if outcome is Outcome.ANSWERED else ()
        return Answer(
            question=asked.question,
            language=asked.language,
            outcome=outcome,
            hits=result.hits,
            citations=cited,
            choices=citations if outcome is Outcome.CLARIFY else (),
            focus=_focus(asked.intent),
            uncovered=_uncovered(result),
            numbers=self._check_numbers(asked.searched, cited),
            assumed=assumed,
        )

    def _of_clauses(self, asked: _Asked, places: NDArray[np.int64]) -> Answer:
        """The answer that consists of clauses the asker named; several are a choice, those first
        whose policies hold, and of those the ones that fit the rest of the question."""
        if len(places) > answering.MOST_CHOICES and asked.intent.topic:
            return self._choice_of(self._found(asked, self._only(places)), asked)
        lapsed = self.catalogue.lapsed(asked.day)[places]
        places = places[np.argsort(lapsed, kind="stable")][:_LISTED]
        return self._of_these(asked, [self.index.clauses[place] for place in places])

    def _of_these(self, asked: _Asked, clauses: list[Clause]) -> Answer:
        """The answer that consists of these clauses: the one in full, or a choice of several."""
        hits = tuple(
            Hit(clause, 1.0, rank, self._validity(clause, asked.day))
            for rank, clause in enumerate(clauses, start=1)
        )
        citations = tuple(
            self.cite_whole(clause, asked.language, asked.day)
            for clause in clauses[: answering.MOST_CHOICES]
        )
        focus = _focus(asked.intent)
        if len(clauses) == 1:
            return Answer(
                asked.question, asked.language, Outcome.ANSWERED, hits, citations, focus=focus
            )
        return Answer(
            asked.question, asked.language, Outcome.CLARIFY, hits, choices=citations, focus=focus
        )

    def _choice_of(self, result: Result, asked: _Asked) -> Answer:
        """A choice among the first hits of a search."""
        shown = [hit.clause for hit in result.hits[: answering.MOST_CHOICES]]
        return Answer(
            asked.question,
            asked.language,
            Outcome.CLARIFY,
            hits=result.hits,
            choices=tuple(self.cite_whole(clause, asked.language, asked.day) for clause in shown),
            focus=_focus(asked.intent),
        )

    def _of_an_unknown_policy(self, asked: _Asked, name: str) -> Answer:
        """The refusal of a question about a policy, named by its number, that is not here."""
        answer = _refused(self._search(asked))
        return replace(answer, uncovered=(name,))

    def _duties(self, asked: _Asked) -> Answer | None:
        """All clauses that name a department, where that is all that the question asks."""
        intent, previous = asked.intent, asked.previous
        named = self.collector.mentioned_departments(asked.searched)
        carried = previous is not None and previous.focus is Focus.DUTIES and intent.continues
        if not named or not (intent.duties or carried):
            return None
        if self._topic_beside(named, intent, asked.language):
            return None
        places = self.index.clauses_of_departments(named)
        return self._list(asked, places, Focus.DUTIES, departments=tuple(sorted(named)))

    def _contents(self, asked: _Asked, documents: Sequence[int]) -> Answer:
        """What a policy says: its clauses; of several policies a choice between their first."""
        ranges = [self.catalogue.clauses(document) for document in documents]
        if len(ranges) > 1:
            places = np.array([clauses.start for clauses in ranges if clauses], np.int64)
            if asked.allowed is not None:
                places = places[asked.allowed[places]]
            if len(places) > 1:
                return self._of_clauses(asked, places)
        places = np.concatenate([np.array(clauses, np.int64) for clauses in ranges])
        numbered = places[self.catalogue.numbers.parts[places] > 0]
        answer = self._list(asked, numbered if len(numbered) else places, Focus.CONTENTS)
        return answer or _refused(self._search(asked))

    def _list(
        self,
        asked: _Asked,
        places: NDArray[np.int64],
        focus: Focus,
        departments: tuple[str, ...] = (),
    ) -> Answer | None:
        """The answer that lists clauses, those of policies that hold first; None of none."""
        if asked.allowed is not None:
            places = places[asked.allowed[places]]
        if not len(places):
            return None
        lapsed = self.catalogue.lapsed(asked.day)[places]
        places = places[np.argsort(lapsed, kind="stable")]
        clauses = [self.index.clauses[place] for place in places[:_MOST_CITED]]
        return Answer(
            asked.question,
            asked.language,
            Outcome.ANSWERED,
            hits=tuple(
                Hit(clause, 1.0, rank, self._validity(clause, asked.day))
                for rank, clause in enumerate(clauses[:_LISTED], start=1)
            ),
            citations=tuple(
                self.cite_whole(clause, asked.language, asked.day) for clause in clauses
            ),
            focus=focus,
            departments=departments,
            total=len(places),
        )

    def _follow_up(self, asked: _Asked, before: Clause) -> Answer:
        """The clause before again where nothing new is asked; else the topic carried on where that
        has what is asked now: the words of the question before must not answer this one."""
        intent, previous = asked.intent, asked.previous
        assert previous is not None
        whole = replace(self._of_these(asked, [before]), assumed=before, context=previous.context)
        if not intent.topic:
            return whole
        if intent.more and len(intent.topic) < _SHORT_TOPIC and self._covers(whole, intent.topic):
            return whole
        carried = self._carried(asked, before)
        if self._covers(carried, intent.topic):
            return carried
        alone = self._search(asked)
        found = _refused(carried) if alone.outcome is Outcome.NO_CLAUSE else alone
        return replace(found, context=carried.context)

    def _carried(self, asked: _Asked, before: Clause) -> Answer:
        """The answer with the topic carried on: of the question just before, or of the one with
        which the topic came up, whichever finds more."""
        previous = asked.previous
        assert previous is not None
        answers = [
            self._search(replace(asked, searched=" ".join((*said, asked.question))), assumed=before)
            for said in dict.fromkeys(
                ((previous.question,), (*previous.context[:1], previous.question))
            )
        ]
        best = max(answers, key=lambda answer: max((h.probability for h in answer.hits), default=0))
        return replace(best, context=(*previous.context, previous.question)[-_CARRIED:])

    def _covers(self, answer: Answer, topic: str) -> bool:
        """Whether the best clause of ``answer`` has what the topic of a question says."""
        if not answer.hits:
            return False
        best = self.catalogue.clause_position(answer.hits[0].clause)
        evidence = self.collector.collect(self.collector.query(topic), self._only(best))
        total = max(float(evidence.weights.sum()), 1e-6)
        return float(evidence.coverage[0] @ evidence.weights) / total >= _UNCOVERED

    # --- parts

    def _only(self, places: NDArray[np.int64] | int) -> NDArray[np.bool_]:
        """The mask that allows the clauses at ``places`` and no others."""
        allowed = np.zeros(len(self.catalogue.document_of), bool)
        allowed[places] = True
        return allowed

    def _numbered(self, asked: _Asked, before: Clause | None) -> NDArray[np.int64]:
        """The positions of the clauses that a number names, of each document those that it names
        most directly; those of the document last spoken of come alone."""
        degree = self.catalogue.numbers.directness(asked.intent.clause)
        if asked.allowed is not None:
            degree = np.where(asked.allowed, degree, 0)
        places = np.flatnonzero(degree)
        documents = self.catalogue.document_of[places]
        if before:
            same = documents == self.catalogue.position(before.document_id)
            if same.any():
                places, documents = places[same], documents[same]
        most = np.zeros(len(self.catalogue.headings), degree.dtype)
        np.maximum.at(most, documents, degree[places])
        direct: NDArray[np.int64] = places[degree[places] == most[documents]]
        return direct

    def _found(self, asked: _Asked, allowed: NDArray[np.bool_] | None) -> Result:
        result = self._retriever.search(asked.searched, asked.language, _LISTED, allowed)
        return self._dated(result, asked.day)

    def _dated(self, result: Result, day: date) -> Result:
        """A result whose hits tell whether their policies hold, in the order that follows."""
        hits = (replace(hit, validity=self._validity(hit.clause, day)) for hit in result.hits)
        return replace(result, hits=answering.in_force_first(tuple(hits), self._ranking.answer))

    def _joined(self, first: tuple[Hit, ...], second: tuple[Hit, ...]) -> tuple[Hit, ...]:
        """The hits of two searches, those of the first as it found them."""
        known = {hit.clause.id for hit in first}
        added = [hit for hit in second if hit.clause.id not in known]
        return answering.in_force_first((*first, *added), self._ranking.answer)[:_LISTED]

    def _validity(self, clause: Clause, day: date) -> Validity:
        return self.catalogue.clause_validity(clause, day)

    def _document(self, clause: Clause) -> Document:
        return self.index.documents[self.catalogue.position(clause.document_id)]

    def _language(self, clause: Clause) -> Language:
        return self.catalogue.headings[self.catalogue.position(clause.document_id)].language

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

    def _outcome(self, result: Result, asked: _Asked, allowed: NDArray[np.bool_] | None) -> Outcome:
        stable = self._stable(result, asked.language, allowed)
        answer, clarify = self._ranking.answer, self._ranking.clarify
        return answering.choose_outcome(result.hits, answer, clarify, stable)

    def _stable(
        self, result: Result, language: Language, allowed: NDArray[np.bool_] | None
    ) -> bool:
        """Whether the best clause stays the best when the question is put a little differently."""
        best = max(result.hits, key=lambda hit: hit.probability, default=None)
        if not best or not 0 <= best.probability - self._ranking.answer < _UNSURE:
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
        reworded = self._retriever.search(joint.join(telling), language, 1, allowed)
        return reworded.hits[0].clause.id == best.clause.id

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
        self, clause: Clause, language: Language, sentences: dict[str, list[int]], day: date
    ) -> Citation:
        return answering.cite(
            clause,
            self._document(clause),
            sentences.get(clause.id, []),
            self._translations(clause),
            language,
            self._validity(clause, day),
        )

    def cite(
        self,
        question: str,
        clause: Clause,
        language: Language,
        today: date | None = None,
        most: int = answering.MOST_QUOTES,
    ) -> Citation:
        """A citation of ``clause`` that quotes the at ``most`` so many sentences which settle
        ``question`` best."""
        only = self._only(self.catalogue.clause_position(clause))
        result = self._retriever.search(question, language, 1, only)
        sentences = answering.settling_sentences(
            result,
            self.index,
            [(clause, self._language(clause))],
            language,
            quantity=read_intent(question, language).quantity or bool(find_numbers(question)),
            most=most,
        )
        return self._cite(clause, language, sentences, today or date.today())

    def cite_whole(self, clause: Clause, language: Language, today: date | None = None) -> Citation:
        """A citation that quotes every sentence of a clause."""
        everything = {clause.id: list(range(len(clause.text)))}
        return self._cite(clause, language, everything, today or date.today())


def _within(scope: Scope, documents: Documents) -> Scope:
    """A scope limited further to some documents."""
    if documents is None:
        return scope
    both = documents if scope.documents is None else scope.documents & documents
    return replace(scope, documents=both)


def _without_name(rest: Intent, whole: Intent) -> Intent:
    """The intent of a question without the name of the policy that it is about."""
    if rest.invalid or rest.small_talk:  # nothing but the name
        return Intent(departments=whole.departments)
    return rest


def _refused(answer: Answer) -> Answer:
    """The same hits, of which none answers."""
    return replace(answer, outcome=Outcome.NO_CLAUSE, citations=(), choices=(), uncovered=())


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
    return not intent.topic or ((intent.continues or intent.more) and _is_short(intent.topic))


def _is_short(topic: str) -> bool:
    return sum(0.25 if character.isascii() else 1 for character in topic) <= _SHORT_TOPIC


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
