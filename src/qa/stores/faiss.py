"""The vectors on this machine, by FAISS: exact while they are few, compressed beyond.

Few vectors are kept as they are and compared one by one. Many are scanned as sketches of half a
byte for four dimensions (a product quantiser in the in-register layout of André et al. 2017,
*Accelerated Nearest Neighbor Search with Quick ADC*), and the closest of the sketches compared
again by their bytes (int8), memory-mapped. Measured on 674,000 passages of Chinese laws and 150
real questions: recall@10 0.994 at 2 ms; an inverted file (IVF2048) had 0.87 at as much, as
questions are not distributed like passages. See docs/scale.md.

The quantiser is made for unit vectors in general, not trained on those at hand: turned at random,
their coordinates are nearly normal, and the best sixteen points for four normal coordinates are
always the same. So the code of a passage depends on nothing but its vector: it can be kept from
build to build, and two builds agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import faiss
import numpy as np

from qa.records import ArrayFile, read_array
from qa.stores import Allowed, Positions, Scores, Vectors, best_first, check_dimension

# Two OpenMP threads stall a single query: 9 ms instead of 0.3 ms at 1e4 vectors.
faiss.omp_set_num_threads(1)

EXACT_UP_TO = 20_000
"""Vectors that are kept as they are: 2 ms a search."""

_SKETCHED = 4
"""Dimensions in half a byte of a sketch."""

_COMPARED = 1024
"""Sketches that are compared again by their bytes: recall@10 0.994; 0.988 with half of them."""

_FEW = 20_000
"""Allowed vectors up to which all of them are compared by their bytes: 4 ms."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Compressed vectors: sketches, shape (vectors, bytes); int8 codes, shape (vectors, dimension),
    and the ``scales``, shape (vectors,), that make them coordinates again."""

    sketches: np.ndarray[tuple[int, int], np.dtype[np.uint8]]
    codes: np.ndarray[tuple[int, int], np.dtype[np.int8]]
    scales: Scores

    @classmethod
    def of(cls, vectors: Vectors) -> Codes:
        """The codes of unit vectors, shape (vectors, dimension)."""
        scales = np.maximum(np.abs(vectors).max(axis=1, initial=0), 1e-12) / np.float32(127)
        codes = np.round(vectors / scales[:, None]).astype(np.int8)
        turned = _rotation(vectors.shape[1]).apply(np.ascontiguousarray(vectors, np.float32))
        return cls(_quantiser(vectors.shape[1]).compute_codes(turned), codes, scales)


@cache
def _rotation(dimension: int) -> faiss.LinearTransform:
    """A random rotation, always the same, to a whole number of sketched dimensions."""
    rotation = faiss.RandomRotationMatrix(dimension, -(-dimension // _SKETCHED) * _SKETCHED)
    rotation.init(7)
    return rotation


@cache
def _quantiser(dimension: int) -> faiss.ProductQuantizer:
    """The product quantiser for unit vectors in general."""
    parts = -(-dimension // _SKETCHED)
    normal = np.random.default_rng(7).standard_normal((40_000, _SKETCHED)).astype(np.float32)
    points = faiss.Kmeans(_SKETCHED, 16, niter=25, seed=7, max_points_per_centroid=2500)
    points.train(normal)
    quantiser = faiss.ProductQuantizer(parts * _SKETCHED, parts, 4)
    centroids = np.tile(points.centroids / np.sqrt(dimension), (parts, 1)).astype(np.float32)
    faiss.copy_array_to_vector(centroids.ravel(), quantiser.centroids)
    return quantiser


class FaissWriter:
    """Writes the files of a ``FaissStore``: ``<name>.faiss`` and, compressed, ``<name>.codes.npy``
    and ``<name>.scales.npy``. Takes vectors, or codes of them where it compresses."""

    def __init__(self, folder: Path, name: str, dimension: int, compressed: bool) -> None:
        self._path, self._dimension = folder / f"{name}.faiss", dimension
        self._sketches: list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]] = []
        self._exact = None if compressed else faiss.IndexFlatIP(dimension)
        if compressed:
            self._codes = ArrayFile(folder / f"{name}.codes.npy", np.int8, (dimension,))
            self._scales = ArrayFile(folder / f"{name}.scales.npy", np.float32)

    def add(self, rows: Vectors | Codes) -> None:
        """Vectors after those that were added before."""
        if self._exact is not None:
            if isinstance(rows, Codes):
                raise TypeError("an exact store takes vectors")
            self._exact.add(np.ascontiguousarray(rows, np.float32))
            return
        codes = rows if isinstance(rows, Codes) else Codes.of(rows)
        self._sketches.append(codes.sketches)
        self._codes.add(codes.codes)
        self._scales.add(codes.scales)

    def close(self) -> None:
        """Writes what is left to be written."""
        if self._exact is None:
            self._codes.close()
            self._scales.close()
        # Through Python's own file: FAISS reports a full disk with a C++ trace, Python by name.
        with self._path.open("wb") as file:
            file.write(faiss.serialize_index(self._index()).data)

    def abandon(self) -> None:
        """Closes the files as they are; they cannot be read."""
        if self._exact is None:
            self._codes.abandon()
            self._scales.abandon()

    def _index(self) -> faiss.Index:
        if self._exact is not None:
            return self._exact
        quantiser = _quantiser(self._dimension)
        plain = faiss.IndexPQ(quantiser.d, quantiser.M, 4, faiss.METRIC_INNER_PRODUCT)
        plain.pq, plain.is_trained = quantiser, True
        sketches = np.concatenate([np.zeros((0, quantiser.code_size), np.uint8), *self._sketches])
        faiss.copy_array_to_vector(sketches.ravel(), plain.codes)
        plain.ntotal = len(sketches)
        scanned = faiss.IndexPQFastScan(plain)  # type: ignore[arg-type] # its stubs know one way
        return faiss.IndexPreTransform(_rotation(self._dimension), scanned)


class FaissStore:
    """The store that ``FaissWriter`` wrote."""

    def __init__(self, folder: Path, name: str) -> None:
        # Sketches are read whole at each search: they belong into memory.
        self._index = faiss.deserialize_index(np.fromfile(folder / f"{name}.faiss", np.uint8))
        self._compressed = isinstance(self._index, faiss.IndexPreTransform)
        if self._compressed:
            self._codes = read_array(folder / f"{name}.codes.npy")
            self._scales = read_array(folder / f"{name}.scales.npy")
        else:
            count, dimension = self._index.ntotal, self._index.d
            flat = np.zeros(0, np.float32)
            if count:
                pointer = self._index.get_xb()  # type: ignore[attr-defined] # of a flat index
                flat = faiss.rev_swig_ptr(pointer, count * dimension)
            self._vectors: Vectors = flat.reshape(count, dimension)

    @classmethod
    def build(
        cls, vectors: Vectors, folder: Path, name: str = "vectors", compressed: bool | None = None
    ) -> FaissStore:
        """A store of ``vectors``, shape (vectors, dimension), unit rows, written into ``folder``;
        compressed where they are many unless told otherwise."""
        if compressed is None:
            compressed = len(vectors) > EXACT_UP_TO
        writer = FaissWriter(folder, name, vectors.shape[1], compressed)
        writer.add(vectors)
        writer.close()
        return cls(folder, name)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, queries: Vectors, k: int, allowed: Allowed = None) -> tuple[Scores, Positions]:
        # FAISS itself raises an empty AssertionError here, and pads with -1 where k > n.
        check_dimension(queries, self._index.d)
        k = min(k, len(self) if allowed is None else int(np.count_nonzero(allowed)))
        if not k or not len(queries):
            empty = (len(queries), k)
            return np.zeros(empty, np.float32), np.zeros(empty, np.int64)
        queries = np.ascontiguousarray(queries, np.float32)
        if self._compressed:
            found = [self._search_compressed(query, k, allowed) for query in queries]
            return np.stack([s for s, _ in found]), np.stack([p for _, p in found])
        return self._search_exact(queries, k, allowed)

    def _search_exact(self, queries: Vectors, k: int, allowed: Allowed) -> tuple[Scores, Positions]:
        parameters, total = None, len(self)
        if allowed is not None:
            parameters = faiss.SearchParameters()
            bits = np.packbits(allowed, bitorder="little")
            parameters.sel = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
            total = int(np.count_nonzero(allowed))
        wider = min(k + 1, total)
        found = self._index.search(queries, wider, params=parameters)
        # Of the equally close at its border FAISS keeps any, the contract the first: look further.
        while wider < total and (found[0][:, k - 1] == found[0][:, -1]).any():
            wider = min(2 * wider, total)
            found = self._index.search(queries, wider, params=parameters)
        similarities, positions = best_first(*found)
        return similarities[:, :k], positions[:, :k]

    def _search_compressed(
        self, query: Vectors, k: int, allowed: Allowed
    ) -> tuple[Scores, Positions]:
        positions = self._sketched(query, max(_COMPARED, k), allowed)
        similarities, positions = best_first(self.similarities(query, positions), positions)
        return similarities[:k], positions[:k]

    def _sketched(self, query: Vectors, wanted: int, allowed: Allowed) -> Positions:
        """The ``wanted`` allowed positions, or all that there are, whose sketches are closest."""
        if allowed is None:
            wanted = min(wanted, len(self))
            return np.asarray(self._index.search(query[None], wanted)[1][0], np.int64)
        total = int(np.count_nonzero(allowed))
        if total <= max(_FEW, wanted):
            return np.flatnonzero(allowed)
        fetched = 0
        found = np.zeros(0, np.int64)
        while len(found) < wanted and fetched < len(self):
            share = max(len(found), 1) / fetched if fetched else total / len(self)
            fetched = min(len(self), max(2 * fetched, int(1.2 * wanted / share)))
            found = self._index.search(query[None], fetched)[1][0]
            found = found[allowed[found]]
        return np.asarray(found[:wanted], np.int64)

    def similarities(self, query: Vectors, positions: Positions) -> Scores:
        if not self._compressed:
            # Neighbours, as all passages are, cost no copy as a slice.
            adjoining = len(positions) and (np.diff(positions) == 1).all()
            rows = slice(positions[0], positions[-1] + 1) if adjoining else positions
            return _products(self._vectors[rows], query)
        codes = self._codes[positions].astype(np.float32)
        found: Scores = _products(codes, query) * self._scales[positions]
        return found

    def vectors(self, positions: Positions) -> Vectors:
        if not self._compressed:
            return self._vectors[positions]
        found: Vectors = self._codes[positions] * self._scales[positions][:, None]
        return found


def _products(vectors: Vectors, query: Vectors) -> Scores:
    """The inner product of each vector with ``query``, without the threads of the BLAS: two of
    them stall a single query as those of FAISS do."""
    found: Scores = np.einsum("ij,j->i", vectors, query)
    return found
