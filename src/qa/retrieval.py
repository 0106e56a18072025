"""A question → the clauses that bear on it, best first, each with a probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.encoder import Encoder
from qa.evidence import Collector, Evidence, Query
from qa.index import Index
from qa.ranking import Ranking
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
        ids = np.array([clause.id for clause in index.clauses])
        self._rank_of_id = np.argsort(np.argsort(ids, kind="stable"), kind="stable")
        self._stands_in = {language: self._clauses_in(language) for language in LANGUAGES}

    def _clauses_in(self, language: Language) -> NDArray[np.bool_]:
        languages = {document.id: document.language for document in self.index.documents}
        return np.array(
            [
                languages[clause.document_id] == language
                or any(t.language == language for t in self.index.translations.get(clause.id, ()))
                for clause in self.index.clauses
            ],
            bool,
        )

    def search(
        self,
        question: str,
        language: Language,
        limit: int = 10,
        documents: frozenset[str] | None = None,
    ) -> Result:
        """The ``limit`` best clauses, within ``documents`` (ids) where given."""
        query = self.collector.query(question)
        evidence = self.collector.collect(query, documents)
        native = self._stands_in[language][evidence.clauses]
        probabilities = self._ranking.probabilities(evidence, native)
        # Equal probabilities are ordered by id: one question has one answer.
        order = np.lexsort((self._rank_of_id[evidence.clauses], -probabilities))[:limit]
        hits = tuple(
            Hit(self.index.clauses[evidence.clauses[i]], float(probabilities[i]), rank)
            for rank, i in enumerate(order, start=1)
        )
        return Result(query, hits, evidence)
