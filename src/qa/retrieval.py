"""A question → the clauses that bear on it, best first, each with a probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.encoder import Encoder
from qa.evidence import Collector, Evidence, Query
from qa.index import Index
from qa.ranking import Ranking
from qa.scope import Catalogue
from qa.types import LANGUAGES, Hit, Language


@dataclass(frozen=True, slots=True)
class Result:
    """What a search found: hits best first (probability down, id up) and what speaks for them."""

    query: Query
    hits: tuple[Hit, ...]
    evidence: Evidence


class Retriever:
    """Searches an index."""

    def __init__(self, index: Index, encoder: Encoder, ranking: Ranking) -> None:
        self.index = index
        self.collector = Collector(index, encoder)
        self._ranking = ranking
        self.catalogue = Catalogue(index, self.collector)
        self._rank_of_id = _rank_of_id(index)
        self._stands_in = _stands_in(index, self.catalogue)

    def search(
        self,
        question: str,
        language: Language,
        limit: int = 10,
        allowed: NDArray[np.bool_] | None = None,
    ) -> Result:
        """The ``limit`` best clauses, of those ``allowed`` (a mask over clauses) where given.

        The hits tell nothing yet about whether their policies hold.
        """
        query = self.collector.query(question)
        evidence = self.collector.collect(query, allowed)
        native = self._stands_in[language][evidence.clauses]
        probabilities = self._ranking.probabilities(evidence, native)
        # Equal probabilities are ordered by id: one question has one answer.
        order = np.lexsort((self._rank_of_id[evidence.clauses], -probabilities))[:limit]
        hits = tuple(
            Hit(self.index.clauses[evidence.clauses[i]], float(probabilities[i]), rank)
            for rank, i in enumerate(order, start=1)
        )
        return Result(query, hits, evidence)


def _rank_of_id(index: Index) -> NDArray[np.int64]:
    """The rank of each clause's id among all."""
    stored = getattr(index, "id_rank", None)
    if stored is not None:
        return np.asarray(stored)
    ids = np.array([clause.id for clause in index.clauses])
    return np.argsort(np.argsort(ids, kind="stable"), kind="stable")


def _stands_in(index: Index, catalogue: Catalogue) -> dict[Language, NDArray[np.bool_]]:
    """For each language the clauses that stand in it, in the original or translated."""
    stored = getattr(index, "languages", None)
    if stored is not None:
        bits = np.asarray(stored)
        return {name: bits & (1 << bit) > 0 for bit, name in enumerate(LANGUAGES)}
    originals = np.array([heading.language for heading in catalogue.headings], "U2")
    stands = {name: (originals == name)[catalogue.document_of] for name in LANGUAGES}
    positions = {clause.id: place for place, clause in enumerate(index.clauses)}
    for clause_id, group in index.translations.items():
        for translation in group:
            stands[translation.language][positions[clause_id]] = True
    return stands
