"""What speaks for each clause as the answer to a question, as numbers in [0, 1].

Six channels (words, grams, sounds, concepts, similar words, dense) look at four kinds of
passages (title, sentence, whole clause, wording); of the languages that a clause stands in, the
best counts. Document titles and whole documents say which policy is meant. Nothing is decided here:
``ranking.py`` weighs the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qa.analysis import Analysis, analyse
from qa.encoder import Encoder
from qa.index import Index
from qa.lexical import WeightedTerm
from qa.places import around, document_places, places_in

Numbers = NDArray[np.float32]

PASSAGE_CHANNELS = ("words", "grams", "sounds", "concepts", "similar", "dense")
KINDS = ("title", "sentence", "clause", "wording")
FEATURES = (
    *(f"{channel}_{kind}" for channel in PASSAGE_CHANNELS for kind in KINDS),
    *(
        f"{channel}_{part}"
        for channel in ("words", "grams", "concepts")
        for part in ("heading", "document")
    ),
    "dense_heading",
    "place",
    "elsewhere",
    "department",
    "unnumbered",
)
_LETTER = {"words": "w", "grams": "g", "sounds": "s", "concepts": "c"}

_NEIGHBOURS = 12
_REMEMBERED_WORDS = 20_000
_SIMILAR_ENOUGH = 0.45
"""Cosine below which two words of the trained encoder are unrelated."""

_CANDIDATES = 200
"""Passages taken from each channel: the clauses of these are compared by all the evidence."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question, analysed once."""

    text: str
    analysis: Analysis
    terms: dict[str, list[WeightedTerm]]
    vector: Numbers
    departments: frozenset[str]
    places: frozenset[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The candidates for a question.

    ``clauses``: positions in the index, ascending. ``features``: shape (candidates, FEATURES).
    ``passages``: the positions of the candidates' passages, ``passage_clauses`` those of their
    clauses, and ``support``: how much of the question each of them supports, in about [0, 1].
    ``words``: the words of the question with their ``weights``; ``coverage``, shape
    (candidates, words): how well each candidate covers each of them, in [0, 1]. ``outside``, shape
    (candidates,): how like the question is to one known to have no answer in their documents.
    """

    clauses: NDArray[np.int64]
    features: Numbers
    passages: NDArray[np.int64]
    passage_clauses: NDArray[np.int64]
    support: Numbers
    words: tuple[str, ...]
    weights: Numbers
    coverage: Numbers
    outside: Numbers


class Collector:
    """Collects the evidence for questions from an index.

    ``clause_departments`` holds the canonical names of the departments of each clause.
    """

    def __init__(self, index: Index, encoder: Encoder) -> None:
        self._index = index
        self._encoder = encoder
        self._clause_of = np.array([passage.clause for passage in index.passages], np.int64)
        self._kind_of = np.array(
            [KINDS.index(passage.kind) for passage in index.passages], np.int64
        )
        self._first_passage = np.searchsorted(self._clause_of, np.arange(len(index.clauses) + 1))
        positions = {document.id: position for position, document in enumerate(index.documents)}
        self._document_of = np.array([positions[c.document_id] for c in index.clauses], np.int64)
        self._unnumbered = np.array([not clause.number for clause in index.clauses], np.float32)
        self.clause_departments = [
            self._departments_of(clause.departments) for clause in index.clauses
        ]
        outside = np.arange(len(index.outside), dtype=np.int64)
        self._outside_vectors = index.outside.vectors(outside)
        self._places_of = [document_places(document) for document in index.documents]
        # People use the same words again and again; looking one up costs more than all the rest.
        self._neighbours = lru_cache(maxsize=_REMEMBERED_WORDS)(self._find_neighbours)

    def _departments_of(self, names: Sequence[str]) -> frozenset[str]:
        """Canonical names of the departments that ``names`` mention (their own where unknown)."""
        found = frozenset[str]().union(*map(self.mentioned_departments, names))
        return found or frozenset(names)

    def mentioned_departments(self, text: str) -> frozenset[str]:
        """Canonical names of the departments that a text names."""
        glossary = self._index.departments
        return frozenset(glossary.terms[position].zh for position in glossary.find(text))

    def vector(self, text: str) -> Numbers:
        """The sentence vector of a text, shape (dimension,), of length one."""
        vector: Numbers = self._encoder.encode([text])[0]
        return vector

    def query(self, text: str) -> Query:
        """Analyses a question."""
        analysis = analyse(text, self._index.glossary)
        terms = {
            channel: self._index.terms.weigh(analysis.channel(letter))
            for channel, letter in _LETTER.items()
        }
        return Query(
            text,
            analysis,
            terms,
            self._encoder.encode([text])[0],
            self.mentioned_departments(text),
            places_in(text),
        )

    def collect(self, query: Query, allowed: NDArray[np.bool_] | None = None) -> Evidence:
        """The evidence for the candidates of ``query``, within the ``allowed`` clauses where given."""
        lexical = {name: self._index.terms.score(terms) for name, terms in query.terms.items()}
        words, weights, similar = self._similar(query)
        lexical["similar"] = weights @ similar / max(float(weights.sum()), 1e-6)
        clauses = self._candidates(query, lexical, allowed)
        ranges = [np.arange(self._first_passage[c], self._first_passage[c + 1]) for c in clauses]
        passages = np.concatenate(ranges) if ranges else np.zeros(0, np.int64)
        dense = self._index.store.vectors(passages) @ query.vector
        scores = [
            *(lexical[name][passages] for name in PASSAGE_CHANNELS[:-1]),
            np.maximum(dense, 0),
        ]
        features = np.concatenate(
            [
                *(self._by_kind(clauses, passages, score) for score in scores),
                self._context(query, clauses),
            ],
            axis=1,
        )
        support = (scores[0] + scores[3] + scores[4] + 2 * scores[5]) / 5
        coverage = self._by_clause(clauses, similar[:, passages])
        return Evidence(
            clauses,
            features.astype(np.float32),
            passages,
            self._clause_of[passages],
            support,
            words,
            weights,
            coverage,
            self._outside(query)[self._document_of[clauses]],
        )

    def _candidates(
        self, query: Query, lexical: dict[str, Numbers], allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        if allowed is None:
            allowed = np.ones(len(self._document_of), bool)
        if allowed.sum() <= _CANDIDATES:
            return np.flatnonzero(allowed)
        chosen = [
            _top(np.where(allowed[self._clause_of], score, 0), _CANDIDATES)
            for score in lexical.values()
        ]
        chosen.append(self._index.store.search(query.vector[None], _CANDIDATES)[1][0])
        clauses = np.unique(self._clause_of[np.concatenate(chosen)])
        return clauses[allowed[clauses]]

    def _similar(self, query: Query) -> tuple[tuple[str, ...], Numbers, Numbers]:
        """The question's words, their weights, and how well each passage covers each of them by
        the most similar word it has, shape (words, passages).

        A soft form of BM25 in the spirit of Kusner et al. 2015 (word mover's distance) and of
        ColBERT's MaxSim (Khattab & Zaharia 2020), over word vectors that span three languages.
        """
        index, terms = self._index, query.terms["words"]
        covered = np.zeros((len(terms), len(index.passages)), np.float32)
        if not terms:
            return (), np.zeros(0, np.float32), covered
        surfaces = [query.analysis.surfaces[term.term] for term in terms]
        for position, (term, surface) in enumerate(zip(terms, surfaces, strict=True)):
            best = covered[position]
            if term.row >= 0:
                columns, values = index.terms.posting(term.row)
                best[columns] = values
            for similarity, row in self._neighbours(surface):
                columns, values = index.terms.posting(row)
                best[columns] = np.maximum(best[columns], values * similarity)
        weights = np.array([term.weight for term in terms], np.float32)
        return tuple(surfaces), weights, covered

    def _find_neighbours(self, surface: str) -> list[tuple[float, int]]:
        """Similarity and row of the words of the index that are most similar to a word."""
        similarities, found = self._index.words.search(self._encoder.encode([surface]), _NEIGHBOURS)
        return [
            (float(similarity), int(self._index.vocabulary[neighbour]))
            for similarity, neighbour in zip(similarities[0], found[0], strict=True)
            if similarity >= _SIMILAR_ENOUGH
        ]

    def _outside(self, query: Query) -> Numbers:
        """The highest similarity of the question to one that has no answer, by document."""
        best = np.zeros(len(self._index.documents), np.float32)
        similarities = self._outside_vectors @ query.vector
        np.maximum.at(best, self._index.outside_documents, similarities)
        return best

    def _by_clause(self, clauses: NDArray[np.int64], coverage: Numbers) -> Numbers:
        """The best coverage of each word by the passages of each clause, (clauses, words)."""
        sizes = self._first_passage[clauses + 1] - self._first_passage[clauses]
        starts = (
            np.concatenate([[0], np.cumsum(sizes)[:-1]]) if len(sizes) else np.zeros(0, np.int64)
        )
        if not coverage.size:
            return np.zeros((len(clauses), len(coverage)), np.float32)
        return np.maximum.reduceat(coverage, starts.astype(np.int64), axis=1).T

    def _by_kind(
        self, clauses: NDArray[np.int64], passages: NDArray[np.int64], scores: Numbers
    ) -> Numbers:
        """The best score of each clause's passages by kind, shape (clauses, KINDS)."""
        best = np.zeros((len(clauses), len(KINDS)), np.float32)
        row = np.searchsorted(clauses, self._clause_of[passages])
        np.maximum.at(best, (row, self._kind_of[passages]), scores)
        return best

    def _context(self, query: Query, clauses: NDArray[np.int64]) -> Numbers:
        documents = self._document_of[clauses]
        columns: list[NDArray[np.floating]] = []
        terms = self._index.document_terms
        for channel in ("words", "grams", "concepts"):
            scores = terms.score(terms.weigh(query.analysis.channel(_LETTER[channel])))
            columns += [scores[0::2][documents], scores[1::2][documents]]
        titles = self._index.document_titles.vectors(documents) @ query.vector
        columns.append(np.maximum(titles, 0))
        columns += self._places(query, documents)
        columns.append(np.array([self._names_department(query, c) for c in clauses], np.float32))
        columns.append(self._unnumbered[clauses])
        return np.stack(columns, axis=1).astype(np.float32)

    def _places(self, query: Query, documents: NDArray[np.int64]) -> list[Numbers]:
        """Whether each document is of a place that the question names, of one that holds it or that
        it holds; and whether of others only."""
        near = around(query.places)
        here = np.zeros(len(documents), np.float32)
        elsewhere = np.zeros(len(documents), np.float32)
        if query.places:
            for row, document in enumerate(documents):
                places = self._places_of[document]
                here[row] = bool(near & places)
                elsewhere[row] = bool(places) and not here[row]
        return [here, elsewhere]

    def _names_department(self, query: Query, clause: int) -> float:
        if not query.departments:
            return 0.0
        return len(query.departments & self.clause_departments[clause]) / len(query.departments)


def _top(scores: Numbers, k: int) -> NDArray[np.int64]:
    """Positions of the ``k`` best scores above zero."""
    positive = np.flatnonzero(scores)
    if len(positive) <= k:
        return positive
    return positive[np.argpartition(-scores[positive], k)[:k]]
