"""The engine on this machine: vectors by FAISS, terms in memory-mapped postings."""

from __future__ import annotations

from dataclasses import dataclass

from qa.lexical import LexicalIndex
from qa.stores import Allowed, Positions, Scores, Vectors
from qa.stores.faiss import FaissStore


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Searches files of the build."""

    store: FaissStore
    terms: LexicalIndex

    def dense(self, vector: Vectors, k: int, allowed: Allowed = None) -> tuple[Scores, Positions]:
        similarities, positions = self.store.search(vector[None], k, allowed)
        return similarities[0], positions[0]

    def lexical(
        self, rows: Positions, weights: Scores, k: int, allowed: Allowed = None
    ) -> tuple[Scores, Positions]:
        return self.terms.best(rows, weights, k, allowed)

    def similarities(self, vector: Vectors, positions: Positions) -> Scores:
        return self.store.similarities(vector, positions)

    def saturated(self, rows: Positions, positions: Positions) -> Scores:
        return self.terms.saturated(rows, positions)
