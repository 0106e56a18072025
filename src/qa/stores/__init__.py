"""What searches among passages, behind one small contract; one file for each engine.

The records and the lexicon of an index are always local. What grows with the passages and is
searched (vectors, postings) lies in an engine: on this machine (``local.py``) or on others.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
Scores: TypeAlias = NDArray[np.float32]
Positions: TypeAlias = NDArray[np.int64]
Allowed: TypeAlias = NDArray[np.bool_] | None
"""Which passages may be found, shape (passages,); None for all."""


class VectorStore(Protocol):
    """Unit vectors by position; similarity is the inner product, higher is closer."""

    def __len__(self) -> int:
        """How many vectors the store holds."""

    def search(self, queries: Vectors, k: int, allowed: Allowed = None) -> tuple[Scores, Positions]:
        """The ``min(k, allowed)`` closest vectors of each query.

        Args:
            queries: shape (queries, dimension), unit rows.
            allowed: those that may be found; others are left out before the closest are chosen.

        Returns:
            Similarities and positions, shape (queries, min(k, allowed)); order: similarity down,
            position up.

        Raises:
            ValueError: the dimension differs from that of the store.
        """

    def similarities(self, query: Vectors, positions: Positions) -> Scores:
        """Those of one query, shape (dimension,), to the vectors at ``positions``."""

    def vectors(self, positions: Positions) -> Vectors:
        """The stored vectors at ``positions``, shape (positions, dimension)."""


class Engine(Protocol):
    """Searches the passages of an index. Positions are those of passages; rows those of terms in
    the lexicon of the index."""

    def dense(self, vector: Vectors, k: int, allowed: Allowed = None) -> tuple[Scores, Positions]:
        """The ``k`` passages whose vectors are closest to ``vector``, shape (dimension,).

        Returns:
            Similarities and positions; order: similarity down, position up.
        """

    def lexical(
        self, rows: Positions, weights: Scores, k: int, allowed: Allowed = None
    ) -> tuple[Scores, Positions]:
        """The ``k`` passages with the highest sums, above zero, of weight times saturated
        frequency over ``rows`` (−1 is passed over).

        It chooses candidates: an engine may leave out terms that stand in very many passages.

        Returns:
            Sums and positions; order: sum down, position up.
        """

    def similarities(self, vector: Vectors, positions: Positions) -> Scores:
        """The similarities of ``vector``, shape (dimension,), to the given passages."""

    def saturated(self, rows: Positions, positions: Positions) -> Scores:
        """The saturated frequency of each of ``rows`` (−1: 0) in each of the given passages, shape
        (rows, positions), in [0, 1]."""


def best_first(similarities: Scores, positions: Positions) -> tuple[Scores, Positions]:
    """Rows ordered by similarity down, then position up."""
    order = np.lexsort((positions, -similarities), axis=-1)
    return np.take_along_axis(similarities, order, -1), np.take_along_axis(positions, order, -1)


def check_dimension(queries: Vectors, dimension: int) -> None:
    """Raises ValueError where the queries do not have the dimension of the store."""
    if queries.ndim != 2 or queries.shape[1] != dimension:
        raise ValueError(f"queries have shape {queries.shape}, the store has dimension {dimension}")
