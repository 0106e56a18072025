"""What speaks for each clause as the answer to a question, as numbers in [0, 1].

Six channels (words, grams, sounds, concepts, similar words, dense) look at four kinds of
passages (title, sentence, whole clause, wording); of the languages that a clause stands in, the
best counts. Document titles and whole documents say which policy is meant. Nothing is decided here:
``ranking.py`` weighs the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qa.analysis import Analysis, analyse
from qa.encoder import Encoder
from qa.index import Index
from qa.lexical import WeightedTerm
from qa.places import around, places_in
from qa.types import PASSAGE_KINDS as KINDS

Numbers = NDArray[np.float32]

PASSAGE_CHANNELS = ("words", "grams", "sounds", "concepts", "similar", "dense")
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

    def of(self, kept: NDArray[np.bool_]) -> Evidence:
        """What speaks for some of the candidates, ``kept``: a mask over them. The passages of the
        others stay among the passages."""
        return replace(
            self,
            clauses=self.clauses[kept],
            features=self.features[kept],
            coverage=self.coverage[kept],
            outside=self.outside[kept],
        )


class Collector:
    """Collects the evidence for questions from an index."""

    def __init__(self, index: Index, encoder: Encoder) -> None:
        self._index = index
        self._encoder = encoder
        outside = np.arange(len(index.outside), dtype=np.int64)
        self._outside_vectors = index.outside.vectors(outside)
        # People use the same words again and again; looking one up costs more than all the rest.
        self._neighbours = lru_cache(maxsize=_REMEMBERED_WORDS)(self._find_neighbours)

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
        return Query(
            text,
            analysis,
            _by_channel(self._index.terms.weigh(analysis.terms)),
            self.vector(text),
            self.mentioned_departments(text),
            places_in(text),
        )

    def collect(self, query: Query, allowed: NDArray[np.bool_] | None = None) -> Evidence:
        """The evidence for the candidates of ``query``, within the ``allowed`` clauses where given.

        All allowed clauses are candidates where they are few; else those of the passages that are
        best in any one channel.
        """
        wanted = _Wanted.of(query, self._neighbours)
        clauses = self._candidates(query, wanted, allowed)
        passages, sizes = self._passages_of(clauses)
        held = self._index.engine.saturated(wanted.rows, passages)
        similar = wanted.coverage(held)
        scores = [
            *(wanted.score(channel, held) for channel in _LETTER),
            wanted.weights @ similar / max(float(wanted.weights.sum()), 1e-6),
            np.maximum(self._index.engine.similarities(query.vector, passages), 0),
        ]
        owners = np.repeat(np.arange(len(clauses)), sizes)
        kinds = self._index.kind_of[passages]
        features = np.concatenate(
            [
                _by_kind(owners, kinds, np.stack(scores), len(clauses)),
                self._context(query, clauses),
            ],
            axis=1,
        )
        return Evidence(
            clauses,
            features.astype(np.float32),
            passages,
            clauses[owners],
            (scores[0] + scores[3] + scores[4] + 2 * scores[5]) / 5,
            wanted.words,
            wanted.weights,
            _by_clause(similar, sizes),
            self._outside(query)[self._index.document_of[clauses]],
        )

    def _passages_of(
        self, clauses: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The positions of all passages of ``clauses``, and how many each has."""
        firsts = self._index.first_passage[clauses]
        sizes = self._index.first_passage[clauses + 1] - firsts
        before = np.cumsum(sizes) - sizes
        return np.arange(sizes.sum()) + np.repeat(firsts - before, sizes), sizes

    def _candidates(
        self, query: Query, wanted: _Wanted, allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        count = len(self._index.clauses) if allowed is None else np.count_nonzero(allowed)
        if count <= _CANDIDATES:
            return np.arange(count) if allowed is None else np.flatnonzero(allowed)
        engine, clause_of = self._index.engine, self._index.clause_of
        within = None if allowed is None else allowed[clause_of]
        chosen = [
            engine.lexical(rows, weights, _CANDIDATES, within)[1]
            for rows, weights in wanted.channels()
        ]
        chosen.append(engine.dense(query.vector, _CANDIDATES, within)[1])
        return np.unique(clause_of[np.concatenate(chosen)]).astype(np.int64)

    def _find_neighbours(self, surface: str) -> tuple[tuple[float, int], ...]:
        """Similarity and row of the words of the index that are most similar to a word."""
        similarities, found = self._index.words.search(self._encoder.encode([surface]), _NEIGHBOURS)
        return tuple(
            (float(similarity), int(self._index.vocabulary[neighbour]))
            for similarity, neighbour in zip(similarities[0], found[0], strict=True)
            if similarity >= _SIMILAR_ENOUGH
        )

    def _outside(self, query: Query) -> Numbers:
        """The highest similarity of the question to one that has no answer, by document."""
        best = np.zeros(len(self._index.documents), np.float32)
        similarities = self._outside_vectors @ query.vector
        np.maximum.at(best, self._index.outside_documents, similarities)
        return best

    def _context(self, query: Query, clauses: NDArray[np.int64]) -> Numbers:
        """What speaks for the documents of ``clauses``, and for these apart from their passages."""
        found, places = np.unique(self._index.document_of[clauses], return_inverse=True)
        documents = found.astype(np.int64)
        columns: list[NDArray[np.floating]] = []
        terms = self._index.document_terms
        weighted = _by_channel(terms.weigh(query.analysis.terms))
        for channel in ("words", "grams", "concepts"):
            scores = terms.score(weighted[channel])
            columns += [scores[2 * documents], scores[2 * documents + 1]]
        titles = self._index.document_titles.similarities(query.vector, documents)
        columns.append(np.maximum(titles, 0))
        columns += self._places(query, documents)
        columns = [column[places] for column in columns]
        columns.append(self._names_department(query, clauses))
        columns.append((~self._index.numbered[clauses]).astype(np.float32))
        return np.stack(columns, axis=1).astype(np.float32)

    def _places(self, query: Query, documents: NDArray[np.int64]) -> list[Numbers]:
        """Whether each document is of a place that the question names, of one that holds it or that
        it holds; and whether of others only."""
        near = around(query.places)
        here = np.zeros(len(documents), np.float32)
        elsewhere = np.zeros(len(documents), np.float32)
        if query.places:
            for row, document in enumerate(documents.tolist()):
                places = self._index.places.of(document)
                here[row] = bool(near & places)
                elsewhere[row] = bool(places) and not here[row]
        return [here, elsewhere]

    def _names_department(self, query: Query, clauses: NDArray[np.int64]) -> Numbers:
        """The share of the departments that the question names which each clause names, too."""
        if not query.departments:
            return np.zeros(len(clauses), np.float32)
        return _numbers(
            len(query.departments & self._index.departments_of(clause)) / len(query.departments)
            for clause in clauses.tolist()
        )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The terms of a question that the index has, each once.

    ``rows``: ascending. ``places`` and ``shares``, by channel: the positions in ``rows`` of its
    terms, and the share that each has of the weight of all its terms, known or not. ``words`` with
    their ``weights``; ``similar``: for each of them the positions in ``rows`` of itself and its
    neighbours, with their similarities.

    The channel of similar words is a soft form of BM25 in the spirit of Kusner et al. 2015 (word
    mover's distance) and of ColBERT's MaxSim (Khattab & Zaharia 2020), over word vectors that span
    three languages: a text covers a word by the most similar word that it has.
    """

    rows: NDArray[np.int64]
    places: dict[str, NDArray[np.int64]]
    shares: dict[str, Numbers]
    words: tuple[str, ...]
    weights: Numbers
    similar: tuple[tuple[NDArray[np.int64], Numbers], ...]

    @classmethod
    def of(
        cls, query: Query, neighbours: Callable[[str], tuple[tuple[float, int], ...]]
    ) -> _Wanted:
        """The terms of ``query``, with what ``neighbours`` gives for each of its words."""
        words = query.terms["words"]
        surfaces = tuple(query.analysis.surfaces[term.term] for term in words)
        groups = [
            [(1.0, term.row)] * (term.row >= 0) + list(neighbours(surface))
            for term, surface in zip(words, surfaces, strict=True)
        ]
        known = {name: [t for t in terms if t.row >= 0] for name, terms in query.terms.items()}
        found = {term.row for terms in known.values() for term in terms}
        rows = sorted(found.union(row for group in groups for _, row in group))
        place = {row: number for number, row in enumerate(rows)}
        return cls(
            np.array(rows, np.int64),
            {name: _integers(place[t.row] for t in terms) for name, terms in known.items()},
            {name: _shares(known[name], query.terms[name]) for name in known},
            surfaces,
            _numbers(term.weight for term in words),
            tuple(
                (_integers(place[row] for _, row in group), _numbers(cosine for cosine, _ in group))
                for group in groups
            ),
        )

    def channels(self) -> Iterator[tuple[NDArray[np.int64], Numbers]]:
        """The rows and weights by which candidates are chosen, channel by channel.

        For similar words the sum over neighbours stands in for the best of them: the candidates
        are compared by the best afterwards.
        """
        for name, places in self.places.items():
            yield self.rows[places], self.shares[name]
        neighbours = [np.zeros(0, np.int64), *(places for places, _ in self.similar)]
        weights = [
            np.zeros(0, np.float32),
            *(w * s for w, (_, s) in zip(self.weights, self.similar, strict=True)),
        ]
        yield self.rows[np.concatenate(neighbours)], np.concatenate(weights).astype(np.float32)

    def score(self, channel: str, held: Numbers) -> Numbers:
        """How much of a channel's terms each passage holds, in [0, 1]; ``held``: the saturated
        frequencies of ``rows``, shape (rows, passages)."""
        found: Numbers = self.shares[channel] @ held[self.places[channel]]
        return found

    def coverage(self, held: Numbers) -> Numbers:
        """How well each passage covers each of ``words``, shape (words, passages)."""
        covered = np.zeros((len(self.words), held.shape[1]), np.float32)
        for word, (places, similarities) in enumerate(self.similar):
            if len(places):
                covered[word] = (similarities[:, None] * held[places]).max(axis=0)
        return covered


def _shares(known: Iterable[WeightedTerm], terms: Iterable[WeightedTerm]) -> Numbers:
    """The share that each of the ``known`` terms has of the weight of all ``terms``."""
    total = sum(term.weight for term in terms) or 1.0
    return _numbers(term.weight / total for term in known)


def _integers(values: Iterable[int]) -> NDArray[np.int64]:
    return np.array([*values], np.int64)


def _numbers(values: Iterable[float]) -> Numbers:
    return np.array([*values], np.float32)


def _by_channel(terms: Iterable[WeightedTerm]) -> dict[str, list[WeightedTerm]]:
    """Terms by the name of their channel, in their order."""
    channels: dict[str, list[WeightedTerm]] = {letter: [] for letter in _LETTER.values()}
    for term in terms:
        channels[term.term[0]].append(term)
    return {name: channels[letter] for name, letter in _LETTER.items()}


def _by_kind(
    owners: NDArray[np.int64], kinds: NDArray[np.uint8], scores: Numbers, clauses: int
) -> Numbers:
    """The best of each of ``scores``, shape (channels, passages), among the passages of a clause by
    kind, shape (clauses, channels · KINDS)."""
    best = np.zeros((clauses * len(KINDS), len(scores)), np.float32)
    places = owners * len(KINDS) + kinds
    # Passages of one kind stand together, mostly: the best of each stretch, then of all stretches.
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    if len(starts):
        np.maximum.at(best, places[starts], np.maximum.reduceat(scores, starts, axis=1).T)
    by_kind = best.reshape(clauses, len(KINDS), len(scores)).swapaxes(1, 2)
    return by_kind.reshape(clauses, len(scores) * len(KINDS))


def _by_clause(coverage: Numbers, sizes: NDArray[np.int64]) -> Numbers:
    """The best coverage of each word by the passages of each clause, shape (clauses, words)."""
    if not coverage.size:
        return np.zeros((len(sizes), len(coverage)), np.float32)
    best: Numbers = np.maximum.reduceat(coverage, np.cumsum(sizes) - sizes, axis=1).T
    return best
