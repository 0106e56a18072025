"""The oracle: every vector compared with numpy. Any other store must agree with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qa.stores import Vectors, best_first, check_dimension


class ExactStore:
    """Vectors in one array of shape (vectors, dimension)."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    @classmethod
    def load(cls, path: Path) -> ExactStore:
        """The store that ``save`` wrote."""
        with path.open("rb") as file:
            return cls(np.load(file, allow_pickle=False))

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, self._vectors, allow_pickle=False)

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, NDArray[np.int64]]:
        check_dimension(queries, self._vectors.shape[1])
        k = min(k, len(self))
        similarities = queries @ self._vectors.T
        positions = np.broadcast_to(np.arange(len(self), dtype=np.int64), similarities.shape)
        similarities, positions = best_first(similarities, positions)
        return similarities[:, :k], positions[:, :k]

    def vectors(self, positions: NDArray[np.int64]) -> Vectors:
        return self._vectors[positions]
