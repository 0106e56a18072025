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

    def search(
        self,
        question: str,
        language: Language,
        limit: int = 10,
        allowed: NDArray[np.bool_] | None = None,
    ) -> Result:
        """The ``limit`` best clauses, of those ``allowed`` (a mask over clauses) where given.

        The hits tell nothing yet about whether their policies hold.

        Raises:
            IndexDamaged: files that were verified meanwhile are not what was built.
        """
        self.index.check()
        query = self.collector.query(question)
        return self._ranked(query, self.collector.collect(query, allowed), language, limit)

    def among(
        self, result: Result, language: Language, limit: int, allowed: NDArray[np.bool_]
    ) -> Result:
        """The ``limit`` best of the candidates of a search that are ``allowed``, as if the others
        were not there: what speaks for a clause depends on no other, what it is worth does."""
        evidence = result.evidence.of(allowed[result.evidence.clauses])
        return self._ranked(result.query, evidence, language, limit)

    def _ranked(self, query: Query, evidence: Evidence, language: Language, limit: int) -> Result:
        native = self.index.languages[evidence.clauses] & (1 << LANGUAGES.index(language)) > 0
        probabilities = self._ranking.probabilities(evidence, native)
        # Equal probabilities are ordered by id: one question has one answer.
        order = np.lexsort((self.index.id_rank[evidence.clauses], -probabilities))[:limit]
        hits = tuple(
            Hit(self.index.clauses[evidence.clauses[i]], float(probabilities[i]), rank)
            for rank, i in enumerate(order, start=1)
        )
        return Result(query, hits, evidence)
