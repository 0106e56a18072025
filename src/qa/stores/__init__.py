"""Vector stores behind one small contract."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class VectorStore(Protocol):
    """Unit vectors by position; similarity is the inner product, higher is closer."""

    def __len__(self) -> int:
        """How many vectors the store holds."""

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, NDArray[np.int64]]:
        """The ``min(k, len)`` closest vectors of each query.

        Args:
            queries: shape (queries, dimension), unit rows.

        Returns:
            Similarities and positions, shape (queries, min(k, len)); order: similarity down,
            position up.

        Raises:
            ValueError: the dimension differs from that of the store.
        """

    def vectors(self, positions: NDArray[np.int64]) -> Vectors:
        """The stored vectors at ``positions``, shape (positions, dimension)."""

    def save(self, path: Path) -> None:
        """Writes the store to a file that the class's ``load`` reads."""


def best_first(
    similarities: Vectors, positions: NDArray[np.int64]
) -> tuple[Vectors, NDArray[np.int64]]:
    """Rows ordered by similarity down, then position up."""
    order = np.lexsort((positions, -similarities), axis=-1)
    return np.take_along_axis(similarities, order, -1), np.take_along_axis(positions, order, -1)


def check_dimension(queries: Vectors, dimension: int) -> None:
    """Raises ValueError where the queries do not have the dimension of the store."""
    if queries.ndim != 2 or queries.shape[1] != dimension:
        raise ValueError(f"queries have shape {queries.shape}, the store has dimension {dimension}")
