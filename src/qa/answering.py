"""Hits → what may be said: which sentences of which clause, or that nothing may be said. Pure.

Nothing here writes a sentence: an answer consists of spans of clauses and of their translations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from qa.evidence import Evidence
from qa.index import Index
from qa.numbers import find_numbers, number_values
from qa.passages import clause_sentences
from qa.retrieval import Result
from qa.types import (
    LANGUAGES,
    PASSAGE_KINDS,
    Citation,
    Clause,
    Document,
    Hit,
    Language,
    NumberCheck,
    Outcome,
    Quote,
    Translation,
    Validity,
)

MOST_QUOTES = 2
_NEARLY_AS_GOOD = 0.85
_HAS_A_NUMBER = 0.1
MOST_CHOICES = 3
_POSSIBLE = 0.2
"""A third clause is offered from this share of the probability of the best."""
_CONCEIVABLE = 0.01

_UNKNOWN = Validity()

_SECOND_CLAUSE = 0.85
"""A further clause is cited with the first when its probability is at least this share of it and
itself high enough to be an answer: questions that need two clauses name two things."""


def choose_outcome(hits: Sequence[Hit], answer: float, clarify: float, stable: bool) -> Outcome:
    """The band of an answer, by the probability of the best hit and whether rewording keeps it."""
    best = hits[0].probability if hits else 0.0
    if best >= answer and stable:
        return Outcome.ANSWERED
    if best >= clarify:
        return Outcome.CLARIFY
    return Outcome.NO_CLAUSE


def clauses_to_cite(hits: Sequence[Hit], answer: float) -> list[Clause]:
    """The best clause, and the second where it is an answer in its own right."""
    first, *others = hits
    second = [
        hit.clause
        for hit in others[:1]
        if hit.probability >= max(answer, _SECOND_CLAUSE * first.probability)
    ]
    return [first.clause, *second]


def in_force_first(hits: Sequence[Hit], answer: float) -> tuple[Hit, ...]:
    """The hits, those first that hold and are as relevant as any that does not, or that took the
    place of one such and answer: then the others, all best first. What has ended never comes
    before what holds and says as much; nor does what says something else come before it."""
    ended = [hit for hit in hits if hit.validity.status.lapsed]
    enough = _SECOND_CLAUSE * max((hit.probability for hit in ended), default=0.0)
    successors = {hit.validity.successor for hit in ended}

    def precedes(hit: Hit) -> bool:
        takes_over = hit.clause.document_id in successors and hit.probability >= answer
        return not hit.validity.status.lapsed and (takes_over or hit.probability >= enough)

    ordered = sorted(
        hits,
        key=lambda hit: (
            not precedes(hit),
            -hit.probability,
            hit.validity.status.lapsed,
            hit.rank,
        ),
    )
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(ordered, start=1))


def clauses_to_choose(hits: Sequence[Hit]) -> list[Clause]:
    """The two or three clauses that an unsure answer offers; a third only where it is possible."""
    possible = sum(hit.probability >= _POSSIBLE * hits[0].probability for hit in hits)
    second = sum(hit.probability >= _CONCEIVABLE for hit in hits[:2])
    return [hit.clause for hit in hits[: min(max(possible, second), MOST_CHOICES)]]


def settling_sentences(
    result: Result,
    index: Index,
    clauses: Iterable[tuple[Clause, Language]],
    language: Language,
    quantity: bool,
    most: int = MOST_QUOTES,
) -> dict[str, list[int]]:
    """For each of ``clauses`` (by id), given with the language of its original, the numbers of the
    at ``most`` so many sentences that support the question best, in order.

    A question is compared with the sentences in its own ``language`` where they are aligned with
    those of the original, else with the original. Where a ``quantity`` is asked for, a sentence
    with a number has the advantage.
    """
    settling = {}
    for clause, original in clauses:
        by_language = _support(result.evidence, index, clause)
        aligned = {t.language for t in index.translations.get(clause.id, ()) if t.aligned}
        own = by_language.get(language) if language in {original, *aligned} else None
        scores = own or by_language.get(original, {})
        if quantity:
            for sentence, (start, end) in enumerate(clause_sentences(clause, original)):
                if sentence in scores and number_values(clause.text[start:end]):
                    scores[sentence] += _HAS_A_NUMBER
        if scores:
            settling[clause.id] = _best_sentences(scores, most)
    return settling


def _support(evidence: Evidence, index: Index, clause: Clause) -> dict[Language, dict[int, float]]:
    """How much of the question each sentence of ``clause`` supports, by language."""
    support: defaultdict[Language, dict[int, float]] = defaultdict(dict)
    rows = np.flatnonzero(evidence.passage_clauses == index.position(clause.id))
    places = evidence.passages[rows]
    of_sentences = index.kind_of[places] == PASSAGE_KINDS.index("sentence")
    rows, places = rows[of_sentences], places[of_sentences]
    for language, sentence, score in zip(
        index.language_of[places].tolist(),
        index.sentence_of[places].tolist(),
        evidence.support[rows].tolist(),
        strict=True,
    ):
        scores = support[LANGUAGES[language]]
        scores[sentence] = max(scores.get(sentence, 0.0), score)
    return support


def _best_sentences(scores: Mapping[int, float], most: int) -> list[int]:
    best = sorted(scores, key=lambda sentence: (-scores[sentence], sentence))[:most]
    enough = _NEARLY_AS_GOOD * scores[best[0]]
    return sorted(sentence for sentence in best if scores[sentence] >= enough)


def cite(
    clause: Clause,
    document: Document,
    sentences: Sequence[int],
    translations: Sequence[Translation],
    language: Language,
    validity: Validity = _UNKNOWN,
) -> Citation:
    """A citation of ``clause`` that quotes the given sentences, with what translation there is."""
    translation = next((t for t in translations if t.language == language), None)
    spans = clause_sentences(clause, document.language)
    quotes = []
    for number in sentences:
        if number < len(spans):
            start, end = spans[number]
            aligned = translation is not None and translation.aligned
            translated = translation.sentences[number] if translation and aligned else ""
            quotes.append(Quote(start, end, clause.text[start:end], translated))
    if not quotes:  # a clause of a title only
        quotes.append(Quote(0, len(clause.text), clause.text))
    return Citation(clause, document, tuple(quotes), translation, validity)


def check_numbers(question: str, clause: Clause, texts: Iterable[str]) -> tuple[NumberCheck, ...]:
    """The numbers of the question, each with whether the clause (in any language) has it."""
    present = {value for text in (clause.text, *texts) for value in number_values(text)}
    return tuple(
        NumberCheck(number.text, number.value, number.value in present)
        for number in find_numbers(question)
    )
